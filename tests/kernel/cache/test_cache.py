"""The contract of the cache: every store keeps it, and every market has its own part."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import msgspec
import pytest

from souk.kernel.cache import Cache, LocalStore, NotACounter, Store, Typed


class Moment:
    """A monotonic clock that a test moves."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


class Stall(msgspec.Struct, frozen=True):
    number: int
    owner: str


class NewStall(msgspec.Struct, frozen=True):
    number: int
    floor: int


STORES: dict[str, Callable[[Moment], Store]] = {
    "local": lambda moment: LocalStore(monotonic=moment),
}
"""Every store there is: a new one is added here and has to pass."""


@pytest.fixture
def moment() -> Moment:
    return Moment()


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest, moment: Moment) -> Store:
    return STORES[request.param](moment)


@pytest.fixture
def cache(store: Store) -> Cache:
    return Cache(store, "tulifo")


async def test_what_is_set_is_found_until_its_time_is_over(cache: Cache, moment: Moment) -> None:
    assert await cache.get("a") is None
    await cache.set("a", b"1", 10)
    moment.seconds += 9.9
    assert await cache.get("a") == b"1"
    moment.seconds += 0.1
    assert await cache.get("a") is None


async def test_setting_again_replaces_the_value_and_its_time(cache: Cache, moment: Moment) -> None:
    await cache.set("a", b"1", 10)
    moment.seconds += 8
    await cache.set("a", b"2", 10)
    moment.seconds += 8
    assert await cache.get("a") == b"2"


async def test_what_is_deleted_is_gone_and_deleting_nothing_is_nothing(cache: Cache) -> None:
    await cache.set("a", b"1", 10)
    await cache.delete("a")
    await cache.delete("a")
    assert await cache.get("a") is None


async def test_markets_do_not_see_each_other(store: Store) -> None:
    tulifo, grid = Cache(store, "tulifo"), Cache(store, "grid")
    await tulifo.set("a", b"t", 10)
    await grid.set("a", b"g", 10)
    await grid.delete("a")
    assert (await tulifo.get("a"), await grid.get("a")) == (b"t", None)


async def test_only_the_first_of_many_adds(cache: Cache, moment: Moment) -> None:
    results = await asyncio.gather(*(cache.add("lock", b"%d" % i, 10) for i in range(20)))
    assert results.count(True) == 1
    assert await cache.get("lock") == b"%d" % results.index(True)
    moment.seconds += 10
    assert await cache.add("lock", b"again", 10)


async def test_a_counter_counts_from_its_first_addition_until_its_time_is_over(cache: Cache, moment: Moment) -> None:
    assert await cache.incr("n", 10) == 1
    moment.seconds += 9
    assert await cache.incr("n", 10, by=5) == 6
    assert await cache.incr("n", 10, by=-7) == -1
    moment.seconds += 1
    assert await cache.incr("n", 10) == 1


async def test_a_value_that_is_no_number_is_not_counted(cache: Cache) -> None:
    await cache.set("n", b"many", 10)
    with pytest.raises(NotACounter):
        await cache.incr("n", 10)
    assert await cache.get("n") == b"many"


@pytest.mark.parametrize("seconds", [0, -1, float("nan")])
async def test_nothing_is_kept_for_no_time(cache: Cache, seconds: float) -> None:
    for keep in (cache.set("a", b"1", seconds), cache.add("a", b"1", seconds), cache.incr("a", seconds)):
        with pytest.raises(ValueError, match="positive time"):
            await keep


async def test_any_bytes_come_back_as_they_were(cache: Cache) -> None:
    for value in (b"", b"\0\xff\n", b"x" * 100_000):
        await cache.set("a", value, 10)
        assert await cache.get("a") == value


class Kitchen:
    """Makes a value when it is told to, and counts how often it was asked."""

    def __init__(self) -> None:
        self.asked = 0
        self.ready = asyncio.Event()
        self.begun = asyncio.Event()
        self.fails = False

    async def make(self) -> bytes:
        self.asked += 1
        self.begun.set()
        await self.ready.wait()
        if self.fails:
            raise LookupError("nothing to make it of")
        return b"made %d" % self.asked


async def test_what_is_missing_is_made_once_and_kept(cache: Cache, moment: Moment) -> None:
    kitchen = Kitchen()
    kitchen.ready.set()
    assert await cache.get_or_make("a", 10, kitchen.make) == b"made 1"
    assert await cache.get_or_make("a", 10, kitchen.make) == b"made 1"
    moment.seconds += 10
    assert await cache.get_or_make("a", 10, kitchen.make) == b"made 2"


