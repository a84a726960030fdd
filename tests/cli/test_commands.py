"""The command line: what a person types, sees and gets back."""

from __future__ import annotations

import errno
import json
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from souk.cli import main
from souk.cli.outcome import Code, outcome
from souk.kernel.config import ConfigError, Problem
from souk.kernel.db import DatabaseUnavailable, TooSlow
from souk.kernel.migrate import MigrationError
from souk.kernel.postgres import CannotServe
from souk.process import Fault, Unlawful
from tests.cli.typed import souk

COMMANDS = ("up", "serve", "work", "migrate", "seed", "doctor", "mail", "audit", "laws", "explain", "person", "market", "version")


def test_help_names_every_command_and_the_exit_codes() -> None:
    done = CliRunner().invoke(main, ["--help"])
    assert done.exit_code == 0
    assert [word for word in (*COMMANDS, "Exit codes") if word not in done.output] == []


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str) -> None:
    done = CliRunner().invoke(main, [command, "-h"], prog_name="souk")
    assert done.exit_code == 0
    assert f"souk {command}" in done.output


def test_the_page_of_commands_has_all_of_them() -> None:
    page = (Path(__file__).parents[2] / "docs" / "commands.md").read_text()
    assert [name for name in every_command(main, "souk") if f"`{name}" not in page] == []


def every_command(group: click.Group, name: str) -> Iterator[str]:
    """The full names of all commands below a group."""
    for each in group.commands.values():
        if isinstance(each, click.Group):
            yield from every_command(each, f"{name} {each.name}")
        else:
            yield f"{name} {each.name}"


def test_the_version_is_the_installed_one(tmp_path: Path) -> None:
    assert souk("version", home=tmp_path).stdout.startswith(f"souk {version('souk')} on Python ")


@pytest.mark.parametrize("words", [("frobnicate",), ("serve", "--port", "eight"), ("migrate", "--sideways")])
def test_a_wrong_command_line_ends_with_2(words: tuple[str, ...]) -> None:
    assert CliRunner().invoke(main, words).exit_code == Code.USAGE


@pytest.mark.parametrize(
    "words",
    [
        ("mail", "preview", "bazaar", "identity/welcome"),
        ("audit", "verify", "tulifo", "bazaar"),
        ("person", "add", "bazaar", "a@b.c", "--role", "admin"),
    ],
)
def test_a_market_that_there_is_not_is_a_wrong_command_line_too(tmp_path: Path, words: tuple[str, ...]) -> None:
    done = souk(*words, home=tmp_path)
    assert done.returncode == Code.USAGE
    assert "there is no market bazaar; there are tulifo, nimmit, go4u, grome, grid, sample" in done.stderr
    assert "SOUK_MARKETS" not in done.stderr


def test_a_wrong_setting_ends_with_3_and_says_which_and_how(tmp_path: Path) -> None:
    done = souk("migrate", home=tmp_path, SOUK_PROT="80")
    assert done.returncode == Code.CONFIGURATION
    assert "SOUK_PROT" in done.stderr
    assert "SOUK_PORT" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_doctor_reports_wrong_settings_as_findings(tmp_path: Path) -> None:
    done = souk("doctor", "--json", home=tmp_path, SOUK_POOL_SIZE="many")
    assert done.returncode == Code.CONFIGURATION
    assert [finding["name"] for finding in json.loads(done.stdout)] == ["SOUK_POOL_SIZE"]


def test_the_doctor_is_content_with_a_fresh_folder(tmp_path: Path) -> None:
    done = souk("doctor", home=tmp_path / "new")
    assert done.returncode == 0, done.stderr
    assert "all well" in done.stderr


def test_a_database_that_is_not_there_ends_with_4(tmp_path: Path) -> None:
    done = souk("migrate", home=tmp_path, SOUK_DATABASE_URL="postgres://nobody@127.0.0.1:1/nothing")
    assert done.returncode == Code.DATABASE, done.stderr
    assert "Remedy" in done.stderr
    assert "Traceback" not in done.stderr


def test_debug_shows_where_a_failure_came_from(tmp_path: Path) -> None:
    assert "Traceback" in souk("--debug", "migrate", home=tmp_path, SOUK_PROT="80").stderr


@pytest.mark.parametrize(
    ("error", "code", "says"),
    [
        (ConfigError([Problem("SOUK_PORT", "is wrong", "Mend it")]), Code.CONFIGURATION, "SOUK_PORT"),
        (CannotServe("No programs.", "install them"), Code.DATABASE, "No programs."),
        (DatabaseUnavailable(), Code.DATABASE, "cannot be reached"),
        (Unlawful("lesson", [Fault("every state is reached", "no order can come to lost.")]), Code.FAILED, "no order can come to lost"),
        (MigrationError("0002_more.sql is strange."), Code.FAILED, "0002_more.sql"),
        (TooSlow(), Code.FAILED, "longer than it may"),
        (KeyboardInterrupt(), Code.INTERRUPTED, "Interrupted"),
        (OSError(errno.EADDRINUSE, "Address already in use"), Code.FAILED, "taken"),
        (OSError(errno.ENOSPC, "No space left on device"), Code.FAILED, "No space"),
        (ZeroDivisionError("by zero"), Code.FAILED, "Unexpected ZeroDivisionError: by zero"),
    ],
)
def test_each_failure_has_its_code_and_its_sentence(error: BaseException, code: Code, says: str) -> None:
    end = outcome(error)
    assert end.code == code
    assert says in end.problem
