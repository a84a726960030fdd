"""What follows from facts: whoever a fact is about is looked at again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from souk.kernel.db import Tx
from souk.kernel.messages import Reaction, on
from souk.modules.matching.fitting import ask_for_fit
from souk.modules.matching.indexing import AT_ONCE, index
from souk.modules.matching.model import Sought
from souk.modules.matching.pairing import Follows, Pairing


def reactions(pairing: Pairing) -> Iterator[Reaction[Any]]:
    """One for each fact that a side of this pairing follows."""
    for seeks in pairing.kept:
        for follows in pairing.side(seeks).on:
            yield _reaction(pairing, seeks, follows)


def _reaction(pairing: Pairing, seeks: Sought, follows: Follows) -> Reaction[Any]:
    async def look_again(tx: Tx, fact: Any) -> None:
        """Weigh those again that the fact is about. Where nothing was fitted yet, that is asked for."""
        ids = sorted(set(follows.about(fact)))
        for first in range(0, len(ids), AT_ONCE):
            if not await index(tx, pairing, seeks, ids[first : first + AT_ONCE]):
                await ask_for_fit(tx, pairing.name)

    look_again.__annotations__["fact"] = follows.fact
    return on(follows.fact, name=f"{follows.fact.topic.name}:match {pairing.name} {seeks}")(look_again)
