"""What is kept of candidates: it follows facts at once, in whatever order they come, and models change places without a gap."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from functools import partial
from random import Random
from typing import Any
from uuid import UUID, uuid4

import pytest
from msgspec.structs import replace

from souk.kernel.db import Tx, commit, roll_back
from souk.kernel.messages import emit
from souk.modules.matching.finding import asked_by
from souk.modules.matching.fitting import Fitting as Wanted
from souk.modules.matching.fitting import Incomplete, ask_for_fit, fit, gather, switch
from souk.modules.matching.indexing import index
from souk.modules.matching.model import Sought
from souk.modules.matching.pairing import Pairings
from souk.modules.matching.words import terms_of, vector_of
from tests.modules.matching.conftest import Fair
from tests.modules.matching.fair import PAIRING, Worker, WorkerChanged, WorkerRated

CURRENT = "select id from match_models where pairing = 'workers for jobs' and state = 'current'"


async def vectors(fair: Fair) -> dict[UUID, tuple[list[int], list[float]]]:
    """What the current model has of each worker."""
    rows = await fair.rows(
        f"""select c.id, v.terms, v.weights from match_candidates c join match_vectors v on v.candidate = c.number
            where c.pairing = 'workers for jobs' and side = 'candidate' and v.model = ({CURRENT})"""
    )
    return {each: (list(terms), list(weights)) for each, terms, weights in rows}


async def is_true_now(fair: Fair) -> None:
    """Everybody's vector is the one of what is written of them now, and no law is broken."""
    ((model,),) = await fair.rows(CURRENT)
    lexicon = {
        term: (number, idf) for term, number, idf in await fair.rows("select term, number, idf from match_terms where model = $1", model)
    }
    rows = await fair.rows("select id, bio, notes, skills from fair_workers where not hidden")
    expected = {row[0]: vector_of(terms_of(Worker(row[0], row[1], row[2], list(row[3])).subject.written), lexicon) for row in rows}
    assert await vectors(fair) == {each: (vector.terms, vector.weights) for each, vector in expected.items()}
    await fair.lawful()


async def test_one_who_comes_is_found_at_once_by_the_words_that_are_known(fair: Fair) -> None:
    await fair.crowd()
    eve = await fair.worker("Payment forms and checkout pages, by heart", "Figma", "React", rating=5.0, reviews=100)
    await fair.work()
    assert (await fair.found(await fair.job("Checkout and payment forms", "figma", "react")))[0] == eve.id
    await is_true_now(fair)


async def test_one_who_changes_is_found_by_what_is_true_now(fair: Fair) -> None:
    people = await fair.crowd()
    await fair.put(replace(people["cy"], bio="Checkout pages and payment forms", skills=["Figma", "React"]))
    await fair.work()
    best = (await fair.finds(await fair.job("Checkout and payment forms", "figma", "react"))).found[0]
    assert best.id == people["cy"].id
    await is_true_now(fair)


async def test_one_who_is_gone_is_never_found_again(fair: Fair) -> None:
    people = await fair.crowd()
    job = await fair.job("Checkout", "figma")
    await fair.hide(people["ada"])
    assert people["ada"].id not in await fair.found(job), "not even before the fact arrives"
    await fair.work()
    assert people["ada"].id not in await vectors(fair)
    assert await fair.rows("select 1 from match_candidates where id = $1", people["ada"].id) == []
    await fair.database.write(lambda tx: emit(tx, WorkerChanged(people["ada"].id)))
    await fair.refit()
    assert people["ada"].id not in await fair.found(job)
    await is_true_now(fair)
    await fair.put(people["ada"])
    await fair.work()
    assert people["ada"].id in await fair.found(job), "unless they come back"
    await is_true_now(fair)


async def test_facts_in_any_order_and_any_number_end_in_what_is_true(fair: Fair) -> None:
    """Facts of two kinds have no order with each other; workers take them side by side."""
    people, random = await fair.crowd(), Random(11)
    told: list[WorkerChanged | WorkerRated] = []
    for n in range(30):
        who = random.choice(list(people.values()))
        await fair.do("update fair_workers set bio = $2, hidden = $3 where id = $1", who.id, f"checkout {'lawn ' * (n % 5)}", n % 7 == 0)
        told += [WorkerChanged(who.id), WorkerRated(uuid4(), who.id)]
        if n % 5 == 0:
            random.shuffle(told)
            await fair.database.write(partial(_tell, told=told))
            await asyncio.gather(fair.work(), fair.work())
            told = []
    await fair.database.write(partial(_tell, told=told))
    await asyncio.gather(fair.work(), fair.work())
    await is_true_now(fair)


