"""`souk` with a sample market in which everybody may listen to any order: a room of any size, for measuring.

python -m bench.public serve
"""

from __future__ import annotations

from uuid import UUID

import msgspec

from souk.cli import main
from souk.kernel.db import Tx
from souk.kernel.http import Actor
from souk.kernel.live import Live, Namespace, RoomKind
from souk.markets.sample import NEW_MESSAGE, SAMPLE
from souk.modules.sample.commands import any_order


async def listen_in(tx: Tx, _by: Actor, order_id: UUID) -> object:
    """Let anybody into an order's room who names one that there is."""
    return await any_order(tx, order_id)


ORDER = RoomKind("order", listen_in)
PUBLIC = Live((Namespace(path="/", joins={"join_order": ORDER}, says=(NEW_MESSAGE,)),))

if __name__ == "__main__":
    msgspec.structs.force_setattr(SAMPLE, "live", PUBLIC)
    main(prog_name="souk")
