"""`souk market new`: a market on a page, its story as a test, and how to go on from there."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Final

from souk.kernel.migrate import CannotProvision, check_market
from souk.markets import DEMONSTRATION, MARKETS

FILES: Final = {"market.py.txt": "{name}.py", "test_market.py.txt": "test_{name}.py", "README.md.txt": "README.md"}
"""What is written, and under which name."""
SCAFFOLD: Final = Path(__file__).parent / "scaffold"


class CannotBegin(Exception):
    """The name, or the place, is taken."""


def new_market(name: str, folder: Path) -> list[Path]:
    """Write a market of that name into a folder. Nothing that is there is touched."""
    check_name(name)
    written = [folder / into.format(name=name) for into in FILES.values()]
    if there := [file for file in written if file.exists()]:
        raise CannotBegin(f"{there[0]} is there already: choose another name, or another folder with --into")
    folder.mkdir(parents=True, exist_ok=True)
    for file, source in zip(written, FILES, strict=True):
        text = (SCAFFOLD / source).read_text("utf-8")
        for mark, said in (("@name@", name), ("@NAME@", name.upper()), ("@Name@", name.replace("_", " ").capitalize())):
            text = text.replace(mark, said)
        file.write_text(text, "utf-8")
    return written


def check_name(name: str) -> None:
    """It becomes a module of Python, a schema, and a part of addresses."""
    try:
        check_market(name)
    except CannotProvision as wrong:
        raise CannotBegin(str(wrong)) from None
    if name in {**MARKETS, **DEMONSTRATION}:
        raise CannotBegin(f"there is a market {name} already: choose another name")
    if name in {"souk", "test"} or find_spec(name) is not None:
        raise CannotBegin(f"Python has a module {name} already, which would be found instead: choose another name")
