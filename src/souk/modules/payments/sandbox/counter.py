"""`Counter`: where every call comes in. Faults, idempotency keys, one change at a time, and what is kept of it."""

from __future__ import annotations

import asyncio
import hashlib
import random
from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

import msgspec

from souk.modules.payments.sandbox import objects as o
from souk.modules.payments.sandbox.asking import MOST, Page, Params, whole
from souk.modules.payments.sandbox.desk import Desk, read
from souk.modules.payments.sandbox.errors import BankError, NoAnswer, invalid
from souk.modules.payments.sandbox.faults import Fault, Faults
from souk.modules.payments.sandbox.store import KEYS_KEPT, Answered, Asked, Stale, Store

T = TypeVar("T")
B = TypeVar("B", bound=o.Object)
Work = Callable[..., Awaitable[T]]

TRIES: Final = 20
BEFORE: Final = (Fault.TIMEOUT_BEFORE, Fault.ERROR_BEFORE, Fault.BUSY)
AFTER: Final = (Fault.TIMEOUT_AFTER, Fault.ERROR_AFTER)
NO_FILTERS: Final = ("limit", "starting_after", "created", "expand")


class Counter:
    """Answers calls, from any number of processes, as if they came one after the other."""

    def __init__(self, store: Store, now: Callable[[], datetime], pages: str, faults: Faults) -> None:
        self.store = store
        self.now = now
        self._pages = pages.rstrip("/")
        self._faults = faults

    async def do(self, kind: type[T], work: Work[T], params: Params, key: str | None, *about: str, account: str = "") -> T:
        """Answer a call that changes something: `work(desk, *about)`. Its name is that of the function that does the work."""
        call = getattr(work, "func", work).__name__
        fault = await self._faults.strike(call)
        if fault is not None and fault in BEFORE:
            raise failing(fault)
        try:
            asked = digest(call, account, about, params) if key else ""
            return await self._once(kind, work if fault is not Fault.ERROR_KEPT else breaks, about, account, key, asked)
        finally:
            if fault is not None and fault in AFTER:
                raise failing(fault)

    async def read(self, kind: type[B], object_id: str, account: str = "") -> B:
        """Answer what an object is like now."""
        fault = await self._faults.strike(f"retrieve_{kind.KIND.replace('.', '_')}")
        if fault is not None:
            raise failing(fault)
        return await self._desk(account).own(kind, object_id)

    async def list(self, kind: type[B], params: Params, account: str = "") -> Page:
        """Answer the objects of a kind, newest first. A field of theirs as a parameter says which."""
        fault = await self._faults.strike(f"list_{kind.KIND.replace('.', '_')}s")
        if fault is not None:
            raise failing(fault)
        limit = whole(params, "limit", 10)
        if not 1 <= limit <= MOST:
            raise invalid("limit", f"must be between 1 and {MOST}", "parameter_invalid_integer")
        where = {name: value for name, value in params.items() if name not in NO_FILTERS}
        if unfit := where.keys() - set(kind.__struct_fields__):
            raise invalid(min(unfit), "unknown parameter", "parameter_unknown")
        since, before = times(params.get("created"))
        last = params.get("starting_after")
        asked = Asked(kind=kind.KIND, account=account, where=where, since=since, before=before, after_id=last, limit=limit + 1)
        found = [read(kind, kept) for kept in await self.store.found(asked)]
        return Page(data=found[:limit], has_more=len(found) > limit, url=f"/v1/{kind.KIND.replace('.', '/')}s")

    async def expanded(self, thing: object, paths: Iterable[str]) -> dict[str, Any]:
        """An answer as JSON has it, with the objects behind its ids."""
        content: dict[str, Any] = msgspec.to_builtins(thing)
        for path in paths:
            await self._expand(content, path)
        return content

    async def _expand(self, content: dict[str, Any], path: str) -> None:
        name, _, rest = path.partition(".")
        value = content.get(name)
        if isinstance(value, str):
            kind = o.PREFIXES.get(value.split("_", maxsplit=1)[0])
            kept = await self.store.load(kind.KIND, value) if kind else None
            if kept is not None:
                content[name] = value = msgspec.json.decode(kept.content)
        for inner in value if isinstance(value, list) else [value]:
            if rest and isinstance(inner, dict):
                await self._expand(inner, rest)

    def _desk(self, account: str = "") -> Desk:
        return Desk(self.store, self.now(), self._pages, self._faults, account)

    async def _once(  # noqa: PLR0913, PLR0917 - what makes up a call
        self, kind: type[T], work: Work[T], about: tuple[str, ...], account: str, key: str | None, asked: str
    ) -> T:
        """Do it, or answer what it was answered before. What came between makes it begin again."""
        for attempt in range(TRIES):
            desk = self._desk(account)
            known = await self.store.answered(f"{account}/{key}") if key else None
            if known is not None and known.at > desk.now - KEYS_KEPT:
                return replayed(kind, known, asked)
            try:
                try:
                    answer = await work(desk, *about)
                except BankError as refusal:
                    if refusal.began:
                        await desk.keep(answered(desk, account, key, asked, refusal))
                    raise
                await desk.keep(answered(desk, account, key, asked, answer))
            except Stale:
                await asyncio.sleep(random.uniform(0, 0.002 * min(attempt, 10)))  # noqa: S311 - spreads retries, guards nothing
                continue
            return answer
        raise BankError("invalid_request_error", "lock_timeout", "This object cannot be accessed right now.", 429, began=False)


