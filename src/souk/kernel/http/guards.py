"""Who may do what: the one vocabulary of permission that operations, OpenAPI and the generated permission test share.

An operation names capacities (`who=CUSTOMER | STAFF`); a market's roles say which capacities they have. Rows are a
second question: commands load them with the caller's permission or not at all.
"""

from __future__ import annotations

from typing import Final
from uuid import UUID

import msgspec

from souk.kernel.errors import Refusal


class Actor(msgspec.Struct, frozen=True):
    """Who is asking: a signed-in person or a machine of one market."""

    id: UUID
    roles: frozenset[str]
    session: UUID
    market: str
    capacities: frozenset[str] = frozenset()
    """What the roles allow, by the market's own words (`capacities_of`)."""
    scopes: frozenset[str] | None = None
    """What an API key is limited to (`Operation.scope`); None for a person who is signed in."""

    def may(self, wanted: Who) -> bool:
        """Whether one of these capacities is the caller's: for commands that do more for some than for others."""
        return not wanted.names.isdisjoint(self.capacities) or not wanted.names.isdisjoint(self.roles)


class Who(msgspec.Struct, frozen=True):
    """The capacities that may call an operation. `a | b` lets either."""

    names: frozenset[str]

    def __or__(self, other: Who) -> Who:
        return Who(self.names | other.names)


def who(name: str) -> Who:
    """The capacity of that name, or the role of that name in a market."""
    return Who(frozenset({name}))


ANYONE: Final = who("anyone")
"""No token is asked for. One that is sent is checked where the operation takes who asks, and not looked at elsewhere: clients that
send it everywhere must be able to sign in, or to refresh, with one that is over."""

MEMBER: Final = who("member")
"""Everyone who is signed in, whatever the role."""


class Role(msgspec.Struct, frozen=True):
    """A role of a market under its own name, and the capacities it gives."""

    name: str
    capacities: Who = Who(frozenset())


def capacities_of(names: frozenset[str], roles: tuple[Role, ...]) -> frozenset[str]:
    """Everything that these roles of a market give."""
    return frozenset().union(*(role.capacities.names for role in roles if role.name in names))


def roles_allowed(allowed: Who, roles: tuple[Role, ...]) -> frozenset[str]:
    """The market's role names that an operation is open to."""
    if allowed.names & (ANYONE | MEMBER).names:
        return frozenset(role.name for role in roles)
    return frozenset(r.name for r in roles if r.name in allowed.names or r.capacities.names & allowed.names)


class SignInNeeded(
    Refusal, status=401, message="Sign in first: send `Authorization: Bearer <access token>`, to the live channel `auth.token`."
):
    """No token was sent."""

    def headers(self) -> tuple[tuple[str, str], ...]:
        return (("WWW-Authenticate", "Bearer"),)


class OutOfScope(Refusal, status=403, message="This needs an API key with the scope {scope}; where no key may have it, sign in."):
    """Its owner may do it, but made the key for something else."""

    scope: str


class NotAllowed(Refusal, status=403, message="This needs the role {needed}."):
    """The caller's role does not have the capacity."""

    needed: str
