"""One PostgreSQL server for a whole run of the tests, however many processes share the work."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from souk.kernel.postgres import Choices, serve


@contextmanager
def one_server() -> Iterator[str]:
    """The DSN of the embedded server, or that of `SOUK_TEST_DATABASE_URL`.

    The process that comes first owns the server, and at its end waits until the others have let go of it.
    """
    given = os.environ.get("SOUK_TEST_DATABASE_URL")
    if given:
        yield given
        return
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID") or uuid4().hex
    home = Path(tempfile.gettempdir()) / f"souk-test-{run[:12]}"
    with home.with_suffix(".users").open("w") as users:
        fcntl.flock(users, fcntl.LOCK_SH)
        server = serve(home, Choices(durable=False))
        try:
            yield server.dsn
        finally:
            if server.owned:
                fcntl.flock(users, fcntl.LOCK_EX)
                server.stop()
                shutil.rmtree(home)
                Path(users.name).unlink()
