"""The store inside the process never grows beyond its bounds."""

from __future__ import annotations

import uvloop
from hypothesis import given
from hypothesis import strategies as st

from souk.kernel.cache import LocalStore
from souk.kernel.cache.local import OVERHEAD


async def test_the_least_recently_used_goes_first() -> None:
    store = LocalStore(entries=3)
    for key in "abc":
        await store.set(key, b"1", 10)
    await store.get("a")
    await store.set("d", b"1", 10)
    assert [key for key in "abcd" if await store.get(key)] == ["a", "c", "d"]


async def test_large_values_push_out_as_many_as_they_need() -> None:
    store = LocalStore(size=5 * (OVERHEAD + 101))
    for key in "abcde":
        await store.set(key, b"x" * 100, 10)
    await store.set("f", b"x" * 300, 10)
    assert [key for key in "abcdef" if await store.get(key)] == ["c", "d", "e", "f"]


async def test_a_value_larger_than_the_whole_store_is_not_kept_and_pushes_nobody_out() -> None:
    store = LocalStore(size=1000)
    await store.set("a", b"1", 10)
    await store.set("big", b"old", 10)
    await store.set("big", b"x" * 2000, 10)
    assert (await store.get("a"), await store.get("big")) == (b"1", None)


steps = st.lists(
    st.tuples(st.sampled_from("abcdef"), st.sampled_from(["get", "set", "add", "incr", "delete", "later"]), st.integers(0, 400)),
    max_size=60,
)


@given(steps)
def test_its_books_are_right_after_any_use(taken: list[tuple[str, str, int]]) -> None:
    moment = 0.0
    store = LocalStore(entries=4, size=1500, monotonic=lambda: moment)

    async def run() -> None:
        nonlocal moment
        for key, step, number in taken:
            if step == "later":
                moment += number / 50
            elif step == "set":
                await store.set(key, b"1" * number, 5)
            elif step == "add":
                await store.add(key, b"%d" % number, 5)
            elif step == "incr" and ((known := await store.get(key)) is None or known.isdigit()):
                await store.incr(key, number, 5)
            elif step == "delete":
                await store.delete(key)
            kept = {one: await store.get(one) for one in "abcdef"}
            assert len(store) <= 4
            assert store.used == sum(len(one) + len(value) + OVERHEAD for one, value in kept.items() if value is not None) <= 1500

    uvloop.run(run())
