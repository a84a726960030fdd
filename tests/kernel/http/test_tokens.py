"""Access tokens: what is believed, and what is not."""

from __future__ import annotations

import base64
import json
from uuid import uuid4

import jwt
import pytest

from souk.kernel.errors import Refusal
from souk.kernel.http.guards import Actor
from souk.kernel.http.tokens import KeyUnknown, TokenExpired, TokenInvalid, TokenRevoked, Tokens

KEY, OLD = b"k" * 32, b"o" * 32
PERSON = Actor(uuid4(), frozenset({"client", "worker"}), uuid4(), "tulifo")


class Machine:
    """A clock in seconds."""

    def __init__(self) -> None:
        self.seconds = 1_000_000.0

    def __call__(self) -> float:
        return self.seconds


def tokens(market: str = "tulifo", keys: dict[str, bytes] | None = None, now: Machine | None = None) -> Tokens:
    return Tokens(market, keys or {"1": KEY}, now=now or Machine())


def bearer(token: str) -> bytes:
    return b"Bearer " + token.encode()


def refusal(given: Tokens, authorization: bytes) -> type[Refusal]:
    with pytest.raises(Refusal) as refused:
        given.actor(authorization)
    return refused.type


def test_a_token_says_who_it_was_issued_to() -> None:
    issuer = tokens()
    assert issuer.actor(bearer(issuer.issue(PERSON))) == PERSON
    assert issuer.actor(b"bearer   " + issuer.issue(PERSON).encode()) == PERSON


def test_a_token_ends_even_where_it_is_remembered() -> None:
    machine = Machine()
    issuer = tokens(now=machine)
    token = bearer(issuer.issue(PERSON))
    issuer.actor(token)
    machine.seconds += 15 * 60
    assert refusal(issuer, token) is TokenExpired
    assert refusal(issuer, token) is TokenExpired


def test_a_revoked_session_is_refused_at_once_and_others_are_not() -> None:
    issuer = tokens()
    other = Actor(PERSON.id, PERSON.roles, uuid4(), "tulifo")
    issuer.actor(bearer(issuer.issue(PERSON)))
    issuer.revoke(PERSON.session)
    assert refusal(issuer, bearer(issuer.issue(PERSON))) is TokenRevoked
    assert issuer.actor(bearer(issuer.issue(other))) == other


def test_a_market_does_not_believe_another_ones_tokens() -> None:
    assert refusal(tokens("nimmit"), bearer(tokens("tulifo").issue(PERSON))) is TokenInvalid


def test_a_previous_key_still_verifies_and_an_unknown_one_does_not() -> None:
    old = bearer(tokens(keys={"old": OLD}).issue(PERSON))
    assert tokens(keys={"new": KEY, "old": OLD}).actor(old) == PERSON
    assert refusal(tokens(keys={"new": KEY}), old) is TokenInvalid
    assert refusal(tokens(keys={"old": KEY}), old) is TokenInvalid


def unsigned() -> str:
    def part(document: dict[str, object]) -> str:
        return base64.urlsafe_b64encode(json.dumps(document).encode()).rstrip(b"=").decode()

    claims = {"iss": "souk", "aud": "tulifo", "sub": str(uuid4()), "sid": str(uuid4()), "roles": ["admin"], "exp": 9e9}
    return f"{part({'alg': 'none', 'kid': '1'})}.{part(claims)}."


def signed(algorithm: str = "HS256", **claims: object) -> str:
    whole = {"iss": "souk", "aud": "tulifo", "sub": str(uuid4()), "sid": str(uuid4()), "roles": ["client"], "exp": 9e9, **claims}
    return jwt.encode(whole, KEY * 2, algorithm, headers={"kid": "1"})


@pytest.mark.parametrize(
    "token",
    [
        "",
        "nonsense",
        "a.b.c",
        unsigned(),
        signed("HS512"),
        signed(sub="somebody"),
        signed(sid=None),
        signed(roles=None),
        signed(exp="soon"),
        signed(iss="elsewhere"),
        tokens().issue(PERSON)[:-4],
        "ü.ü.ü",
    ],
)
def test_what_was_not_issued_here_is_refused(token: str) -> None:
    assert refusal(tokens(keys={"1": KEY * 2}), bearer(token)) is TokenInvalid


@pytest.mark.parametrize("header", [b"", b"Basic dTpw", b"Bearer", b"Token abc"])
def test_another_scheme_is_refused(header: bytes) -> None:
    assert refusal(tokens(), header) is TokenInvalid


def test_refusals_tell_the_client_what_to_do() -> None:
    assert TokenExpired().headers()[0][0] == "WWW-Authenticate"
    assert TokenExpired.status == TokenInvalid.status == TokenRevoked.status == 401


def test_one_token_has_one_place_however_it_is_written() -> None:
    issuer = tokens()
    token = issuer.issue(PERSON).encode()
    for spaces in range(1, 200):
        assert issuer.actor(b"Bearer" + b" " * spaces + token) == PERSON
        assert issuer.actor(b"bEARER" + b" " * spaces + token) == PERSON
    assert len(issuer._known) == 1
    assert refusal(issuer, b"Bearer " + token + b" ") is TokenInvalid
    assert refusal(issuer, b"Bearer " + token + b"!!!!") is TokenInvalid


def test_no_token_outlives_the_memory_of_its_revocation() -> None:
    with pytest.raises(ValueError, match="900 s at most"):
        tokens().issue(PERSON, life=901)


