"""Parts that a machine may lack: a test that needs one skips, saying how to get it, and CI names those that must be there.

    from tests.plugins.needs import need

    if shutil.which("pgbouncer") is None:
        need("pgbouncer", "apt-get install pgbouncer")

`SOUK_TEST_MUST_RUN=pgbouncer,postgres15` turns the skip of those into a failure. A skip that names no part always fails:
nobody can tell whether it was meant.
"""

from __future__ import annotations

import os
import re
from collections.abc import Generator
from typing import NoReturn

import pytest

REASON = re.compile(r"needs (?P<part>[\w.-]+): ")


def need(part: str, remedy: str) -> NoReturn:
    """Skip this test, because the part is not here."""
    pytest.skip(f"needs {part}: {remedy}")


def must_run() -> frozenset[str]:
    return frozenset(os.environ.get("SOUK_TEST_MUST_RUN", "").replace(",", " ").split())


def verdict(reason: str) -> str:
    """What is wrong with skipping for this reason; nothing when it is fine."""
    found = REASON.search(reason)
    if found is None:
        return f"skipped without naming what it needs ({reason}): use plugins.needs.need"
    if found["part"] in must_run():
        return f"must run here (SOUK_TEST_MUST_RUN), but {reason[found.start() :]}"
    return ""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    _judge(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    _judge(report)
    return report


def _judge(report: pytest.TestReport | pytest.CollectReport) -> None:
    if not report.skipped or hasattr(report, "wasxfail"):
        return
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    wrong = verdict(reason)
    if wrong:
        report.outcome = "failed"
        report.longrepr = wrong


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--database-only", action="store_true", help="run the tests that use a database server, and no others")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.getoption("--database-only"):
        return
    kept = [item for item in items if "server" in getattr(item, "fixturenames", ())]
    config.hook.pytest_deselected(items=[item for item in items if item not in kept])
    items[:] = kept
