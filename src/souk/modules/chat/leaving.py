"""What chat tells a person who takes their data along, and what it forgets.

What they wrote stays with those to whom they wrote it: it is the others' correspondence, and what was agreed in it may be needed
in a dispute about an order that still stands. It stays without a name, because a message holds its author's id alone and identity
has forgotten whose that was. What nobody else was meant to see any more, the versions before an edit or a deletion, goes.
"""

from __future__ import annotations

from typing import Final
from uuid import UUID

import msgspec

from souk.kernel.db import Tx
from souk.modules.chat.sql import conversations, messages
from souk.modules.chat.talking import put_out

MESSAGES: Final = 10_000
"""At most so many: the newest."""


async def export(tx: Tx, person: UUID) -> object:
    """What somebody wrote, in which conversations they were, and what they reported."""
    return {
        "messages": msgspec.to_builtins(await tx.run(messages.WRITTEN_BY, person, MESSAGES)),
        "conversations": msgspec.to_builtins(await tx.run(conversations.KNOWN, person, MESSAGES)),
        "reports": msgspec.to_builtins(await tx.run(messages.REPORTED_BY, person, MESSAGES)),
    }


async def erase(tx: Tx, person: UUID) -> None:
    """Leave every conversation, and forget what only staff could still read."""
    await put_out(tx, person)
    await tx.run(messages.FORGET_VERSIONS, person)
    await tx.run(messages.FORGET_REPORTER, person)