async def _tell(tx: Tx, told: list[Any]) -> None:
    await emit(tx, *told)


async def test_a_late_fact_does_not_bring_back_what_was_true_then(fair: Fair) -> None:
    """Whoever follows a fact waits for one that is at work on the same candidate, and loads only then."""
    people = await fair.crowd()
    ada = people["ada"]
    tx = fair.database.tx()
    await index(tx, PAIRING, Sought.CANDIDATE, [ada.id])  # has loaded, has not committed
    later = asyncio.ensure_future(fair.database.write(partial(index, pairing=PAIRING, seeks=Sought.CANDIDATE, ids=[ada.id])))
    await asyncio.sleep(0.2)
    assert not later.done()
    await fair.put(replace(ada, bio="Lawns and hedges"))
    await commit(tx)
    await later
    await is_true_now(fair)


async def test_what_says_nothing_new_writes_nothing(fair: Fair) -> None:
    people = await fair.crowd()
    before = await fair.rows("select candidate, xmin::text from match_vectors order by 1, 2")
    await fair.put(replace(people["ada"], load=3, rating=1.0))
    await fair.work()
    assert await fair.rows("select candidate, xmin::text from match_vectors order by 1, 2") == before


# Models


async def test_a_model_is_fitted_again_when_enough_has_changed_and_knows_new_words(fair: Fair) -> None:
    await fair.crowd()
    ((first,),) = await fair.rows(CURRENT)
    finn = await fair.worker("Kayaking instructor", "Kayaking")
    await fair.work()
    job = await fair.job("Kayaking", "kayaking")
    words = {match.id: match.parts[1].score for match in await fair.finds(job)}
    assert words[finn.id] == 0, "the word is not known yet"
    await fair.refit()
    ((second,),) = await fair.rows(CURRENT)
    assert second > first
    words = {match.id: match.parts[1].score for match in await fair.finds(job)}
    assert words[finn.id] > 0.5
    await is_true_now(fair)


async def test_a_model_is_left_alone_while_nothing_changes(fair: Fair) -> None:
    await fair.crowd()
    before = await fair.rows(CURRENT)
    for _ in range(3):
        await fair.refit()
    assert await fair.rows(CURRENT) == before


async def test_a_market_that_was_there_before_is_taken_in(fair: Fair) -> None:
    """Rows that no fact ever told of."""
    await fair.do(
        """insert into fair_workers (id, bio, notes, skills, load, rating, reviews, trust, waiting_since)
           select gen_random_uuid(), 'checkout ' || n, '', '{Figma}', 0, 4, n, 1, now() from generate_series(1, 250) n"""
    )
    await fair.database.write(lambda tx: ask_for_fit(tx, PAIRING.name))
    await fair.work()
    assert len(await vectors(fair)) == 250
    assert len(await fair.finds(await fair.job("checkout", "figma"))) == PAIRING.many
    await fair.do("insert into fair_workers values (gen_random_uuid(), 'checkout', '', '{}', 0, 4, 1, 1, now())")
    await gather(fair.database, PAIRING)
    assert len(await vectors(fair)) == 251, "a later one is weighed at once"
    await is_true_now(fair)


async def test_a_half_built_model_is_not_read_and_its_build_goes_on_where_it_stopped(fair: Fair) -> None:
    people = await fair.crowd()
    ((current,),) = await fair.rows(CURRENT)
    # As a worker leaves it that died while it built: the words are there, and of one candidate a vector.
    ((half,),) = await fair.rows(
        """insert into match_models (pairing, state, documents, terms, fitted_at) values ('workers for jobs', 'building', 1, 1, now())
           returning id"""
    )
    await fair.do("insert into match_terms (model, term, number, idf) values ($1, 'checkout', 0, 1.5)", half)
    await fair.do(
        """insert into match_vectors (model, candidate, terms, weights) select $1, number, '{}', '{}' from match_candidates
           where id = $2 and pairing = 'workers for jobs'""",
        half,
        people["bo"].id,
    )
    job = await fair.job("Checkout", "figma")
    assert (await fair.finds(job)).model == current
    with pytest.raises(Incomplete):
        await fair.database.write(lambda tx: switch(tx, PAIRING.name, half))
    # Whoever changes meanwhile is weighed under both.
    await fair.put(replace(people["cy"], bio="checkout"))
    await fair.work()
    built = await fair.rows("select c.id from match_vectors v join match_candidates c on c.number = v.candidate where v.model = $1", half)
    assert {each for (each,) in built} >= {people["bo"].id, people["cy"].id}
    await fit(fair.database, Wanted(PAIRING.name), pairings=Pairings(PAIRING))
    assert await fair.rows(CURRENT) == [(half,)]
    assert (await fair.finds(job)).model == half
    await is_true_now(fair)


