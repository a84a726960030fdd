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
"""No token is asked for. One that is sent is still checked."""

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


class SignInNeeded(Refusal, status=401, message="Sign in first: send `Authorization: Bearer <access token>`."):
    """No token was sent."""

    def headers(self) -> tuple[tuple[str, str], ...]:
        return (("WWW-Authenticate", "Bearer"),)


class NotAllowed(Refusal, status=403, message="This needs the role {needed}."):
    """The caller's role does not have the capacity."""

    needed: str
