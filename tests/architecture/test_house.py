"""The house's own rules, where no linter has them. Each test is one rule; its docstring is the reason."""

from __future__ import annotations

import ast
import re
import statistics
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SRC = ROOT / "src" / "souk"

EMPTY_NAMES = {"manager", "helper", "helpers", "util", "utils", "misc", "impl", "stuff"}
EMPTY_NOUNS = EMPTY_NAMES | {"data", "info", "base", "common"}
"""What no file or class is called; a function may well make a data folder."""

NO_CLOCK = {
    "kernel/clock.py": "it is the clock",
}
"""Files that may ask the machine for its time, and why."""

DATABASE_TIME = re.compile(
    r"\b(now|statement_timestamp|transaction_timestamp)\s*\(\s*\)|\b(current_timestamp|current_date|localtimestamp)\b", re.IGNORECASE
)
SQL = re.compile(r"\b(select|insert|update|delete|default)\b", re.IGNORECASE)
MACHINE_PATHS = re.compile(r"(?<![\w.*-])/(root|work|home/\w+|Users/\w+)/")
HOSTS = ("py" + "pi.org", "python" + "hosted.org", "npm" + "js.org", "npm" + "js.com", "crates" + ".io")


@cache
def tracked() -> tuple[Path, ...]:
    """Every text file that belongs to the repository."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout.splitlines()
    ours = [ROOT / name for name in listed] or [file for file in ROOT.rglob("*") if not outside(file)]
    return tuple(file for file in ours if file.is_file() and b"\0" not in file.read_bytes()[:1024])


def outside(file: Path) -> bool:
    """Without git: what lies in a folder that is made, not written."""
    folders = set(file.relative_to(ROOT).parts[:-1])
    return bool(folders & {"site", "htmlcov"}) or any(name.startswith(".") for name in folders - {".ci"})


@cache
def trees() -> dict[Path, ast.Module]:
    return {file: ast.parse(file.read_text()) for file in sorted(SRC.rglob("*.py"))}


def functions() -> Iterator[tuple[Path, ast.FunctionDef | ast.AsyncFunctionDef]]:
    for file, tree in trees().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield file, node


def length(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines from `def` to the end, without the docstring."""
    lines = (node.end_lineno or node.lineno) - node.lineno + 1
    first = node.body[0]
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
        lines -= (first.end_lineno or first.lineno) - first.lineno + 1
    return lines


def place(file: Path, node: ast.AST | None = None) -> str:
    return f"{file.relative_to(ROOT)}:{getattr(node, 'lineno', 1)}"


def words(name: str) -> set[str]:
    return {word.lower() for word in re.findall(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])", name)}


def test_a_file_is_short_enough_to_be_read_at_once() -> None:
    """Past 400 lines a file holds two ideas: split it by use case."""
    ours = [file for file in tracked() if file.suffix in (".py", ".sql")]
    assert [f"{place(file)} {n} lines" for file in ours if (n := len(file.read_text().splitlines())) > 400] == []


def test_a_function_fits_on_a_screen() -> None:
    """Over 60 lines a function does several things; `# long: <reason>` on its first line says why one may."""
    long = [(file, node) for file, node in functions() if length(node) > 60]
    unexplained = [(f, n) for f, n in long if "# long: " not in f.read_text().splitlines()[n.lineno - 1]]
    assert [f"{place(file, node)} {node.name} {length(node)} lines" for file, node in unexplained] == []


def test_functions_are_small() -> None:
    """The median tells how the code reads as a whole: commands are sentences of 5 to 15 lines."""
    lengths = [length(node) for _, node in functions()]
    assert 3 <= statistics.median(lengths) <= 15
    assert statistics.quantiles(lengths, n=20)[-1] <= 35, "one function in twenty may be longer than 35 lines, not more"


def test_no_file_is_empty() -> None:
    """A file that would be empty is absent: whoever opens one finds something. A package may consist of its docstring."""

    def empty(file: Path, tree: ast.Module) -> bool:
        return not tree.body or (file.name != "__init__.py" and len(tree.body) == 1 and isinstance(tree.body[0], ast.Expr))

    assert [place(file) for file, tree in trees().items() if empty(file, tree)] == []


def test_every_module_says_what_it_is_for() -> None:
    """The first line a newcomer reads."""
    assert [place(file) for file, tree in trees().items() if not ast.get_docstring(tree)] == []


def test_names_say_something() -> None:
    """A manager manages and a helper helps: such names say nothing of the domain."""
    things = [(place(file), file.stem) for file in trees()]
    things += [
        (place(file, node), node.name) for file, tree in trees().items() for node in ast.walk(tree) if isinstance(node, ast.ClassDef)
    ]
    does = [(place(file, node), node.name) for file, node in functions()]
    assert [f"{where} {name}" for where, name in things if words(name) & EMPTY_NOUNS] == []
    assert [f"{where} {name}" for where, name in does if words(name) & EMPTY_NAMES] == []


def test_business_time_comes_from_the_clock() -> None:
    """A deadline that asks the machine for the time cannot be shown in seconds, nor tested."""
    asking = {("datetime", "now"), ("datetime", "utcnow"), ("datetime", "today"), ("date", "today")}
    found = [
        place(file, node)
        for file, tree in trees().items()
        if str(file.relative_to(SRC)) not in NO_CLOCK
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and (getattr(node.value, "id", getattr(node.value, "attr", "")), node.attr) in asking
    ]
    assert found == []


