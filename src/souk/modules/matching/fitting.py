"""Fitting a model to everything that is written, building its postings beside those that are read, and the switch.

Nothing is computed in a transaction or in this process, and nothing half-built is read: requests know the one model that is current.
A build that is interrupted is continued where it stopped.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from functools import partial
from typing import Final
from uuid import UUID

import msgspec

from souk.kernel.db import Database, Query, Tx
from souk.kernel.messages import enqueue, job, periodic
from souk.modules.matching import sql
from souk.modules.matching.counting import Apart, Fitted, apart
from souk.modules.matching.indexing import AT_ONCE, index, packed, posted
from souk.modules.matching.model import Sought, Subject
from souk.modules.matching.pairing import Every, Pairing, Pairings
from souk.modules.matching.words import Vector, Written

PAGE: Final = 200
"""Documents that are loaded, and weighed, at once."""
TERMS: Final = 10_000
ENOUGH: Final = 0.1
"""A model is fitted again when what is written of so many has changed, as a share of all."""
LARGE: Final = 100
"""From so many documents on, a word can be too common to say anything."""
KEEP: Final = timedelta(hours=1)
"""A model that is not current any more is kept so long: a request that began with it ends with it."""
PURGED: Final = 20_000
HOURS: Final = 3600.0


class Fitting(msgspec.Struct, frozen=True):
    """Which pairing is to be fitted."""

    pairing: str


@job("matching.fit", patience=4 * HOURS, priority=-5)
async def fit(database: Database, wanted: Fitting, pairings: Pairings) -> None:
    """Fit a model and make it current; or go on with one that somebody began to build."""
    pairing = pairings.by_name.get(wanted.pairing)
    if pairing is None:  # it was declared when this was asked for, and is not any more
        return
    async with apart() as counting:
        model = await database.read(lambda tx: tx.run(sql.BUILDING, pairing.name))
        if model is None:
            await gather(database, pairing)
            model = await _fitted(database, pairing, counting)
        else:
            await counting.know([(term.term, term.idf) for term in await database.read(lambda tx: tx.run(sql.ALL_TERMS, model))])
        await _build(database, pairing, model, counting)
    await database.write(lambda tx: switch(tx, pairing.name, model))


async def gather(database: Database, pairing: Pairing) -> None:
    """Take in everybody that the market has, also those that no fact ever told of."""
    for seeks in pairing.kept:
        every, after = pairing.side(seeks).every, None
        while every is not None:
            ids = await database.read(partial(_listed, every=every, after=after))
            if not ids:
                break
            await database.write(partial(_enrol, pairing=pairing, seeks=seeks, ids=ids))
            after = ids[-1]


async def _listed(tx: Tx, every: Every, after: UUID | None) -> Sequence[UUID]:
    return await every(tx, after, AT_ONCE)


async def _enrol(tx: Tx, pairing: Pairing, seeks: Sought, ids: Sequence[UUID]) -> None:
    """Where there is a model, those that are new are weighed at once; otherwise the one that is about to be fitted does it."""
    await tx.run(sql.SHARE_LOCK, pairing.name)
    if not await tx.run(sql.LIVE, pairing.name):
        await tx.run(sql.ENROL, pairing.name, seeks, list(ids), tx.now)
    elif unknown := await tx.run(sql.UNKNOWN, pairing.name, seeks, list(ids)):
        await index(tx, pairing, seeks, unknown)


# Fitting


async def _fitted(database: Database, pairing: Pairing, counting: Apart) -> int:
    """Count what everybody's words are, and write down a model that is to be built."""
    began = database.clock.now()
    documents = (await database.read(lambda tx: tx.run(sql.CHANGE, pairing.name))).documents
    await counting.learn(documents, pairing.rare, pairing.common if documents >= LARGE else 1.0)
    for seeks in pairing.kept:
        async for page in _pages(database, pairing, seeks, None):
            await counting.count([written for _number, written in page])
    fitted = await counting.fit()
    model = await database.write(lambda tx: tx.run(sql.ADD_MODEL, pairing.name, fitted.documents, len(fitted.lexicon), began))
    for first in range(0, len(fitted.lexicon), TERMS):
        await database.write(partial(_add_terms, model=model, fitted=fitted, first=first))
    await database.write(partial(_begin_building, pairing=pairing.name, model=model))
    return model


async def _add_terms(tx: Tx, model: int, fitted: Fitted, first: int) -> None:
    some = fitted.lexicon[first : first + TERMS]
    numbers = list(range(first, first + len(some)))
    await tx.finish(sql.ADD_TERMS, model, [term for term, _idf in some], numbers, [idf for _term, idf in some])


async def _begin_building(tx: Tx, pairing: str, model: int) -> None:
    """From here on, whoever writes vectors writes them under this model too. Those who write now are waited for."""
    await tx.run(sql.LOCK, pairing)
    await tx.finish(sql.BEGIN_BUILDING, model)


