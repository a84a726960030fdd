"""Matching over HTTP: who may ask, what is answered, and what is never said."""

from __future__ import annotations

from uuid import uuid4

from msgspec.structs import replace

from tests.modules.matching.conftest import Fair, told


async def test_a_client_asks_for_workers_with_score_and_reasons(fair: Fair) -> None:
    people = await fair.crowd()
    client = await fair.join("clara", "client")
    job = await fair.job("Checkout with payment by card", "figma", "react", client=client.id)
    found = told(await client.client.get("/matching/match", params={"jobId": str(job.id)}))
    assert found[0]["worker"] == {"id": str(people["ada"].id), "bio": people["ada"].bio}
    assert found[0]["reasons"][0] == "skills: figma, react"
    assert found[0]["reasons"][-1] == "4.8 over 12 reviews"
    assert [part["name"] for part in found[0]["parts"]] == ["skills", "words", "availability", "rating"]
    scores = [each["score"] for each in found]
    assert scores == sorted(scores, reverse=True)
    assert len(told(await client.client.get("/matching/match", params={"jobId": str(job.id), "limit": 1}))) == 1


async def test_a_worker_asks_for_jobs(fair: Fair) -> None:
    await fair.crowd()
    worker = await fair.join("will", "worker")
    near, far = await fair.job("Checkout design", "figma"), await fair.job("Mow my lawn", "gardening")
    assert told(await worker.client.get("/matching/jobs"), 404)["code"] == "NOTHING_TO_MATCH"
    await fair.worker("I design checkouts", "Figma", id=worker.id)
    await fair.refit()
    found = told(await worker.client.get("/matching/jobs"))
    assert [each["job"] for each in found] == [str(near.id), str(far.id)]


async def test_the_jobs_of_others_cannot_be_asked_for(fair: Fair) -> None:
    await fair.crowd()
    client, other = await fair.join("clara", "client"), await fair.join("otto", "client")
    job = await fair.job("Checkout", "figma", client=client.id)
    for asked in (job.id, uuid4()):
        answer = await other.client.get("/matching/match", params={"jobId": str(asked)})
        assert told(answer, 404)["code"] == "FAIR_JOB_NOT_FOUND"
    worker = await fair.join("will", "worker")
    assert (await worker.client.get("/matching/match", params={"jobId": str(job.id)})).status_code == 403
    assert (await (await fair.client()).get("/matching/match", params={"jobId": str(job.id)})).status_code == 401
    assert (await client.client.get("/matching/match")).status_code == 422
    assert (await client.client.get("/matching/match", params={"jobId": str(job.id), "limit": 101})).status_code == 422


async def test_what_is_private_decides_and_is_not_told(fair: Fair) -> None:
    """Neither its reason, nor its number, nor the numbers of the others, from which it could be told."""
    people = await fair.crowd()
    await fair.put(replace(people["di"], trust=1.0, notes="divorced embezzler checkout"))
    await fair.refit()
    client = await fair.join("clara", "client")
    job = await fair.job("Embezzler wanted for checkout", client=client.id)
    answer = await client.client.get("/matching/trusted", params={"jobId": str(job.id)})
    found = told(answer)
    assert found[0]["trusted"] == str(people["di"].id)
    assert found[0]["reasons"] == ["words in common: checkout"]
    assert all(each["parts"] == [] for each in found)
    assert "trust " not in answer.text
    assert "embezzler" not in answer.text

    staff = await fair.staff()
    own = await fair.job("Embezzler wanted for checkout", client=staff.id)
    seen = told(await staff.client.get("/matching/trusted", params={"jobId": str(own.id)}))
    assert seen[0]["parts"][2] == {"name": "trust", "weight": 0.4, "score": 1.0, "reason": "trust 1.0", "public": False}
    assert seen[0]["reasons"] == found[0]["reasons"], "what everybody may hear is the same for all"


async def test_staff_list_read_and_replay_what_was_recorded(fair: Fair) -> None:
    await fair.crowd()
    job, another = await fair.job("Checkout", "figma"), await fair.job("Lawn", "gardening")
    first, second = await fair.recorded(job), await fair.recorded(another)
    staff = await fair.staff()
    listed = told(await staff.client.get("/matching/records"))
    assert [each["id"] for each in listed] == [str(second), str(first)]
    assert [each["id"] for each in told(await staff.client.get("/matching/records", params={"requestId": str(job.id)}))] == [str(first)]
    assert told(await staff.client.get("/matching/records", params={"pairing": "another"})) == []
    page = (await staff.client.get("/matching/records", params={"limit": 1})).json()
    behind = told(await staff.client.get("/matching/records", params={"cursor": page["pagination"]["nextCursor"]}))
    assert [each["id"] for each in behind] == [str(first)]

    record = told(await staff.client.get(f"/matching/records/{first}"))
    assert record["requestId"] == str(job.id)
    assert record["weights"] == {"skills": 0.4, "words": 0.25, "availability": 0.15, "rating": 0.2}
    assert record["matches"][0]["features"] == {"load": 0, "reviews": 12, "trust": 0.5, "rating": 4.8}
    replay = f"/matching/records/{first}/replay"
    assert told(await staff.client.post(replay, json={"weights": record["weights"]})) == record["matches"]
    by_rating = {"skills": 0, "words": 0, "availability": 0, "rating": 1}
    ratings = [each["features"]["rating"] for each in told(await staff.client.post(replay, json={"weights": by_rating}))]
    assert ratings == [5.0, 4.8, 4.1, 3.0]

    wrong = told(await staff.client.post(replay, json={"weights": {**by_rating, "rating": 0.9}}), 422)
    assert wrong["code"] == "WEIGHTS_DO_NOT_FIT"
    assert told(await staff.client.get(f"/matching/records/{uuid4()}"), 404)["code"] == "NO_SUCH_RECORD"


async def test_staff_see_which_models_there_are(fair: Fair) -> None:
    await fair.crowd()
    staff = await fair.staff()
    models = told(await staff.client.get("/matching/models"))
    assert {each["pairing"]: (each["state"], each["documents"]) for each in models if each["state"] == "current"} == {
        "workers for jobs": ("current", 4),
        "workers by trust": ("current", 4),
    }


async def test_what_is_the_staffs_is_nobody_elses(fair: Fair) -> None:
    await fair.crowd()
    record = await fair.recorded(await fair.job("Checkout"))
    client = await fair.join("clara", "client")
    for path in ("/matching/records", f"/matching/records/{record}", "/matching/models"):
        assert (await client.client.get(path)).status_code == 403
    assert (await client.client.post(f"/matching/records/{record}/replay", json={"weights": {}})).status_code == 403
