"""The permission test that nobody has to write: who may call what, read from the declarations, for every operation of a market.

    for attempt in attempts(market, operations, others=("another market",)): …

A module that adds an operation is covered by having declared it. There is no list of exceptions.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence
from enum import Enum
from typing import Any, get_args, get_type_hints
from uuid import UUID, uuid4

import jwt
import msgspec

from souk.kernel.assembly import Market
from souk.kernel.http.binding import plain
from souk.kernel.http.guards import Actor, NotAllowed, SignInNeeded
from souk.kernel.http.operation import Operation
from souk.kernel.http.tokens import TokenExpired, TokenInvalid, Tokens

AnyOperation = Operation[..., Any]

NOBODY = "nobody"
GUARDS = frozenset({SignInNeeded.code, NotAllowed.code, TokenInvalid.code, TokenExpired.code, "TOKEN_REVOKED"})
"""What the guard of an operation says; whatever else an operation refuses with is its own business."""


class Attempt(msgspec.Struct, frozen=True):
    """Somebody asks for something: what the declaration says the guard answers, an empty code where it lets them pass."""

    who: str
    method: str
    path: str
    authorization: str
    status: int
    code: str

    def __str__(self) -> str:
        return f"{self.who}: {self.method} {self.path}"


def attempts(market: Market, operations: Sequence[AnyOperation], issuers: dict[str, Tokens]) -> Iterator[Attempt]:
    """Every operation of a market, asked for by everyone there is. `issuers` are the real tokens of all markets."""
    callers = [*insiders(market, issuers[market.name]), *outsiders(market, issuers)]
    for operation in operations:
        methods = ("GET", "HEAD") if operation.method == "GET" else (operation.method,)
        path = market.base + some_path(operation)
        for who, roles, authorization, refusal in callers:
            status, code = refusal if refusal and looks_at(operation, refusal[1]) else verdict(market, operation, roles)
            for method in methods:
                yield Attempt(who, method, path, authorization, status, code)


def looks_at(operation: AnyOperation, code: str) -> bool:
    """Whether a token that is sent matters: not where anyone may call, nobody asks who does, and the operation lets it pass."""
    hints = get_type_hints(operation.function).values()
    asks = any(hint is Actor or Actor in get_args(hint) for hint in hints)
    return asks or "anyone" not in operation.who.names or code in {refusal.code for refusal in operation.refusals}


Caller = tuple[str, frozenset[str] | None, str, tuple[int, str] | None]
"""A name, the roles (None for who is not signed in), the header, and what is answered whatever is asked for."""


def insiders(market: Market, tokens: Tokens) -> Iterator[Caller]:
    """Nobody, everyone with one role, and a member whose role was taken away."""
    yield NOBODY, None, "", None
    for role in market.roles:
        yield role.name, frozenset({role.name}), bearer(tokens, role.name), None
    yield "member without a role", frozenset(), bearer(tokens), None


def outsiders(market: Market, issuers: dict[str, Tokens]) -> Iterator[Caller]:
    """Whose token is worth nothing here."""
    roles = [role.name for role in market.roles]
    invalid = (TokenInvalid.status, TokenInvalid.code)
    for name, tokens in issuers.items():
        if name != market.name:
            yield f"member of {name}", None, bearer(tokens, *roles), invalid
    forger = Tokens(market.name, {issuers[market.name]._current: b"a key of one's own, of thirty-two bytes"})
    yield "forger", None, bearer(forger, *roles), invalid
    yield "unsigned", None, f"Bearer {unsigned(market.name, roles)}", invalid
    yield "babbler", None, "Bearer abc.def.ghi", invalid
    yield "latecomer", None, bearer(issuers[market.name], *roles, life=-1), (TokenExpired.status, TokenExpired.code)


def verdict(market: Market, operation: AnyOperation, roles: frozenset[str] | None) -> tuple[int, str]:
    """What the declaration says, read here a second time, without the guard's own code."""
    names = operation.who.names
    if "anyone" in names:
        return 0, ""
    if roles is None:
        return SignInNeeded.status, SignInNeeded.code
    for role in market.roles:
        if role.name in roles and ("member" in names or role.name in names or role.capacities.names & names):
            return 0, ""
    return NotAllowed.status, NotAllowed.code


def bearer(tokens: Tokens, *roles: str, life: float = 600) -> str:
    return f"Bearer {tokens.issue(Actor(uuid4(), frozenset(roles), uuid4(), tokens.market), life=life)}"


def unsigned(market: str, roles: list[str]) -> str:
    """A token that says it needs no signature."""
    claims = {"iss": "souk", "aud": market, "sub": str(uuid4()), "sid": str(uuid4()), "roles": roles, "exp": time.time() + 600}
    return jwt.encode(claims, "", "none")


def some_path(operation: AnyOperation) -> str:
    """The operation's path, with values of the right type that belong to nothing."""
    hints = get_type_hints(operation.function)
    return re.sub(r"{(\w+)}", lambda found: some_value(plain(hints[found[1]])), operation.path)


def some_value(hint: Any) -> str:
    if hint is UUID:
        return str(uuid4())
    if isinstance(hint, type) and issubclass(hint, Enum):
        return str(next(iter(hint)).value)
    return {int: "1", str: "something"}[hint]