async def _pages(database: Database, pairing: Pairing, seeks: Sought, model: int | None) -> AsyncIterator[list[tuple[int, Written]]]:
    """What is written of everybody on a side; where a model is named, of those that have no vector under it."""
    last = 0
    while rows := await database.read(partial(_rows, pairing=pairing.name, seeks=seeks, last=last, model=model)):
        last = rows[-1].number
        subjects = await database.read(partial(_loaded, pairing=pairing, seeks=seeks, ids=[row.id for row in rows]))
        numbers = {row.id: row.number for row in rows}
        yield [(numbers[subject.id], subject.written) for subject in subjects if subject.id in numbers]


async def _rows(tx: Tx, pairing: str, seeks: Sought, last: int, model: int | None) -> list[sql.Numbered]:
    if model is None:
        return await tx.run(sql.PAGE, pairing, seeks, last, PAGE)
    return await tx.run(sql.WITHOUT_VECTOR, pairing, seeks, last, model, PAGE)


async def _loaded(tx: Tx, pairing: Pairing, seeks: Sought, ids: Sequence[UUID]) -> Sequence[Subject]:
    return await pairing.side(seeks).load(tx, ids)


# Building


async def _build(database: Database, pairing: Pairing, model: int, counting: Apart) -> None:
    """Vectors and postings of everybody who has none under this model."""
    for seeks in pairing.kept:
        async for page in _pages(database, pairing, seeks, model):
            weighed = await counting.weigh([written for _number, written in page])
            vectors = {number: vector for (number, _written), vector in zip(page, weighed, strict=True)}
            await database.write(partial(_add, model=model, seeks=seeks, vectors=vectors))
        # Whoever is left is not loaded any more, and no fact said so: looked at once more, they are forgotten.
        while rows := await database.read(partial(_rows, pairing=pairing.name, seeks=seeks, last=0, model=model)):
            await database.write(partial(index, pairing=pairing, seeks=seeks, ids=[row.id for row in rows[:AT_ONCE]]))


async def _add(tx: Tx, model: int, seeks: Sought, vectors: dict[int, Vector]) -> None:
    """Only where there is none: what somebody else wrote meanwhile is newer."""
    if vectors:
        added = set(await tx.run(sql.ADD_VECTORS, model, packed(vectors)))
        await tx.run(sql.ADD_POSTINGS, model, seeks, *posted({number: vectors[number] for number in added}))


class Incomplete(RuntimeError):
    """Somebody has no vector under the model that is to be current: the build goes on when the job is tried again."""


async def switch(tx: Tx, pairing: str, model: int) -> None:
    """From now on requests read this model, and none reads the one before; in between there is nothing."""
    await tx.run(sql.LOCK, pairing)
    if await tx.run(sql.INCOMPLETE, pairing, model):
        raise Incomplete(f"{pairing}: the model {model} does not have everybody yet")
    await tx.run(sql.RETIRE, pairing, tx.now, model)
    await tx.run(sql.MAKE_CURRENT, model, tx.now)


# By the clock


async def ask_for_fit(tx: Tx, pairing: str) -> None:
    """One waits at most, however often it is asked for."""
    await enqueue(tx, fit, Fitting(pairing), key=f"matching.fit {pairing}")


@periodic("*/10 * * * *")
async def look_after_models(tx: Tx, pairings: Pairings) -> None:
    """Fit again where enough has changed, and where nothing was fitted yet; clear away what is not read any more."""
    for name, pairing in pairings.by_name.items():
        change = await tx.run(sql.CHANGE, name)
        starts = change.fitted is None and (change.documents or any(pairing.side(seeks).every for seeks in pairing.kept))
        if starts or change.changed > ENOUGH * change.documents:
            await ask_for_fit(tx, name)
    if await tx.run(sql.UNREAD, tx.now - KEEP):
        await enqueue(tx, clear_away, None, key="matching.clear_away")


@job("matching.clear_away", patience=HOURS, priority=-5)
async def clear_away(database: Database) -> None:
    """Models that are not current any more, with all that belongs to them, a little at a time."""
    unread = await database.read(lambda tx: tx.run(sql.UNREAD, tx.now - KEEP))
    for model in unread:
        for purge in (sql.PURGE_POSTINGS, sql.PURGE_VECTORS, sql.PURGE_TERMS):
            while await database.write(partial(_purged, purge=purge, model=model)):
                pass
        await database.write(partial(_forget, model=model))


async def _purged(tx: Tx, purge: Query[int], model: int) -> int:
    return await tx.run(purge, model, PURGED)


async def _forget(tx: Tx, model: int) -> None:
    await tx.finish(sql.PURGE_MODEL, model)
