"""`souk market`: a market is begun, judged, drawn, walked through, and changed while orders run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest
import uvloop
from click.testing import CliRunner

from souk.app.choosing import chosen_markets
from souk.app.scaffolding import CannotBegin, new_market
from souk.app.simulating import NothingToSimulate, simulate
from souk.cli import main
from souk.cli.outcome import Code
from souk.kernel.config import ConfigError, Settings
from tests.cli.typed import souk

LESSONS = "examples.lessons:LESSONS"
LATER = "tests.modules.orders.test_versions:LATER"
COMMANDS = ("new", "check", "draw", "simulate", "migrate-orders")

BROKEN = """
from msgspec.structs import replace
from examples.lessons import LESSON, LESSONS
from souk.process import process

LOST = replace(LESSON, steps=tuple(replace(step, money=()) if step.name == "confirm" else step for step in LESSON.steps))
"""
CARELESS = """
from msgspec.structs import replace
from examples.lessons import LESSON, LESSONS
from souk.modules import orders

async def fails(tx, order, params):
    return {"price": 1 / 0}

STEPS = tuple(replace(step, do=fails) if step.name in FAILING else step for step in LESSON.steps)
SALES = orders.sells(orders.Sold(replace(LESSON, steps=STEPS), "lessons"))
OTHERS = tuple(rule for rule in LESSONS.rules if not isinstance(rule, orders.Processes))
CARELESS = replace(LESSONS, modules=(*LESSONS.modules[:-1], SALES.module), rules=(*OTHERS, SALES.processes))
"""


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str) -> None:
    done = CliRunner().invoke(main, ["market", command, "-h"], prog_name="souk")
    assert done.exit_code == 0
    assert f"souk market {command}" in done.output


# Judging and drawing


def test_a_market_that_keeps_the_laws_is_told_which(tmp_path: Path) -> None:
    done = souk("market", "check", LESSONS, home=tmp_path)
    assert (done.returncode, done.stderr.strip()) == (0, "souk: all well")
    assert f"{LESSONS}: lesson, version 1: 9 states, 15 steps\n" in done.stdout
    assert "  ✓ money is conserved on every path\n" in done.stdout
    assert "  ✓ what is taken along exists\n" in done.stdout


def test_both_versions_of_a_process_are_judged(tmp_path: Path) -> None:
    said = souk("market", "check", LATER, home=tmp_path).stdout
    assert ("lesson, version 1:" in said, "lesson, version 2:" in said) == (True, True)


def test_a_broken_process_is_said_with_its_remedy(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text(BROKEN + "REFUSED = 1\n")
    (tmp_path / "refused.py").write_text(BROKEN + "process(**{name: getattr(LOST, name) for name in LOST.__struct_fields__})\n")
    done = souk("market", "check", LESSONS, "broken:LOST", "refused:LESSONS", home=tmp_path, at=tmp_path, PYTHONPATH=str(Path.cwd()))
    assert done.returncode == Code.FAILED
    assert done.stdout.count("  ✗ money is conserved on every path\n      done is an end, and money would be held there for ever") == 2
    assert "Release, refund, split or void it on the way.\n" in done.stdout
    assert "refused:LESSONS: lesson is refused\n" in done.stdout
    assert "2 of 4 break a law" in done.stderr


def test_installed_markets_are_judged_where_none_is_named(tmp_path: Path) -> None:
    assert souk("market", "check", home=tmp_path).returncode == 0


def test_a_process_is_drawn_and_its_permissions_are_a_table(tmp_path: Path) -> None:
    drawn = souk("market", "draw", LESSONS, home=tmp_path).stdout
    assert drawn.startswith("stateDiagram-v2\n")
    assert "    taught --> done: confirm (student) / clock 2 d after taught / release to tutor\n" in drawn
    assert souk("market", "draw", "examples.lessons:LESSON", "lesson", home=tmp_path).stdout == drawn
    assert "| disputed | - | - | - | - | resolve |\n" in souk("market", "draw", LESSONS, "--table", home=tmp_path).stdout


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("check", "examples.lessons:NOTHING"), "has no NOTHING"),
        (("check", "examples.lesson:LESSONS"), "there is no module examples.lesson"),
        (("check", "examples.lessons:S"), "Name a market or a process"),
        (("draw", LESSONS, "course"), "which has no process course"),
        (("simulate", "examples.lessons:LESSON"), "which is no market but a Process"),
        (("simulate", "sample"), "has no orders, or no people"),
        (("migrate-orders", LESSONS, "lesson", "--from", "1", "--to", "2"), "there are not both versions 1 and 2 of lesson"),
        (("migrate-orders", "sample", "lesson", "--from", "1", "--to", "2"), "the market sample has no orders"),
        (("new", "Dogs"), "cannot be a market's name"),
        (("new", "grid"), "there is a market grid already"),
        (("new", "json"), "Python has a module json already"),
    ],
)
def test_a_wrong_command_line_is_told_so(tmp_path: Path, words: tuple[str, ...], says: str) -> None:
    done = souk("market", *words, home=tmp_path)
    assert done.returncode == Code.USAGE, done.stderr
    assert says in " ".join(done.stderr.replace("│", " ").split())


# Markets that are not installed


def test_markets_are_chosen_by_their_module_and_must_be_apart() -> None:
    (lessons,) = chosen_markets(Settings.load({"SOUK_MARKETS": LESSONS}))
    assert lessons.name == "lessons"
    with pytest.raises(ConfigError, match="2 markets that are called lessons"):
        chosen_markets(Settings.load({"SOUK_MARKETS": f"{LESSONS},{LATER}"}))
    with pytest.raises(ConfigError, match="there is no module nowhere"):
        chosen_markets(Settings.load({"SOUK_MARKETS": "nowhere:LESSONS"}))
    with pytest.raises(ConfigError, match="not a market's name"):
        Settings.load({"SOUK_MARKETS": "examples.lessons:"})


def test_a_market_of_ones_own_may_be_called_by_its_name(tmp_path: Path) -> None:
    done = souk("mail", "templates", "lessons", home=tmp_path, SOUK_MARKETS=LESSONS)
    assert (done.returncode, "identity/welcome" in done.stdout) == (0, True), done.stderr


# Walking


def test_a_walk_is_reported_and_leaves_nothing(tmp_path: Path, dsn: str) -> None:
    done = souk("market", "simulate", LESSONS, "--orders", "5", "--seeds", "2", home=tmp_path, SOUK_DATABASE_URL=dsn)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("2 walks, 10 orders, ")
    assert "       10  lesson.book\n" in done.stdout
    assert asked(dsn, "select count(*) from pg_database where datname like 'souk_while_%'") == 0


@pytest.mark.parametrize(
    ("failing", "says"),
    [({"accept", "decline"}, "unexpected ZeroDivisionError: division by zero"), ({"expire", "lapse", "forget"}, "orders.fire failed")],
)
def test_a_walk_that_goes_wrong_says_how_it_goes_wrong_again(tmp_path: Path, dsn: str, failing: set[str], says: str) -> None:
    (tmp_path / "careless.py").write_text(f"FAILING = {failing!r}\n{CARELESS}")
    words = ("market", "simulate", "careless:CARELESS", "--orders", "15", "--seed", "7")
    done = souk(*words, home=tmp_path, at=tmp_path, PYTHONPATH=str(Path.cwd()), SOUK_DATABASE_URL=dsn)
    assert done.returncode == Code.FAILED, done.stderr
    assert "seed 7, after " in done.stdout
    assert says in done.stdout
    assert "again: souk market simulate careless:CARELESS --orders 15 --seed 7" in done.stderr


def test_production_is_not_simulated_on() -> None:
    settings = Settings.load({"SOUK_ENV": "production", "SOUK_SECRET": uuid4().hex * 2, "SOUK_MARKETS": LESSONS})
    with pytest.raises(ConfigError, match="other work"):
        simulate(settings, 1, [1])
    with pytest.raises(NothingToSimulate):
        simulate(Settings.load({"SOUK_MARKETS": "grid"}), 1, [1])


# Other versions


def test_running_orders_are_moved_when_all_of_them_fit(tmp_path: Path, dsn: str) -> None:
    assert souk("migrate", home=tmp_path, SOUK_MARKETS=LESSONS, SOUK_DATABASE_URL=dsn).returncode == 0
    asked(dsn, ORDERS)
    moving = ("market", "migrate-orders", LATER, "lesson", "--from", "1", "--to", "2")
    dry = souk(*moving, "--dry-run", home=tmp_path, SOUK_DATABASE_URL=dsn)
    assert (dry.returncode, dry.stdout.splitlines()[:2]) == (Code.FAILED, ["2 orders fit, 21 do not fit", "        2  asked → asked"])
    assert "21 in disputed: version 2 has no such state, and nobody says where its orders go\n" in dry.stdout
    assert dry.stdout.endswith("  and 1 more\n")
    assert "nothing was moved: mend what does not fit" in souk(*moving, home=tmp_path, SOUK_DATABASE_URL=dsn).stderr
    assert asked(dsn, "select count(*) from lessons.orders where version = 2") == 0
    left = souk(*moving, "--leave", home=tmp_path, SOUK_DATABASE_URL=dsn)
    assert (left.returncode, left.stdout.splitlines()[0]) == (Code.FAILED, "2 orders were moved, 21 do not fit")
    assert asked(dsn, "select count(*) from lessons.orders where version = 2") == 2
    asked(dsn, "delete from lessons.orders where state = 'disputed'")
    assert souk(*moving, home=tmp_path, SOUK_DATABASE_URL=dsn).returncode == 0


ORDERS = """
with new as (
    insert into lessons.orders (id, process, version, state, revision, entered, content, created_at, updated_at)
    select gen_random_uuid(), 'lesson', 1, case when n <= 2 then 'asked' else 'disputed' end, 1, 1, jsonb_build_object('studentId',
        gen_random_uuid(), 'tutorId', gen_random_uuid(), 'subject', 'Greek', 'startsAt', '2030-01-01T10:00:00Z', 'price', 100), at, at
    from generate_series(1, 23) n, (select clock_timestamp() as at) t returning *)
