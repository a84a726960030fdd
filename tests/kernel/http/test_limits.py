"""Rate limits on a clock that the test moves."""

from __future__ import annotations

from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from souk.kernel.http.limits import ANONYMOUS, ATTEMPTS, EXACT_UP_TO, Limiter, address_key, client_address, parse, per_address


class Watch:
    """Seconds since some beginning."""

    def __init__(self) -> None:
        self.time = 1000.0

    def __call__(self) -> float:
        return self.time


@pytest.mark.parametrize(
    ("text", "count", "seconds"), [("5/15m", 5, 900), ("100/s", 100, 1), ("20/1h", 20, 3600), ("3000/1m", 3000, 60), ("1/2d", 1, 172800)]
)
def test_a_limit_is_written_as_so_many_within_so_long(text: str, count: int, seconds: int) -> None:
    assert (parse(text).count, parse(text).seconds) == (count, seconds)


@pytest.mark.parametrize("text", ["", "5", "0/1m", "5/0m", "5/15", "5/15w", "-1/1m", "5 / 15m", "5/1.5m"])
def test_what_is_no_limit_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match="5/15m"):
        parse(text)


def test_the_sixth_attempt_within_a_quarter_of_an_hour_is_one_too_many() -> None:
    watch = Watch()
    limiter = Limiter(now=watch)
    verdicts = []
    for _ in range(6):
        verdicts.append(limiter.hit("ada", ATTEMPTS))
        watch.time += 60
    assert [v.allowed for v in verdicts] == [True] * 5 + [False]
    assert [v.remaining for v in verdicts] == [4, 3, 2, 1, 0, 0]
    assert verdicts[-1].reset == 600
    watch.time += 539
    assert not limiter.hit("ada", ATTEMPTS).allowed
    watch.time += 2
    assert limiter.hit("ada", ATTEMPTS).allowed


def test_a_success_clears_what_failed_before_it() -> None:
    limiter = Limiter(now=Watch())
    for _ in range(5):
        limiter.hit("ada", ATTEMPTS)
    limiter.clear("ada", ATTEMPTS)
    limiter.clear("nobody", ANONYMOUS)
    assert limiter.hit("ada", ATTEMPTS).remaining == 4


def test_keys_and_limits_are_counted_apart() -> None:
    limiter = Limiter(now=Watch())
    once, twice = parse("1/1m"), parse("2/1m")
    assert [limiter.hit(key, once).allowed for key in ("a", "a", "b")] == [True, False, True]
    assert [limiter.hit("a", twice).allowed for _ in range(3)] == [True, True, False]


@pytest.mark.parametrize("text", ["5/15m", "200/1m"])
def test_a_refused_caller_is_let_in_again_after_the_time_that_was_named(text: str) -> None:
    watch = Watch()
    limiter = Limiter(now=watch)
    while (verdict := limiter.hit("a", parse(text))).allowed:
        watch.time += 0.1
    watch.time += verdict.reset
    assert limiter.hit("a", parse(text)).allowed


@given(st.integers(1, EXACT_UP_TO), st.lists(st.floats(0, 20), min_size=1, max_size=200))
def test_no_window_of_a_narrow_limit_ever_holds_more_than_it_may(count: int, pauses: list[float]) -> None:
    watch, limit, allowed = Watch(), parse(f"{count}/1m"), []
    limiter = Limiter(now=watch)
    for pause in pauses:
        watch.time += pause
        if limiter.hit("a", limit).allowed:
            allowed.append(watch.time)
    assert all(sum(start - 60 < at <= start for at in allowed) <= count for start in allowed)


@given(st.lists(st.tuples(st.floats(0, 90), st.integers(1, 150)), min_size=1, max_size=20))
def test_a_wide_limit_never_lets_more_than_its_count_into_one_fixed_window(bursts: list[tuple[float, int]]) -> None:
    watch, limit, by_window = Watch(), parse("100/1m"), dict[int, int]()
    limiter = Limiter(now=watch)
    for pause, hits in bursts:
        watch.time += pause
        for _ in range(hits):
            verdict = limiter.hit("a", limit)
            by_window[int(watch.time // 60)] = by_window.get(int(watch.time // 60), 0) + verdict.allowed
            assert 0 <= verdict.remaining < 100
            assert 1 <= verdict.reset <= 120
    assert max(by_window.values()) <= 100


@pytest.mark.parametrize("text", ["5/1m", "500/1m"])
def test_memory_is_bounded_and_the_longest_silent_go_first(text: str) -> None:
    watch = Watch()
    limiter = Limiter(now=watch, capacity=100)
    limit = parse(text)
    for i in range(1000):
        watch.time += 0.01
        limiter.hit(f"address {i}", limit)
    assert len(limiter._keys[limit.text]) <= 100
    assert limiter.hit("address 999", limit).remaining == limit.count - 2
    watch.time += 200
    for i in range(101):
        limiter.hit(f"later {i}", limit)
    assert "address 999" not in limiter._keys[limit.text]


def test_a_flood_of_addresses_does_not_make_attempts_forgotten() -> None:
    limiter = Limiter(now=Watch(), capacity=100)
    for _ in range(5):
        limiter.hit("ada", ATTEMPTS)
    for i in range(1000):
        limiter.hit(f"address {i}", ANONYMOUS)
    assert not limiter.hit("ada", ATTEMPTS).allowed


def test_the_headers_tell_limit_rest_and_time() -> None:
    verdict = Limiter(now=Watch()).hit("a", parse("5/15m"))
    assert verdict.headers() == [(b"ratelimit-limit", b"5"), (b"ratelimit-remaining", b"4"), (b"ratelimit-reset", b"900")]


def test_in_development_one_address_may_do_a_hundred_times_as_much() -> None:
    assert per_address(ANONYMOUS, development=True).count == 10_000
    assert per_address(ANONYMOUS, development=False) is ANONYMOUS


TRUSTED = [ip_network("10.0.0.0/8"), ip_network("::1/128")]


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("9.9.9.9", None, "9.9.9.9"),
        ("9.9.9.9", b"1.1.1.1", "9.9.9.9"),  # not from a proxy of ours: its word counts for nothing
        ("10.0.0.1", b"1.1.1.1", "1.1.1.1"),
        ("10.0.0.1", b"6.6.6.6, 1.1.1.1", "1.1.1.1"),  # what stands left of it was written by the client itself
        ("10.0.0.1", b"1.1.1.1, 10.0.0.2", "1.1.1.1"),
        ("10.0.0.1", b"10.0.0.3, 10.0.0.2", "10.0.0.3"),
        ("10.0.0.1", b"nonsense", "10.0.0.1"),
        ("10.0.0.1", b"nonsense, 10.0.0.2", "10.0.0.2"),
        ("::1", b"2001:db8::7", "2001:db8::7"),
        ("", b"1.1.1.1", ""),
    ],
)
def test_a_forwarded_address_counts_as_far_as_proxies_are_trusted(peer: str, forwarded: bytes | None, address: str) -> None:
    assert client_address(peer, forwarded, TRUSTED) == address


@pytest.mark.parametrize(
    ("address", "key"),
    [("1.2.3.4", "1.2.3.4"), ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"), ("::ffff:1.2.3.4", "1.2.3.4"), ("x:y", "x:y")],
)
def test_an_ipv6_network_is_counted_as_one(address: str, key: str) -> None:
    assert address_key(address) == key
