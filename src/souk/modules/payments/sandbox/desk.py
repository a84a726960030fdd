"""`Desk`: one call at work. What it reads, changes, books and announces is kept at once, or not at all."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeVar
from urllib.parse import urlencode

import msgspec

from souk.kernel.ids import new_id
from souk.modules.payments.sandbox import objects as o
from souk.modules.payments.sandbox.errors import unknown
from souk.modules.payments.sandbox.faults import Faults
from souk.modules.payments.sandbox.store import Answered, Asked, Delivery, Kept, Store

B = TypeVar("B", bound=o.Object)
DECODERS: Final = {kind: msgspec.json.Decoder(known) for kind, known in o.KINDS.items()}
ALL: Final = 1_000_000


def read(kind: type[B], kept: Kept) -> B:
    """An object as it was kept."""
    thing: Any = DECODERS[kind.KIND].decode(kept.content)
    return thing  # type: ignore[no-any-return]  # its decoder was found by its kind


def fresh_id(kind: type[o.Object]) -> str:
    """An id as Stripe's look; in the order of time."""
    return f"{kind.PREFIX}_{new_id().hex}"


class Held:
    """An object on the desk: as it was read, and as it is now."""

    __slots__ = ("account", "before", "due_at", "kept", "thing", "touched")

    def __init__(self, thing: o.Object, kept: Kept | None, account: str) -> None:
        self.thing = thing
        self.kept = kept
        self.account = account
        self.before = msgspec.json.encode(thing)
        """As it was read. The store may write it in another way."""
        self.due_at = kept.due_at if kept else None
        self.touched = False

    def changed(self) -> Kept | None:
        """What is to be kept of it; None when it is as it was."""
        content = msgspec.json.encode(self.thing)
        kept = self.kept
        if kept is not None and (content, self.due_at) == (self.before, kept.due_at) and not self.touched:
            return None
        created = datetime.fromtimestamp(self.thing.created, UTC)
        return Kept(self.thing.KIND, self.thing.id, self.account, kept.version if kept else 0, created, self.due_at, content.decode())


class Desk:
    """What the functions of the bank work with."""

    def __init__(self, store: Store, now: datetime, pages: str, faults: Faults, account: str = "") -> None:
        self.now = now
        self.at = int(now.timestamp())
        """The time as Stripe writes it."""
        self.pages = pages
        self.account = account
        """Whose books are open: the platform's (empty) or a connected account's."""
        self._store = store
        self._faults = faults
        self._held: dict[tuple[str, str], Held] = {}
        self._deliveries: list[Delivery] = []

    async def find(self, kind: type[B], object_id: str) -> B | None:
        """The object of that id, if there is one."""
        held = self._held.get((kind.KIND, object_id))
        if held is None:
            kept = await self._store.load(kind.KIND, object_id)
            if kept is None:
                return None
            held = self._hold(read(kind, kept), kept, kept.account)
        thing: Any = held.thing
        return thing  # type: ignore[no-any-return]  # it was found by its kind

    async def get(self, kind: type[B], object_id: str, param: str = "id") -> B:
        """The object of that id."""
        thing = await self.find(kind, object_id)
        if thing is None:
            raise unknown(kind.KIND, object_id, param)
        return thing

    async def own(self, kind: type[B], object_id: str) -> B:
        """The object of that id in these books: those of other accounts are not known here."""
        thing = await self.get(kind, object_id)
        if self._held[kind.KIND, object_id].account != self.account:
            raise unknown(kind.KIND, object_id)
        return thing

    async def balance(self, account: str, currency: str) -> int:
        """What a connected account has. Nobody else changes that until this is kept."""
        self._held["account", account].touched = True
        lines = await self._store.found(Asked(kind="balance_transaction", account=account, where={"currency": currency}, limit=ALL))
        return sum(read(o.BalanceTransaction, kept).net for kept in lines)

    def add(self, thing: B, account: str = "") -> B:
        """Something new."""
        thing.created = self.at
        self._hold(thing, None, account)
        return thing

    def later(self, thing: o.Object, after: timedelta = timedelta()) -> None:
        """Look at it again by oneself, then."""
        self._held[thing.KIND, thing.id].due_at = self.now + after

    def done(self, thing: o.Object) -> None:
        """Nothing happens to it by itself any more."""
        self._held[thing.KIND, thing.id].due_at = None

    def is_due(self, thing: o.Object) -> bool:
        """Whether it is time to look at it again."""
        due_at = self._held[thing.KIND, thing.id].due_at
        return due_at is not None and due_at <= self.now

    def page(self, what: str, object_id: str, back: str = "") -> str:
        """The address of a page of the bank's, and where it leads back to."""
        return f"{self.pages}/{what}/{object_id}" + (f"?{urlencode({'back': back})}" if back else "")

    def line(self, line_id: str) -> o.BalanceTransaction:
        """A line that was booked here."""
        thing: Any = self._held["balance_transaction", line_id].thing
        return thing  # type: ignore[no-any-return]  # it was found by its kind

    def book(  # noqa: PLR0913 - what a line of a book says
        self, kind: str, source: o.Object, amount: int, currency: str, *, category: str = "", fee: int = 0, account: str = ""
    ) -> str:
        """A line in the books of an account."""
        line = o.BalanceTransaction(
            id=fresh_id(o.BalanceTransaction),
            amount=amount,
            fee=fee,
            net=amount - fee,
            currency=currency,
            type=kind,
            reporting_category=category or kind,
            source=source.id,
            available_on=self.at,
        )
        return self.add(line, account).id

    def announce(self, kind: str, thing: o.Object, account: str = "") -> None:
        """Say what happened, to whoever listens."""
        content = o.Told(object=msgspec.to_builtins(thing))
        event = self.add(o.Event(id=fresh_id(o.Event), type=kind, account=account or None, data=content), account)
        raw = msgspec.json.encode(event).decode()
        self._deliveries += [Delivery(f"we_{new_id().hex}", event.id, raw, self.now + delay, self.now) for delay in self._faults.delays()]

    async def keep(self, answered: Answered | None) -> None:
        """Keep everything."""
        changed: Sequence[Kept] = [kept for held in self._held.values() if (kept := held.changed()) is not None]
        if changed or answered is not None:
            await self._store.save(changed, answered, self._deliveries)

    def _hold(self, thing: o.Object, kept: Kept | None, account: str) -> Held:
        held = self._held[thing.KIND, thing.id] = Held(thing, kept, account)
        return held