async def test_many_who_miss_at_once_share_one_making(cache: Cache) -> None:
    kitchen = Kitchen()
    waiting = [asyncio.create_task(cache.get_or_make("a", 10, kitchen.make)) for _ in range(50)]
    await kitchen.begun.wait()
    kitchen.ready.set()
    assert await asyncio.gather(*waiting) == [b"made 1"] * 50


async def test_a_failure_is_told_to_all_who_wait_and_kept_for_nobody(cache: Cache) -> None:
    kitchen = Kitchen()
    kitchen.fails = True
    waiting = [asyncio.create_task(cache.get_or_make("a", 10, kitchen.make)) for _ in range(3)]
    await kitchen.begun.wait()
    kitchen.ready.set()
    found = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(error) for error in found] == [LookupError] * 3
    kitchen.fails = False
    assert await cache.get_or_make("a", 10, kitchen.make) == b"made 2"


async def test_one_who_gives_up_does_not_take_it_from_the_others(cache: Cache) -> None:
    kitchen = Kitchen()
    impatient = asyncio.create_task(cache.get_or_make("a", 10, kitchen.make))
    patient = asyncio.create_task(cache.get_or_make("a", 10, kitchen.make))
    await kitchen.begun.wait()
    impatient.cancel()
    with pytest.raises(asyncio.CancelledError):
        await impatient
    kitchen.ready.set()
    assert await patient == b"made 1"
    assert kitchen.asked == 1


async def test_a_failure_nobody_waits_for_any_more_disturbs_nobody(cache: Cache) -> None:
    kitchen = Kitchen()
    kitchen.fails = True
    only = asyncio.create_task(cache.get_or_make("a", 10, kitchen.make))
    await kitchen.begun.wait()
    only.cancel()
    kitchen.ready.set()
    with pytest.raises(asyncio.CancelledError):
        await only
    assert await cache.get("a") is None


async def test_what_was_being_made_while_it_changed_is_not_kept(cache: Cache) -> None:
    kitchen = Kitchen()
    waiting = asyncio.create_task(cache.get_or_make("a", 10, kitchen.make))
    await kitchen.begun.wait()
    await cache.delete("a")
    kitchen.ready.set()
    assert await waiting == b"made 1"
    assert await cache.get("a") is None


async def test_what_was_set_while_it_was_being_made_stays(cache: Cache) -> None:
    kitchen = Kitchen()
    waiting = asyncio.create_task(cache.get_or_make("a", 10, kitchen.make))
    await kitchen.begun.wait()
    await cache.set("a", b"newer", 10)
    kitchen.ready.set()
    await waiting
    assert await cache.get("a") == b"newer"


async def test_values_of_a_type_come_back_as_that_type(cache: Cache) -> None:
    stalls = Typed(cache, "stall", Stall)
    assert await stalls.get("4") is None
    await stalls.set("4", Stall(4, "Ann"), 10)
    assert await stalls.get("4") == Stall(4, "Ann")
    assert not await stalls.add("4", Stall(4, "Ben"), 10)
    await stalls.delete("4")
    assert await stalls.add("4", Stall(4, "Ben"), 10)

    async def make() -> Stall:
        return Stall(5, "Cid")

    assert await stalls.get_or_make("5", 10, make) == Stall(5, "Cid")
    assert await stalls.get_or_make("4", 10, make) == Stall(4, "Ben")


async def test_a_value_of_an_older_program_counts_as_absent(cache: Cache) -> None:
    await Typed(cache, "stall", Stall).set("4", Stall(4, "Ann"), 10)
    stalls = Typed(cache, "stall", NewStall)

    async def make() -> NewStall:
        return NewStall(4, 2)

    assert await stalls.get("4") is None
    assert await stalls.get_or_make("4", 10, make) == NewStall(4, 2)


async def test_two_names_do_not_meet(cache: Cache) -> None:
    await Typed(cache, "a", int).set("1", 1, 10)
    assert await Typed(cache, "b", int).get("1") is None


async def test_a_store_that_is_closed_has_forgotten_everything(store: Store) -> None:
    await store.set("a", b"1", 10)
    await store.close()
    assert await store.get("a") is None
