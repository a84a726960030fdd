"""Reading orders: as their market knows them, with the steps that are open to whoever reads."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from souk.kernel.db import Tx
from souk.kernel.http.paging import CursorPage, CursorPaging, cursor_page
from souk.modules.orders import sql
from souk.modules.orders.errors import NoSuchOrder
from souk.modules.orders.kinds import Kind, Processes
from souk.modules.orders.model import Entry, OpenStep, Stored
from souk.modules.orders.takers import Taker, as_whom, is_inside, parts_of


async def access(tx: Tx, processes: Processes, kind: Kind, order_id: UUID, taker: Taker) -> tuple[Stored, Any]:
    """An order, for one who has a part in it."""
    stored = await tx.run(sql.ORDER, order_id, kind.name)
    if stored is not None:
        kind = processes.named(kind.name, stored.version)
        order = kind.order(stored)
        if parts_of(taker, kind, order):
            return stored, order
    raise NoSuchOrder(kind=kind.name)


async def open_steps(tx: Tx, kind: Kind, stored: Stored, order: Any, taker: Taker) -> list[OpenStep]:
    """What they may take now, or could if something were otherwise."""
    state = kind.state(stored.state)
    found = []
    for step in kind.process.leaving(state):
        if next(as_whom(taker, step, kind, order), None) is None:
            continue
        why_not = None
        for guard in kind.guards[step.name]:
            if why_not is None and not guard.wants_params and not await guard.holds(tx, order, None):
                why_not = guard.guard.reason
        agreed: tuple[str, ...] = ()
        if step.by.together:
            agreed = tuple(each.actor for each in await tx.run(sql.CONSENTS, order.id, step.name, stored.entered))
        path = f"/{kind.collection}/{order.id}/{step.public}"
        takes = step.takes.__name__ if step.takes is not None else None
        found.append(OpenStep(step.name, "POST", path, step.about, why_not, agreed, takes))
    return found


async def history(tx: Tx, processes: Processes, kind: Kind, order_id: UUID, taker: Taker) -> list[Entry]:
    """All that happened to an order, for its parties and for staff."""
    _stored, order = await access(tx, processes, kind, order_id, taker)
    if not is_inside(taker, processes.named(kind.name, order.version), order):
        raise NoSuchOrder(kind=kind.name)
    return await tx.run(sql.HISTORY, order_id)


async def orders(tx: Tx, processes: Processes, kind: Kind, taker: Taker, paging: CursorPaging, state: str | None) -> CursorPage[Any]:  # noqa: PLR0913, PLR0917 - whose, which, and how many
    """The orders in which somebody has a part or could have one, newest first; for staff of the process, all of them."""
    after = paging.after(UUID)
    open_to = [name for name, roles in kind.open_to.items() if not taker.roles.isdisjoint(roles)]
    if not taker.roles.isdisjoint(kind.staff):
        rows = await tx.run(sql.OF_ALL, kind.name, after, state, paging.limit + 1)
    elif open_to:
        rows = await tx.run(sql.OPEN_TO, taker.person, kind.name, after, state, paging.limit + 1, open_to)
    else:
        rows = await tx.run(sql.OF_PERSON, taker.person, kind.name, after, state, paging.limit + 1)
    page = cursor_page(rows, paging, lambda stored: stored.id)
    return CursorPage([processes.named(kind.name, stored.version).order(stored) for stored in page.items], page.next_cursor, paging)
