"""Filters as lexemes: `=workers/skills:python` stands beside the words of a document, so that one index answers for all of it.

Numbers lie in steps that grow with them, places in cells: both find a little too much, which is then measured.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import floor, log2
from typing import Final

from souk.modules.search.declaring import Document, Index
from souk.modules.search.places import Place
from souk.modules.search.words import value_of

LAST_STEP: Final = 80
"""A million and all above it."""


def everything(index: Index) -> str:
    """What every document of an index has."""
    return f"={index.name}"


def choice(index: Index, name: str, value: str) -> str:
    """A value of a facet or a choice."""
    return f"={index.name}/{name}:{value_of(value)}"


def flag(index: Index, name: str, *, on: bool) -> str:
    """A yes or a no."""
    return f"={index.name}/{name}?{'yes' if on else 'no'}"


def cell(index: Index, name: str) -> str:
    """A cell of the map."""
    return f"={index.name}/@{name}"


def _step(value: float) -> int:
    return min(floor(4 * log2(1 + abs(value))), LAST_STEP)


def steps(index: Index, name: str, least: float | None, most: float | None) -> tuple[str, ...]:
    """The steps between two numbers. What is negative lies in one step, what is enormous in another."""
    first = _step(least) if least is not None and least >= 0 else 0
    last = _step(most) if most is not None and most >= 0 else LAST_STEP
    below = (_below(index, name),) if least is None or least < 0 else ()
    return below if most is not None and most < 0 else (*below, *(_number(index, name, i) for i in range(first, last + 1)))


def _number(index: Index, name: str, step: int) -> str:
    return f"={index.name}/{name}#{step}"


def _below(index: Index, name: str) -> str:
    return f"={index.name}/{name}#-"


def lexemes(index: Index, document: Document) -> Iterator[str]:
    """All that a document can be filtered by."""
    yield everything(index)
    for name, values in document.terms.items():
        yield from (choice(index, name, value) for value in values)
    for name, on in document.flags.items():
        yield flag(index, name, on=on)
    for name in index.ranges:
        value = document.numbers.get(name)
        if value is not None:
            yield _number(index, name, _step(value)) if value >= 0 else _below(index, name)
    if document.place is not None:
        yield from (cell(index, name) for name in document.place.cells)


def around(index: Index, place: Place, km: float) -> tuple[str, ...]:
    """The cells so near."""
    return tuple(cell(index, name) for name in place.around(km) or ())


def terms(index: Index, document: Document) -> list[str]:
    """What is counted of it."""
    named = {facet.name for facet in index.facets}
    return list(dict.fromkeys(f"{name}={value}"[:250] for name, values in document.terms.items() if name in named for value in values))
