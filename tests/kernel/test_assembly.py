"""Putting together: what a module finds in its files, and what a market hands to its operations."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import msgspec
import pytest

from souk.app.application import operations_of
from souk.kernel.assembly import FUNCTIONS, Market, module
from souk.kernel.config import Settings
from souk.kernel.live import Live

FUNCTIONS_OF_A_MODULE = "\n".join(f"async def {name}(*args): return {name!r}" for name in FUNCTIONS)
OPERATION = """
from souk.kernel.http import ANYONE, operation

@operation("GET", "/{name}", who=ANYONE)
async def {name}() -> str:
    \"\"\"Answer.\"\"\"
    return ""
"""

Files = Callable[..., ModuleType]


@pytest.fixture
def file(tmp_path: Path) -> Iterator[Files]:
    """Makes the file of a module."""
    made: list[str] = []

    def make(name: str, text: str) -> ModuleType:
        full = f"souk_test_assembly_{name}"
        path = tmp_path / f"{name}.py"
        path.write_text(text)
        spec = importlib.util.spec_from_file_location(full, path)
        assert spec is not None
        assert spec.loader is not None
        loaded = importlib.util.module_from_spec(spec)
        sys.modules[full] = loaded
        made.append(full)
        spec.loader.exec_module(loaded)
        return loaded

    yield make
    for full in made:
        del sys.modules[full]


def test_a_modules_functions_are_found_by_their_names_in_whichever_file(file: Files) -> None:
    half = FUNCTIONS_OF_A_MODULE.splitlines()
    found = module("m", file("one", "\n".join(half[:2])), file("two", "\n".join(half[2:])))
    assert {name: getattr(found, name).__name__ for name in FUNCTIONS} == {name: name for name in FUNCTIONS}
    assert set(FUNCTIONS) == {"seed", "export", "erase", "resources", "actor_of_key"}


def test_a_function_that_a_file_only_imports_is_not_its_modules(file: Files) -> None:
    file("origin", FUNCTIONS_OF_A_MODULE)
    found = module("m", file("user", f"from souk_test_assembly_origin import {', '.join(FUNCTIONS)}"))
    assert [name for name in FUNCTIONS if getattr(found, name) is not None] == []


def test_what_no_file_has_is_absent(file: Files) -> None:
    found = module("m", file("empty", ""))
    assert [name for name in FUNCTIONS if getattr(found, name) is not None] == []
    assert (found.operations, found.development, found.folder) == (
        (),
        (),
        Path(str(sys.modules["souk_test_assembly_empty"].__file__)).parent,
    )


def test_operations_of_development_are_served_in_development_only(file: Files) -> None:
    found = module("m", file("routes", OPERATION.format(name="always")), development=(file("dev", OPERATION.format(name="mailbox")),))
    market = Market("m", base="/m", title="M", roles=(), modules=(found,))
    served = {
        env: {operation.name for operation in operations_of(market, Settings.load({"SOUK_ENV": env, **more}))}
        for env, more in (("development", {}), ("production", {"SOUK_SECRET": "Vb3x9-kQ0zL7r_TmW2yHs8fJ4nDpXcGaEuRi"}))
    }
    assert {"always", "mailbox"} <= served["development"]
    assert served["production"] == {"always"}


class Fees(msgspec.Struct, frozen=True):
    """A market's decision about a module."""

    percent: int


class Hours(msgspec.Struct, frozen=True):
    """Another one."""

    opening: int


def test_a_markets_rules_are_found_by_their_type() -> None:
    market = Market("m", base="/m", title="M", roles=(), rules=(Fees(5), Hours(9)))
    assert market.resources == {Market: market, Fees: Fees(5), Hours: Hours(9)}


def test_what_a_market_says_live_is_found_by_its_type() -> None:
    live = Live(())
    market = Market("m", base="/m", title="M", roles=(), live=live)
    assert market.resources[Live] is live
