"""docs/settings.md lists every setting exactly as the code declares it."""

from __future__ import annotations

from pathlib import Path

import souk.markets
from souk.kernel.config import Declared, Variable

PAGE = Path(__file__).parents[2] / "docs" / "settings.md"


def declared() -> list[Variable]:
    """The engine's own settings, then those of the modules that its markets use."""
    own = {f"{kind.__module__}.{kind.__qualname__}": kind for kind in Declared.kinds if kind.__module__.startswith(souk.__name__ + ".")}
    kernel_first = sorted(own, key=lambda name: (not name.startswith("souk.kernel."), name))
    return [variable for name in kernel_first for variable in own[name].variables().values()]


def rows() -> list[str]:
    lines = ["| variable | default | accepts | what it does |", "|---|---|---|---|"]
    for variable in declared():
        default = (
            "a development secret" if variable.secret and variable.default else f"`{variable.default}`" if variable.default else "empty"
        )
        lines.append(f"| `{variable.name}` | {default} | {variable.accepts} | {variable.about} |")
    return lines


def test_the_page_lists_every_setting_as_it_is_declared() -> None:
    table = "\n".join(line for line in PAGE.read_text().splitlines() if line.startswith("|"))
    assert table == "\n".join(rows()), f"put this table into {PAGE.name}:\n" + "\n".join(rows())


def test_every_setting_says_what_it_accepts() -> None:
    assert [variable.name for variable in declared() if not (variable.about.endswith(".") and variable.accepts)] == []