async def test_who_comes_second_to_the_switch_leaves_the_model_where_it_is(fair: Fair) -> None:
    """Two workers may build one model, when the first was taken for dead."""
    await fair.crowd()
    ((current,),) = await fair.rows(CURRENT)
    await fair.database.write(lambda tx: switch(tx, PAIRING.name, current))
    assert await fair.rows(CURRENT) == [(current,)]


async def test_requests_during_a_switch_are_answered_by_one_model_or_the_other(fair: Fair) -> None:
    await fair.crowd()
    job = await fair.job("Checkout and payment forms", "figma", "react")
    before = await fair.finds(job)
    answers = []

    async def asking() -> None:
        while not fitting.done():
            answers.append(await fair.finds(job))

    fitting = asyncio.ensure_future(fit(fair.database, Wanted(PAIRING.name), pairings=Pairings(PAIRING)))
    await asking()
    await fitting
    answers.append(await fair.finds(job))
    assert {found.model for found in answers} <= {before.model, answers[-1].model}
    assert answers[-1].model != before.model
    assert all([match.id for match in found] == [match.id for match in before] for found in answers)


async def test_changes_during_a_build_are_in_it(fair: Fair) -> None:
    people, random = await fair.crowd(), Random(5)

    async def changing() -> None:
        n = 0
        while not fitting.done():
            n += 1
            await fair.put(replace(random.choice(list(people.values())), bio=f"checkout {'payment ' * (n % 4)}"))
            await fair.worker(f"lawn {n}")
            await fair.work()

    fitting = asyncio.ensure_future(fit(fair.database, Wanted(PAIRING.name), pairings=Pairings(PAIRING)))
    await changing()
    await fitting
    await fair.work()
    await is_true_now(fair)


async def test_a_model_that_is_not_read_any_more_is_cleared_away_after_a_while(fair: Fair) -> None:
    await fair.crowd()
    ((old,),) = await fair.rows(CURRENT)
    await fit(fair.database, Wanted(PAIRING.name), pairings=Pairings(PAIRING))
    await fair.refit()
    assert await fair.rows("select 1 from match_vectors where model = $1 limit 1", old) != [], "a request may still read it"
    fair.clock.move_to(fair.clock.offset + timedelta(hours=2))
    await fair.work()
    for table, column in (("match_models", "id"), ("match_terms", "model"), ("match_vectors", "model"), ("match_postings", "model")):
        assert await fair.rows(f"select 1 from {table} where {column} = $1 limit 1", old) == []
    await is_true_now(fair)


async def test_a_request_knows_the_words_of_the_current_model_alone(fair: Fair) -> None:
    await fair.crowd()
    await fit(fair.database, Wanted(PAIRING.name), pairings=Pairings(PAIRING))
    ((current,),) = await fair.rows(CURRENT)
    job = await fair.job("Checkout")
    asked = await fair.database.read(partial(asked_by, pairing=PAIRING, seeks=Sought.CANDIDATE, subject=job.subject))
    assert asked.model == current
    assert list(asked.names) == ["checkout"]


async def test_a_pairing_that_is_not_declared_any_more_is_not_fitted(fair: Fair) -> None:
    await fit(fair.database, Wanted("gone"), pairings=Pairings(PAIRING))
    assert await fair.rows("select 1 from match_models") == []


async def test_each_law_notices_its_breach(fair: Fair) -> None:
    await fair.crowd()
    (module,) = (each for each in fair.market.modules if each.name == "matching")
    job = await fair.job("Checkout", "figma")
    await fair.recorded(job)
    breaches = (
        "delete from match_vectors",
        f"insert into match_candidates (pairing, side, id, changed_at) values ('workers for jobs', 'candidate', '{uuid4()}', now())",
        "update match_entries set score = 0.9999 where place = 2",
    )
    for law, breach in zip(module.laws, breaches, strict=True):
        tx = fair.database.tx()
        assert await tx.run(law.query) == []
        await tx._connection.execute(breach)  # type: ignore[union-attr]
        assert await tx.run(law.query) != []
        await roll_back(tx)
