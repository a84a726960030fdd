"""A market for the stories about messages, with a table in which handlers leave their effects."""

from __future__ import annotations

from pathlib import Path

import pytest

from souk.kernel.clock import Clock
from souk.kernel.db import Pool
from souk.kernel.migrate import Source, kernel_sources
from tests.kernel.messages.stage import Stage


@pytest.fixture
def sources() -> tuple[Source, ...]:
    return (*kernel_sources(), Source("effects", Path(__file__).parent / "migrations"))


@pytest.fixture
def stage(pool: Pool, clock: Clock) -> Stage:
    """The market of a test. Say what it consists of with `stage.open(...)`."""
    return Stage(pool, clock)
