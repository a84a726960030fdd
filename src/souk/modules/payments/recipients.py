"""Who is paid, as the provider knows them: the account that payouts go to. Whoever changes it has payouts wait for a day.

The bank account itself is given on the provider's page and known there alone; here is kept a mark of it, so that another one is noticed.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from functools import partial
from typing import Final
from urllib.parse import urlsplit
from uuid import UUID

from souk.kernel.assembly import Market
from souk.kernel.config import Settings
from souk.kernel.db import Database, Tx
from souk.kernel.http import invalid
from souk.kernel.messages import emit
from souk.modules import identity
from souk.modules.payments.errors import CountryNotServed, PayoutAccountMissing, PayoutAccountRefused, ProviderUnreachable
from souk.modules.payments.events import PayoutAccountChanged
from souk.modules.payments.model import Happened
from souk.modules.payments.outgoing import NewPayoutAccount, PayoutAccount, RecipientRow
from souk.modules.payments.provider import Declined, Misused, PaymentProvider, Recipient, Unreachable
from souk.modules.payments.providers import Till
from souk.modules.payments.sql import recipients as sql

BANK_CHANGED: Final = "account.external_account."
"""How events begin that tell of another bank account, where the account itself has no mark of it."""


def shown(till: Till, row: RecipientRow, now: datetime, onboarding_url: str | None = None) -> PayoutAccount:
    """As its owner sees it."""
    until = row.changed_at + till.rules.account_hold
    held_until = until if until > now else None
    return PayoutAccount(row.provider, row.country, row.ready, row.missing, row.changed_at, held_until, onboarding_url)


async def account_of(tx: Tx, till: Till, person_id: UUID) -> RecipientRow:
    """Where somebody's payouts go."""
    row = await tx.run(sql.RECIPIENT, person_id, till.providers.current)
    if row is None:
        raise PayoutAccountMissing
    return row


async def read_account(database: Database, till: Till, person_id: UUID) -> PayoutAccount:
    """Where somebody's payouts go. One that is not ready is asked after: its owner may have just come back from the provider's page."""
    row = await database.read(lambda tx: account_of(tx, till, person_id))
    if not row.ready and row.recipient_id is not None:
        try:
            told = await till.provider(database, row.provider).recipient(row.recipient_id)
        except Unreachable as error:
            raise ProviderUnreachable from error
        row = await database.write(partial(note, person_id=person_id, provider=row.provider, told=told))
    return shown(till, row, database.clock.now())


async def set_account(database: Database, till: Till, person_id: UUID, wanted: NewPayoutAccount, back: str) -> PayoutAccount:
    """Open somebody's account for payouts, or lead to where it is changed."""
    if till.rules.countries and wanted.country not in till.rules.countries:
        raise CountryNotServed(country=wanted.country)
    provider = till.provider(database)
    row, email = await database.write(partial(_choose, person_id=person_id, provider=provider.name, country=wanted.country))
    try:
        if row.recipient_id is None:
            told = await _opened(provider, row, email)
            row = await database.write(partial(note, person_id=person_id, provider=provider.name, told=told))
        onboarding_url = await provider.onboarding(row.recipient_id or "", back=back)
    except Unreachable as error:
        raise ProviderUnreachable from error
    except (Declined, Misused) as refused:
        raise PayoutAccountRefused(reason=str(refused)) from refused
    return shown(till, row, database.clock.now(), onboarding_url)


async def _choose(tx: Tx, *, person_id: UUID, provider: str, country: str) -> tuple[RecipientRow, str]:
    person = await identity.any_person(tx, person_id)
    before = await tx.run(sql.RECIPIENT_LOCKED, person_id, provider)
    row = await tx.run(sql.CHOOSE_COUNTRY, person_id, provider, country, tx.now)
    if before is not None and before.country != row.country:
        await emit(tx, PayoutAccountChanged(person_id, provider, tx.now))
    return row, person.email or ""


async def _opened(provider: PaymentProvider, row: RecipientRow, email: str) -> Recipient:
    """The same account however often it is asked for, as long as it is asked for with the same."""
    content = hashlib.sha256(f"{row.country} {email}".encode()).hexdigest()[:16]
    key = f"recipient:{row.person_id}:{content}"
    return await provider.create_recipient(key, email=email, country=row.country, metadata={"person": str(row.person_id)})


async def note(tx: Tx, *, person_id: UUID, provider: str, told: Recipient, changed_at: datetime | None = None) -> RecipientRow:
    """Write down how an account stands at the provider. Another bank account, or a change that was told, has payouts wait."""
    row = await tx.run(sql.RECIPIENT_LOCKED, person_id, provider)
    if row is None or row.recipient_id not in (None, told.id):
        raise PayoutAccountMissing
    moved = row.destination != told.destination
    changed = max(row.changed_at, changed_at or row.changed_at, tx.now if moved else row.changed_at)
    if moved or changed > row.changed_at:
        await emit(tx, PayoutAccountChanged(person_id, provider, changed))
    args = (told.id, told.ready, list(told.missing), told.destination, changed)
    await tx.run(sql.SAVE_RECIPIENT, person_id, provider, *args)
    return RecipientRow(person_id, provider, told.id, row.country, *args[1:], row.revision + 1)


async def look_at_account(database: Database, till: Till, happened: Happened) -> bool:
    """An account changed there: what is missing, or the bank account behind it."""
    recipient_id = happened.object_id if happened.object_kind == "account" else happened.about.get("account", "")
    row = await database.read(lambda tx: tx.run(sql.RECIPIENT_OF_PROVIDER, happened.provider, recipient_id))
    if row is None:
        return True
    told = await till.provider(database, happened.provider).recipient(recipient_id)
    changed_at = happened.happened_at if happened.kind.startswith(BANK_CHANGED) else None
    try:
        await database.write(partial(note, person_id=row.person_id, provider=row.provider, told=told, changed_at=changed_at))
    except PayoutAccountMissing:
        return True
    return True


async def forget(tx: Tx, person_id: UUID) -> bool:
    """Forget where somebody was paid. False where something is on its way there still."""
    await tx.run(sql.FORGET_RECIPIENTS, person_id)
    return not await tx.run(sql.RECIPIENTS_OF_PERSON, person_id)


def way_back(settings: Settings, market: Market, asked: str) -> str:
    """Where the provider's page leads back to: an address of the market's own pages, and no stranger's."""
    home = settings.reached_at + market.base
    origins = {_origin(each) for each in (home, *market.origins)}
    if asked and _origin(asked) not in origins:
        raise invalid("back", "is not an address of this market")
    return asked or home


def _origin(address: str) -> tuple[str, str]:
    try:
        parts = urlsplit(address)
    except ValueError:
        return "", ""
    return parts.scheme, parts.netloc
