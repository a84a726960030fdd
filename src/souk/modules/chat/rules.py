"""What a market decides about its conversations: `rules=(chat.Rules(…),)` in its declaration. Without it, chat does not start."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from datetime import timedelta
from uuid import UUID

import msgspec

from souk.kernel.db import Tx
from souk.kernel.http import Actor
from souk.modules.chat.model import MOST_PEOPLE, About
from souk.modules.chat.policy import Matter, Policy, allow_all

Blocked = Callable[[Tx, UUID, UUID], Awaitable[bool]]
BlockedAmong = Callable[[Tx, UUID, Sequence[UUID]], Awaitable[Collection[UUID]]]
MayBegin = Callable[[Tx, Actor, tuple[UUID, ...], About | None], Awaitable[bool]]
State = Callable[[Tx, About], Awaitable[str | None]]
Attach = Callable[[Tx, Actor, UUID, tuple[UUID, ...]], Awaitable[None]]


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """A market's rules of speaking with each other."""

    may_begin: MayBegin
    """Whether somebody may begin a conversation with these others about this, or add them to one."""
    blocked: Blocked
    """Whether one of two has blocked the other, either way round."""
    blocked_among: BlockedAmong | None = None
    """The same for many at once: those of the people with whom it is so. Without it, each of a group is asked about."""
    policy: Policy = allow_all
    """What follows from hints and forbidden words in a message."""
    words: Mapping[str, frozenset[str]] = {}
    """Forbidden words by language."""
    state: State | None = None
    """In which state that is which a conversation is about, for the policy: it may say more after an order was paid."""
    types: frozenset[str] = frozenset({"text"})
    """What people may send. Other types come from modules, by `chat.post`."""
    attach: Attach | None = None
    """Takes files for a message, or refuses them. Without it, no message has files."""
    edit_within: timedelta = timedelta(minutes=15)
    delete_within: timedelta = timedelta(hours=24)
    most_people: int = MOST_PEOPLE

    async def blocking(self, tx: Tx, person: UUID, others: Sequence[UUID]) -> frozenset[UUID]:
        """Those of the others who have blocked the person, or are blocked."""
        if self.blocked_among is not None:
            return frozenset(await self.blocked_among(tx, person, others)) if others else frozenset()
        return frozenset([each for each in others if await self.blocked(tx, person, each)])

    async def matter(self, tx: Tx, about: About | None) -> Matter:
        """What the policy is told."""
        if self.state is None or about is None or self.policy is allow_all:
            return Matter(about)
        return Matter(about, await self.state(tx, about))


async def anybody(_tx: Tx, _by: Actor, _others: tuple[UUID, ...], _about: About | None) -> bool:
    """For `may_begin`: everybody may write to everybody."""
    return True