insert into lessons.order_steps (order_id, revision, process, step, actor, source, target, at)
select id, 1, process, 'book', 'student', 'start', state, created_at from new
"""


def asked(dsn: str, sql: str) -> object:
    """The one value that a statement answers, as an administrator."""

    async def ask() -> object:
        connection = await asyncpg.connect(dsn)
        try:
            return await connection.fetchval(sql)
        finally:
            await connection.close()

    return uvloop.run(ask())


# Beginning


@pytest.mark.slow
def test_the_story_of_a_new_market_runs_as_it_is(tmp_path: Path) -> None:
    done = souk("market", "new", "dogs", home=tmp_path, at=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "cd dogs && SOUK_MARKETS=dogs:DOGS souk up" in done.stderr
    assert len((tmp_path / "dogs" / "README.md").read_text().splitlines()) == 9
    story = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    ran = subprocess.run(story, cwd=tmp_path / "dogs", capture_output=True, text=True, check=False, timeout=120)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "1 passed" in ran.stdout


def test_the_process_of_a_new_market_keeps_the_laws_and_can_be_walked(tmp_path: Path, dsn: str) -> None:
    new_market("cats", tmp_path)
    assert souk("market", "check", "cats:CATS", home=tmp_path, at=tmp_path).returncode == 0
    walked = souk("market", "simulate", "cats:CATS", "--orders", "8", home=tmp_path, at=tmp_path, SOUK_DATABASE_URL=dsn)
    assert walked.returncode == 0, walked.stdout + walked.stderr


def test_a_new_market_is_as_tidy_as_this_repository(tmp_path: Path) -> None:
    files = new_market("birds", tmp_path)
    config = Path("pyproject.toml").resolve()
    for tidy in (["check", "--extend-select", "I", "--ignore", "S,D103,INP001"], ["format", "--check"]):
        words = [sys.executable, "-m", "ruff", *tidy, "--config", str(config), *(str(file) for file in files if file.suffix == ".py")]
        ran = subprocess.run(words, capture_output=True, text=True, check=False)
        assert ran.returncode == 0, ran.stdout


def test_what_is_there_stays(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("mine")
    with pytest.raises(CannotBegin, match="is there already"):
        new_market("fish", tmp_path)
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [("README.md", "mine")]