def answered(desk: Desk, account: str, key: str | None, asked: str, answer: object) -> Answered | None:
    """What is remembered of a call with a key."""
    if key is None:
        return None
    refused = isinstance(answer, BankError)
    content = {"status": answer.status, **answer.body()} if isinstance(answer, BankError) else answer
    return Answered(f"{account}/{key}", asked, refused, msgspec.json.encode(content).decode(), desk.now)


def replayed(kind: type[T], known: Answered, asked: str) -> T:
    """The same answer again, whatever has become of the object since."""
    if known.asked != asked:
        raise BankError(
            "idempotency_error",
            None,
            "Keys for idempotent requests can only be used with the same parameters they were first used with.",
            began=False,
        )
    if known.refused:
        raise BankError.of(msgspec.json.decode(known.answer))
    return msgspec.json.decode(known.answer, type=kind)


def digest(call: str, account: str, about: tuple[str, ...], params: Params) -> str:
    """What two calls have in common that ask for the same."""
    return hashlib.sha256(msgspec.json.encode([call, account, about, dict(params)], order="deterministic")).hexdigest()


def times(created: object) -> tuple[datetime | None, datetime | None]:
    """From when until when, as `created[gte]` and `created[lt]` say."""
    if created is None:
        return None, None
    bounds = created if isinstance(created, dict) else {"gte": created, "lte": created}
    since = whole(bounds, "gte", whole(bounds, "gt", -1) + 1)
    before = whole(bounds, "lt", whole(bounds, "lte", -1) + 1)
    return (datetime.fromtimestamp(since, UTC) if since else None, datetime.fromtimestamp(before, UTC) if before else None)


def failing(fault: Fault) -> Exception:
    """What the caller sees of a fault."""
    if fault in (Fault.TIMEOUT_BEFORE, Fault.TIMEOUT_AFTER):
        return NoAnswer()
    if fault is Fault.BUSY:
        return BankError("invalid_request_error", "rate_limit", "Too many requests hit the API too quickly.", 429, began=False)
    return BankError("api_error", None, "An unknown error occurred.", 500, began=False)


async def breaks(_desk: Desk, *_about: str) -> Any:
    """Work that ends in an error which is remembered."""
    raise BankError("api_error", None, "An unknown error occurred.", 500)
