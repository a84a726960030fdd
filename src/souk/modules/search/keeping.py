"""Keeping an index as new as what it is about: by events, and by building it anew in the background.

Whichever comes first, a document is looked at under a lock of its own, and so never replaced by what was read earlier.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final
from uuid import UUID

from souk.kernel.db import Tx
from souk.kernel.messages import Event, Reaction, enqueue, job, periodic
from souk.modules.search import sql
from souk.modules.search.declaring import Index
from souk.modules.search.errors import NoSuchIndex
from souk.modules.search.events import Rebuilding
from souk.modules.search.wanted import Engine

AT_ONCE: Final = 200
MOST_CHANGES: Final = 200_000


class Indexes:
    """A market's indexes, and the engine behind them: a resource of its operations and jobs."""

    def __init__(self, engine: Engine, every: Sequence[Index]) -> None:
        self.engine = engine
        self.every = tuple(every)
        self.by_name = {index.name: index for index in every}

    def named(self, name: str) -> Index:
        """The index of that name."""
        try:
            return self.by_name[name]
        except KeyError:
            raise NoSuchIndex(index=name) from None


async def refresh(tx: Tx, indexes: Indexes, index: Index, ids: Iterable[UUID]) -> None:
    """Look at these documents again: keep those that there are, remove the others."""
    wanted = sorted(set(ids))
    for first in range(0, len(wanted), AT_ONCE):
        part = wanted[first : first + AT_ONCE]
        await tx.run(sql.LOCK, index.name, [str(each) for each in part])
        documents = await index.load(tx, part)
        there = {document.id for document in documents}
        if strangers := there - set(part):
            raise ValueError(f"the index {index.name} asked for {len(part)} documents and was given {min(strangers)}, too")
        await indexes.engine.put(tx, index, documents)
        await indexes.engine.remove(tx, index, [each for each in part if each not in there])


def reactions(*indexes: Index) -> Iterator[Reaction[Any]]:
    """One to each event that an index follows."""
    followed: dict[type[Event], list[tuple[str, Any]]] = {}
    for index in indexes:
        for follows in index.on:
            followed.setdefault(follows.fact, []).append((index.name, follows.ids))
    for fact, names in followed.items():
        yield _reaction(fact, tuple(names))


def _reaction(fact: type[Event], followed: tuple[tuple[str, Any], ...]) -> Reaction[Any]:
    async def follow(tx: Tx, fact: Any, indexes: Indexes) -> None:
        for name, ids in followed:
            await refresh(tx, indexes, indexes.named(name), ids(fact))

    follow.__annotations__ = {**follow.__annotations__, "fact": fact}
    follow.__doc__ = "Look again at the documents that a fact is about."
    # In no order: each looks at what there is now, whatever the fact said.
    return Reaction(follow, f"{fact.topic.name}:search", fact, ordered=False)


async def rebuild(tx: Tx, kind: str) -> None:
    """Build an index anew, in the background, while it is searched and written. What is being rebuilt begins again."""
    await enqueue(tx, rebuild_on, Rebuilding(kind), key=f"search.rebuild {kind}", priority=-1)


@job("search.rebuild")
async def rebuild_on(tx: Tx, asked: Rebuilding, indexes: Indexes) -> None:
    """Look again at the next documents, and at those that the index has between them; then ask for those after."""
    index = indexes.named(asked.kind)
    ids = await index.every(tx, asked.after, AT_ONCE)
    last = ids[-1] if len(ids) == AT_ONCE else None
    known = await tx.run(sql.KNOWN_BETWEEN, index.name, asked.after, last, AT_ONCE * 5)
    if len(known) == AT_ONCE * 5:
        last = known[-1]
        ids = [each for each in ids if each <= last]
    await refresh(tx, indexes, index, {*ids, *known})
    if last is not None:
        await enqueue(tx, rebuild_on, Rebuilding(asked.kind, last), key=f"search.rebuild {asked.kind}", priority=-1)


@periodic("* * * * *")
async def add_up_words(tx: Tx) -> None:
    """Add up in how many documents each word is."""
    await tx.run(sql.ADD_UP, MOST_CHANGES)
