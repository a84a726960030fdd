"""Skips: each names what it needs, and CI decides which are failures."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

SUITE = """
import pytest
from tests.plugins.needs import need

def test_that_needs_a_part():
    need("teapot", "buy a teapot")

@pytest.mark.skipif(True, reason="needs kettle: buy a kettle")
def test_that_is_marked():
    pass

def test_that_skips_for_no_reason():
    if {nameless}:
        pytest.skip("not today")
"""


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    (tmp_path / "conftest.py").write_text('pytest_plugins = ("tests.plugins.needs",)\n')
    return tmp_path


def run(suite: Path, *, must: str = "", nameless: bool = False) -> str:
    (suite / "test_it.py").write_text(SUITE.format(nameless=nameless))
    environment = {**os.environ, "SOUK_TEST_MUST_RUN": must, "PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:cov", "-p", "no:xdist", str(suite)]
    return subprocess.run(command, env=environment, cwd=suite, capture_output=True, text=True, check=False).stdout


def test_a_missing_part_is_a_skip_on_a_machine_of_ones_own(suite: Path) -> None:
    assert "1 passed, 2 skipped" in run(suite)


def test_a_part_that_must_be_there_is_a_failure_with_its_remedy(suite: Path) -> None:
    report = run(suite, must="kettle,teapot")
    assert "1 failed, 1 passed, 1 error" in report
    assert "needs teapot: buy a teapot" in report


def test_a_skip_that_names_no_part_is_a_failure(suite: Path) -> None:
    report = run(suite, nameless=True)
    assert "1 failed, 2 skipped" in report
    assert "without naming what it needs" in report