# Roles that changed, and sessions that ended


def test_when_roles_changed_only_tokens_of_before_are_refused() -> None:
    machine = Machine()
    issuer = tokens(now=machine)
    old = bearer(issuer.issue(PERSON))
    issuer.actor(old)
    machine.seconds += 1
    issuer.revoke(PERSON.session, before=machine.seconds)
    assert refusal(issuer, old) is TokenExpired, "a client that hears of an expired token refreshes it"
    fresh = bearer(issuer.issue(PERSON))
    assert issuer.actor(fresh) == PERSON


def test_a_session_that_ended_is_not_brought_back_by_a_change_of_roles() -> None:
    machine = Machine()
    issuer = tokens(now=machine)
    issuer.revoke(PERSON.session)
    issuer.revoke(PERSON.session, before=machine.seconds)
    assert refusal(issuer, bearer(issuer.issue(PERSON))) is TokenRevoked


def test_an_earlier_change_that_is_heard_of_late_does_not_undo_a_later_one() -> None:
    machine = Machine()
    issuer = tokens(now=machine)
    token = bearer(issuer.issue(PERSON))
    issuer.revoke(PERSON.session, before=machine.seconds + 5)
    issuer.revoke(PERSON.session, before=machine.seconds - 5)
    assert refusal(issuer, token) is TokenExpired


def test_a_revocation_is_forgotten_when_no_token_can_be_left() -> None:
    machine = Machine()
    issuer = tokens(now=machine)
    token = bearer(issuer.issue(PERSON))
    issuer.revoke(PERSON.session)
    machine.seconds += 15 * 60 - 1
    issuer.forget_expired()
    assert refusal(issuer, token) is TokenRevoked
    machine.seconds += 1
    issuer.forget_expired()
    assert issuer._revoked == {}
    assert refusal(issuer, token) is TokenExpired


def test_the_end_of_a_session_is_told_once() -> None:
    issuer = tokens()
    ended: list[object] = []
    issuer.on_ended.append(ended.append)
    other = uuid4()
    issuer.revoke(PERSON.session, before=1.0)
    assert ended == [], "a change of roles ends nothing"
    issuer.revoke(PERSON.session)
    issuer.revoke(PERSON.session, other)
    assert ended == [PERSON.session, other]


# API keys

API_KEY = b"Bearer souk_" + b"k" * 43
MACHINE = Actor(PERSON.id, frozenset({"client"}), uuid4(), "tulifo", scopes=frozenset({"sample:read"}))


class Keeper:
    """Knows one API key, until it does not any more."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.knows = True

    async def __call__(self, key: str) -> Actor | None:
        self.asked.append(key)
        return MACHINE if self.knows and key == API_KEY.decode()[7:] else None


def keys(now: Machine | None = None) -> tuple[Tokens, Keeper]:
    issuer, keeper = tokens(now=now), Keeper()
    issuer.look_up = keeper
    return issuer, keeper


async def met(issuer: Tokens, authorization: bytes) -> Actor:
    """What the edge does: a key it does not know is asked about once."""
    try:
        return issuer.actor(authorization)
    except KeyUnknown as unknown:
        await issuer.meet(unknown)
        return issuer.actor(authorization)


async def test_an_api_key_is_asked_about_once_a_minute() -> None:
    machine = Machine()
    issuer, keeper = keys(machine)
    for _ in range(3):
        assert await met(issuer, API_KEY) == MACHINE
    machine.seconds += 59
    assert await met(issuer, API_KEY) == MACHINE
    assert keeper.asked == [API_KEY.decode()[7:]]
    machine.seconds += 1
    assert await met(issuer, API_KEY) == MACHINE
    assert len(keeper.asked) == 2


async def test_an_api_key_that_is_not_known_any_more_is_refused_after_a_minute_at_the_latest() -> None:
    machine = Machine()
    issuer, keeper = keys(machine)
    await met(issuer, API_KEY)
    keeper.knows = False
    machine.seconds += 60
    with pytest.raises(TokenInvalid):
        await met(issuer, API_KEY)


async def test_an_api_key_that_is_revoked_is_refused_at_once() -> None:
    issuer, _ = keys()
    await met(issuer, API_KEY)
    issuer.revoke(MACHINE.session)
    with pytest.raises(TokenRevoked):
        await met(issuer, API_KEY)


@pytest.mark.parametrize(
    "header",
    [
        b"Bearer souk_" + b"x" * 43,
        b"Bearer souk_",
        b"Bearer souk_short",
        b"Bearer souk_" + b"k" * 101,
        b"bearer souk_" + b"k" * 43,
        b"Bearer  souk_" + b"k" * 43,
        b"Bearer souk_" + b"k" * 42 + b"\n",
        b"Basic souk_" + b"k" * 43,
    ],
)
async def test_what_is_no_known_api_key_is_refused(header: bytes) -> None:
    issuer, keeper = keys()
    with pytest.raises(TokenInvalid):
        await met(issuer, header)
    assert API_KEY.decode()[7:] not in keeper.asked
    assert header not in issuer._known


async def test_where_nobody_knows_api_keys_they_are_refused_like_any_nonsense() -> None:
    with pytest.raises(TokenInvalid):
        await met(tokens(), API_KEY)


async def test_a_signed_token_is_never_asked_about() -> None:
    issuer, keeper = keys()
    assert await met(issuer, bearer(issuer.issue(PERSON))) == PERSON
    assert keeper.asked == []
