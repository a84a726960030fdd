"""`souk doctor`: each thing that a start needs, right and wrong."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from souk.app.doctor import Finding, examine
from souk.kernel.config import DEVELOPMENT_SECRET, Settings
from tests.plugins.needs import need


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return {"SOUK_ENV": "test", "SOUK_HOME": str(tmp_path / "home"), "SOUK_PORT": "0", "SOUK_MARKETS": "sample"}


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        yield holder.getsockname()[1]


def look(environment: dict[str, str], **changed: str) -> dict[str, Finding]:
    return {finding.name: finding for finding in examine(Settings.load({**environment, **changed}))}


def test_a_fresh_machine_is_well(environment: dict[str, str]) -> None:
    findings = look(environment)
    assert [finding for finding in findings.values() if not finding.ok] == []
    assert "first `souk up`" in findings["Database"].detail


def test_looking_changes_nothing(environment: dict[str, str], tmp_path: Path) -> None:
    look(environment)
    assert list(tmp_path.iterdir()) == []


def test_everything_wrong_has_a_remedy(environment: dict[str, str], taken_port: int) -> None:
    findings = look(environment, SOUK_PORT=str(taken_port), SOUK_DATABASE_URL="postgres://nobody@127.0.0.1:1/nothing")
    wrong = [finding for finding in findings.values() if not finding.ok]
    assert {finding.name for finding in wrong} == {"Port", "Database"}
    assert all(finding.remedy for finding in wrong)


def test_a_password_is_not_shown(environment: dict[str, str]) -> None:
    finding = look(environment, SOUK_DATABASE_URL="postgres://someone:hush@127.0.0.1:1/nothing")["Database"]
    assert "hush" not in finding.detail


def test_settings_of_ones_own_are_shown(environment: dict[str, str]) -> None:
    assert "SOUK_POOL_SIZE=3" in look(environment, SOUK_POOL_SIZE="3")["Settings"].detail


def test_a_market_that_is_not_installed_is_named(environment: dict[str, str]) -> None:
    findings = look(environment, SOUK_MARKETS="atlantis")
    assert "atlantis" in findings["SOUK_MARKETS"].detail


def test_a_home_that_is_a_file_cannot_be_used(environment: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert not look(environment, SOUK_HOME=str(tmp_path / "file"))["Home"].ok


def test_the_development_secret_is_said_to_be_one(environment: dict[str, str]) -> None:
    assert "everybody knows" in look(environment, SOUK_SECRET=DEVELOPMENT_SECRET)["Secret"].detail


def test_a_market_that_was_not_migrated_is_told(environment: dict[str, str], dsn: str) -> None:
    findings = look(environment, SOUK_DATABASE_URL=dsn)
    assert findings["Database"].ok
    assert findings["Rights"].ok
    assert findings["Extensions"].ok
    assert "migrations to run" in findings["Market sample"].detail


def test_more_connections_than_the_server_allows_are_told(environment: dict[str, str], dsn: str) -> None:
    finding = look(environment, SOUK_DATABASE_URL=dsn, SOUK_POOL_SIZE="500")["Connections"]
    assert not finding.ok
    assert "PgBouncer" in finding.remedy


def test_a_home_that_one_may_not_look_at_is_a_finding(environment: dict[str, str]) -> None:
    """As an unprivileged user, whose look-up fails instead of answering no."""
    if os.geteuid() != 0:
        need("root", "run the tests as root")
    closed = Path(tempfile.mkdtemp())
    program = (
        "import os, sys; from pathlib import Path; from souk.app.doctor import home; os.setuid(65534); "
        "print([found.ok for found in home(Path(sys.argv[1]))][0])"
    )
    done = subprocess.run([sys.executable, "-c", program, closed / "home"], capture_output=True, text=True, check=False, env=environment)
    closed.rmdir()
    assert done.stdout == "False\n", done.stderr