def test_sql_does_not_ask_the_database_for_business_time() -> None:
    """`now()` in a statement cannot be moved. Leases use `clock_timestamp()`, which says that the database's clock is meant."""
    found = [
        f"{place(file)} {number}"
        for file in SRC.rglob("*.sql")
        for number, line in enumerate(file.read_text().splitlines(), 1)
        if DATABASE_TIME.search(line.partition("--")[0])
    ]
    found += [place(file, node) for file, tree in trees().items() for node in statements(tree) if DATABASE_TIME.search(str(node.value))]
    assert found == []


def statements(tree: ast.Module) -> Iterator[ast.Constant]:
    """The texts that look like SQL; docstrings only speak of it."""
    spoken = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in spoken and SQL.search(node.value):
            yield node


def test_no_failure_is_swallowed() -> None:
    """A failure that nobody hears of is found by a customer. One named failure may be let go, with the reason beside `pass`."""

    def silent(file: Path, node: ast.AST) -> bool:
        if isinstance(node, ast.ExceptHandler) and all(isinstance(line, ast.Pass) for line in node.body):
            named = node.type is not None and getattr(node.type, "id", "") not in ("Exception", "BaseException")
            return not (named and "#" in file.read_text().splitlines()[node.body[0].lineno - 1])
        if isinstance(node, ast.Call) and "suppress" in (getattr(node.func, "id", ""), getattr(node.func, "attr", "")):
            return any(getattr(argument, "id", "") in ("Exception", "BaseException") for argument in node.args)
        return False

    assert [place(file, node) for file, tree in trees().items() for node in ast.walk(tree) if silent(file, node)] == []


def test_an_exception_from_a_rule_names_its_reason() -> None:
    """`noqa` without a reason is a rule that nobody keeps: `# noqa: RULE - why`."""
    bare = re.compile(r"#\s*noqa(?!: [A-Z]+[0-9]+(, ?[A-Z]+[0-9]+)* - \S)")
    ours = [file for file in tracked() if file.suffix == ".py" and "tests" not in file.parts]
    assert [
        f"{file.relative_to(ROOT)}:{n}" for file in ours for n, line in enumerate(file.read_text().splitlines(), 1) if bare.search(line)
    ] == []


def test_a_module_is_entered_by_its_door() -> None:
    """Others import what a module's `__init__` hands out, so that its inside can change without asking."""
    found = []
    for file, tree in trees().items():
        home = file.relative_to(SRC).parts[:2]
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom | ast.Import):
                names = [node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
                inside = [name.split(".")[1:3] for name in names if re.match(r"souk\.modules\.\w+\.\w", name)]
                found += [place(file, node) for parts in inside if tuple(parts) != home]
    assert found == []


def test_nothing_names_a_registry_or_a_machine() -> None:
    """The repository works with whatever index and wherever it is told to; an address in it is somebody's own."""
    found = [
        f"{file.relative_to(ROOT)}:{number}"
        for file in tracked()
        for number, line in enumerate(file.read_text(errors="replace").splitlines(), 1)
        if MACHINE_PATHS.search(line) or any(host in line for host in HOSTS)
    ]
    assert found == []


DECISIONS = sorted((ROOT / "docs" / "decisions").glob("[0-9]*.md"))


@pytest.mark.parametrize("decision", DECISIONS, ids=lambda file: file.stem)
def test_a_decision_is_short_and_names_its_keeper(decision: Path) -> None:
    """A decision that nothing keeps is a wish, and one that is long is not read."""
    text = decision.read_text()
    assert len(text.splitlines()) <= 40
    kept = re.search(r"^\W*Kept by\b.*(?:\n\S.*)*", text, re.MULTILINE)
    assert kept, "a paragraph `Kept by: …` names the test, lint or file that keeps it"
    named = re.findall(r"`([\w./-]+)(?:::(\w+))?`", kept[0])
    assert named, "the keeper is named in backticks"
    folder = ROOT
    for path, test in named:
        found = next((place for place in (ROOT / path, folder / path, folder / f"{path}.py") if place.exists()), None)
        assert found, f"{path} does not exist"
        assert not test or f"def {test}(" in found.read_text(), f"{path} has no {test}"
        folder = found if found.is_dir() else folder


def test_decisions_are_numbered_without_gaps() -> None:
    """`0007` is found by counting."""
    assert [int(file.name[:4]) for file in DECISIONS] == list(range(1, len(DECISIONS) + 1))


def test_every_module_has_its_floor() -> None:
    """import-linter checks the direction of those it is told of; a module that is in no layer may import any other."""
    layers = (ROOT / "pyproject.toml").read_text()
    modules = [folder.name for folder in (SRC / "modules").iterdir() if (folder / "__init__.py").is_file()]
    assert [name for name in modules if f"(souk.modules.{name})" not in layers] == []


def test_the_locks_fit_the_declaration() -> None:
    """A dependency that is declared and not locked is fetched by nobody, or differently by everybody."""
    done = subprocess.run([ROOT / ".venv/bin/python", ROOT / "tools/lock.py", "--check"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
