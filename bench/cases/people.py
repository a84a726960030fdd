"""People: who one is (E1 on `GET /auth/me`), reads while many sign in, and how soon a session that ended is over everywhere."""

from __future__ import annotations

import http.client
import random
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from statistics import median
from typing import Any, Final

import msgspec

from bench.cases.http import Case, measured
from bench.crowded import QUICK, QUICKLY, Crowd, crowd, email
from bench.limit import SCRIPTS
from bench.load import Call, Figures, WrongAnswer, request, steady
from bench.machine import CORES
from bench.report import Figure, judged, noise
from bench.run import Run
from bench.server import Server, souk
from souk.markets.tulifo import TULIFO
from souk.modules.identity.seed import DEMO_PASSWORD
from souk.modules.identity.sql.people import USER

ONLY_TULIFO: Final = {"SOUK_MARKETS": TULIFO.name}
AT_ONCE: Final = 50
READERS: Final = range(QUICK + 1, QUICK + 21)
READS_A_SECOND: Final = 200.0
LOGINS: Final = QUICK + 101
"""The first member who only signs in: each of them once in a round."""
SESSIONS: Final = 50
LOOKS_EVERY: Final = 0.4
"""Seconds after which a process looks for news by itself: sessions end at any moment between two looks."""
MOST_SECONDS: Final = 1.0


def cases(run: Run) -> list[Figure]:
    """All three."""
    with crowd(run.server) as people:
        with souk(people.made, run.home, more={**ONLY_TULIFO, **QUICKLY}) as server:
            found = measured(who_one_is(people, server), run, people.made, server)
        with souk(people.made, run.home, cores=CORES, more=ONLY_TULIFO) as server:
            found.append(reads_while_many_sign_in(run, people, server))
        for how, prepared in (("by hints", "on"), ("by looking alone", "off")):
            found.append(revoked(run, people, how, {**ONLY_TULIFO, **QUICKLY, "SOUK_DATABASE_PREPARED": prepared}))
    return found


def who_one_is(people: Crowd, server: Server) -> Case:
    """E1, asked by everyone who has signed in."""
    arguments: list[list[Any]] = [[str(member)] for member in people.members[:SCRIPTS]]
    return Case("E1 GET /auth/me", reads(people, server, range(1, QUICK + 1)), USER.sql, arguments, 0.30)


def reads(people: Crowd, server: Server, numbers: Sequence[int]) -> list[Call]:
    """These members sign in; each asks who they are."""

    def shows(member: str) -> Callable[[bytes], bool]:
        return lambda body: bool(msgspec.json.decode(body)["data"]["id"] == member)

    path = f"{TULIFO.base}/auth/me"
    return [Call(request("GET", path, token=sign_in(server, number)), b"200", shows(str(people.members[number - 1]))) for number in numbers]


# Reads while many sign in


def reads_while_many_sign_in(run: Run, people: Crowd, server: Server) -> Figure:
    """The p99 of the same steady load, while fifty passwords are hashed, all of that time, and as long alone."""
    calls = reads(people, server, READERS)
    alone: list[float] = []
    during: list[float] = []
    took: list[float] = []
    for number in range(run.rounds + 1):
        busy, seconds = read_during_logins(server, calls, LOGINS + number * AT_ONCE % 500)
        end = time.monotonic() + seconds
        quiet = steady(server.port, calls, READS_A_SECOND, lambda end=end: time.monotonic() > end)  # type: ignore[misc]
        if number:
            alone.append(quiet.p99)
            during.append(busy.p99)
            took.append(seconds)
    ratios = [b / a for a, b in zip(alone, during, strict=True)]
    note = f"{noise(ratios)}; {median(alone):.1f} ms alone; {READS_A_SECOND:.0f} reads a second; the logins took {median(took):.1f} s"
    reached = median(ratios)
    name = f"p99 of a read during {AT_ONCE} logins"
    return Figure(name, f"{median(during):.1f} ms", f"{reached:.1f}", "≤ 3 of alone", judged(reached <= 3), note=note)


def read_during_logins(server: Server, calls: Sequence[Call], first: int) -> tuple[Figures, float]:
    """The load while fifty sign in at once, and how long that took them."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        began = time.perf_counter()
        asked = [pool.submit(sign_in, server, number) for number in range(first, first + AT_ONCE)]
        busy = steady(server.port, calls, READS_A_SECOND, lambda: all(each.done() for each in asked))
        seconds = time.perf_counter() - began
        if len({each.result() for each in asked}) != AT_ONCE:
            raise WrongAnswer("two sign-ins were given the same token")
    return busy, seconds


def sign_in(server: Server, number: int) -> str:
    """A real one. Answers the access token."""
    body = {"email": email(number), "password": DEMO_PASSWORD}
    return str(ask(server, "POST", "/auth/login", body=body)["data"]["accessToken"])


def ask(server: Server, method: str, path: str, *, token: str = "", body: object = None) -> Any:
    """One request, decoded; anything but success is an error."""
    status, answer = answered(server, method, path, token=token, body=body)
    assert 200 <= status < 300, f"{method} {path}: {status} {answer}"
    return answer


def answered(server: Server, method: str, path: str, *, token: str = "", body: object = None) -> tuple[int, Any]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=120)
    headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {token}"} if token else {})}
    connection.request(method, TULIFO.base + path, msgspec.json.encode(body) if body is not None else None, headers)
    answer = connection.getresponse()
    raw = answer.read()
    connection.close()
    return answer.status, msgspec.json.decode(raw)


# Sessions that end


def revoked(run: Run, people: Crowd, how: str, more: dict[str, str]) -> Figure:
    """Signed out here: until when another process still believes the token."""
    moments = random.Random(7)
    with ExitStack() as both:
        here, there = (both.enter_context(souk(people.made, run.home, cores=CORES, more=more)) for _ in range(2))
        waits = [over_after(here, there, number, moments.uniform(0, LOOKS_EVERY)) for number in range(1, SESSIONS + 1)]
    worst = max(waits)
    name = f"a session that ended is over in another process, {how}"
    note = f"from asking for its end, the slowest of {len(waits)}; p50 {median(waits) * 1000:.0f} ms"
    return Figure(name, f"{worst * 1000:.0f} ms", "", "≤ 1 s", judged(worst <= MOST_SECONDS), note=note)


def over_after(here: Server, there: Server, number: int, pause: float) -> float:
    """Seconds until the other process refuses the token. The pause keeps the ends apart from the moments at which it looks."""
    token = sign_in(here, number)
    assert answered(there, "GET", "/auth/me", token=token)[0] == 200
    time.sleep(pause)
    asked = time.perf_counter()
    ask(here, "POST", "/auth/logout", token=token)
    assert answered(here, "GET", "/auth/me", token=token)[0] == 401
    while (status := answered(there, "GET", "/auth/me", token=token)[0]) != 401:
        if status != 200 or time.perf_counter() - asked > 10:
            raise WrongAnswer(f"a session that has ended is answered {status}")
        time.sleep(0.002)
    return time.perf_counter() - asked
