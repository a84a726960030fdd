"""`docs/ledger.md`: what it shows works as it is written, and it tells of every verb and refusal."""

from __future__ import annotations

import re
import textwrap
from datetime import timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any
from uuid import uuid4

import souk
from souk.kernel.db import Tx
from souk.kernel.errors import REFUSALS
from souk.modules import ledger
from souk.modules.ledger import errors, verbs
from tests.modules.ledger.conftest import WORLD, Books
from tests.modules.ledger.laws import broken_laws

PAGE = (Path(str(souk.__file__)).parents[2] / "docs" / "ledger.md").read_text()
BLOCKS = dict(re.findall(r'^```python title="(\w+)"\n(.*?)^```$', PAGE, re.DOTALL | re.MULTILINE))


async def test_the_walkthrough_works_as_it_is_written(books: Books, admin_dsn: str) -> None:
    names: dict[str, Any] = {name: getattr(ledger, name) for name in ledger.__all__}
    names |= {"timedelta": timedelta, "Fraction": Fraction, "ada": uuid4(), "bo": uuid4(), "order": uuid4(), "world": WORLD.of(ledger.USD)}
    exec(BLOCKS["names"], names)  # noqa: S102 - the page's own text
    exec("async def walk(tx):\n" + textwrap.indent(BLOCKS["walkthrough"], "    "), names)  # noqa: S102 - as above

    async def walk(tx: Tx) -> None:
        await names["walk"](tx)

    await books.database.write(walk)
    assert await broken_laws(admin_dsn) == []


def test_it_tells_of_every_verb_and_every_refusal() -> None:
    made = {name for name, thing in vars(verbs).items() if callable(thing) and getattr(thing, "__module__", "") == verbs.__name__}
    refused = {code for code, refusal in REFUSALS.items() if refusal.__module__ == errors.__name__}
    told = set(re.findall(r"`(\w+)`", PAGE))
    assert {name for name in made if not name.startswith("_")} - told == set()
    assert refused - told == set()
