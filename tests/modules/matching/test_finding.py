"""Who is found for a job, in which order, and why."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from souk.kernel.db import Tx
from souk.modules import matching
from souk.modules.matching import Matches, Rated
from tests.modules.matching.conftest import Fair
from tests.modules.matching.fair import PAIRING


async def matches_back(tx: Tx, worker_id: UUID) -> Matches:
    return await matching.matches_for(tx, PAIRING, worker_id, back=True)


async def test_the_best_comes_first_and_every_part_says_why(fair: Fair) -> None:
    people = await fair.crowd()
    job = await fair.job("Checkout with payment by card", "figma", "react", "vue")
    found = await fair.finds(job)
    best = found.found[0]
    assert best.id == people["ada"].id
    assert best.reasons == ["skills: figma, react", "words in common: figma, react, payment", "0 jobs now", "4.8 over 12 reviews"]
    by_name = {part.name: part for part in best.parts}
    assert by_name["skills"] == Rated("skills", 0.4, 0.666667, "skills: figma, react", public=True)
    assert (by_name["availability"].score, by_name["rating"].score) == (1.0, 0.96)
    assert 0 < by_name["words"].score < 1
    assert [match.place for match in found] == [1, 2, 3, 4]


async def test_a_total_is_the_weighted_sum_of_its_parts(fair: Fair) -> None:
    await fair.crowd()
    for match in await fair.finds(await fair.job("Payments in Go", "go")):
        assert abs(match.score - sum(part.weight * part.score for part in match.parts)) < 1e-9
        assert all(0 <= part.score <= 1 for part in match.parts)


async def test_ties_go_to_the_least_loaded_then_to_who_waits_longest_then_to_the_id(fair: Fair) -> None:
    early, late = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 5, 1, tzinfo=UTC)
    first, second = UUID(int=1), UUID(int=2)
    late_one = await fair.worker("Lawns", "Gardening", waiting_since=late)
    for each in (second, first):
        await fair.worker("Lawns", "Gardening", id=each, waiting_since=early)
    await fair.worker("Lawns", "Gardening", load=1, id=UUID(int=0), waiting_since=early, rating=3.25, reviews=1)
    await fair.refit()
    job = await fair.job("Lawns", "gardening")
    assert await fair.found(job) == [first, second, late_one.id, UUID(int=0)]


async def test_the_same_question_has_the_same_answer(fair: Fair) -> None:
    await fair.crowd()
    job = await fair.job("Checkout pages", "React")
    answers = [await fair.finds(job) for _ in range(3)]
    assert answers[0] == answers[1] == answers[2]


async def test_a_filter_keeps_out_whatever_the_score(fair: Fair) -> None:
    people = await fair.crowd()
    busy = await fair.worker("I design checkout pages and payment forms", "Figma", "React", load=5, rating=5.0, reviews=99)
    await fair.work()
    assert busy.id not in await fair.found(await fair.job("Checkout", "figma"))
    assert people["ada"].id in await fair.found(await fair.job("Checkout", "figma"))


async def test_who_is_blocked_is_not_met_by_any_job_of_that_client(fair: Fair) -> None:
    people = await fair.crowd()
    job = await fair.job("Checkout", "figma")
    await fair.do("insert into fair_blocks values ($1, $2)", job.client_id, people["ada"].id)
    assert people["ada"].id not in await fair.found(job)
    assert people["ada"].id not in await fair.found(await fair.job("Checkout", "figma", client=job.client_id))
    assert people["ada"].id in await fair.found(await fair.job("Checkout", "figma"))


async def test_a_feature_that_changed_counts_at_once_without_any_fact(fair: Fair) -> None:
    people = await fair.crowd()
    job = await fair.job("Lawns", "gardening")
    assert (await fair.found(job))[0] == people["cy"].id
    await fair.do("update fair_workers set load = 5 where id = $1", people["cy"].id)
    assert people["cy"].id not in await fair.found(job)


async def test_a_request_whose_words_nobody_has_still_finds_people(fair: Fair) -> None:
    people = await fair.crowd()
    found = await fair.finds(await fair.job("Xylophone qwertz"))
    assert {match.id for match in found} == {each.id for each in people.values()}
    assert found.found[0].id == people["cy"].id, "the best rated, since nothing else tells them apart"


async def test_the_number_that_is_wanted_is_the_number_that_is_found(fair: Fair) -> None:
    await fair.crowd()
    assert len(await fair.finds(await fair.job("Checkout"), many=2)) == 2


async def test_a_request_that_is_not_there_finds_nobody(fair: Fair) -> None:
    await fair.crowd()
    job = await fair.job("Checkout")
    await fair.do("delete from fair_jobs where id = $1", job.id)
    assert len(await fair.finds(job)) == 0


async def test_jobs_are_found_for_a_worker_by_the_same_score(fair: Fair) -> None:
    people = await fair.crowd()
    near, far = await fair.job("Checkout design", "figma", "react"), await fair.job("Mow my lawn", "gardening")
    await fair.refit()
    jobs = await fair.database.read(lambda tx: matches_back(tx, people["ada"].id))
    assert [match.id for match in jobs] == [near.id, far.id]
    forth = {match.id: match for match in await fair.finds(near)}
    assert forth[people["ada"].id].score == jobs.found[0].score
    assert forth[people["ada"].id].parts == jobs.found[0].parts


async def test_without_a_model_people_are_found_by_what_else_is_known(fair: Fair) -> None:
    job = await fair.job("Checkout", "figma")
    worker = await fair.worker("Checkout", "Figma")
    await fair.do(
        "insert into match_candidates (pairing, side, id, changed_at) values ('workers for jobs', 'candidate', $1, now())", worker.id
    )
    found = await fair.finds(job)
    assert (found.model, [match.id for match in found]) == (None, [worker.id])
    assert found.found[0].reasons[0] == "skills: figma"
