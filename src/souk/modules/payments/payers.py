"""Who pays, as the provider knows them, and their saved ways to pay. Those are kept at the provider alone."""

from __future__ import annotations

import hashlib
from uuid import UUID

from souk.kernel.db import Database, Tx
from souk.kernel.ids import new_id
from souk.kernel.record import Record
from souk.modules import identity
from souk.modules.payments.errors import MethodNotFound
from souk.modules.payments.model import SavedMethod, SetUp
from souk.modules.payments.provider import Method, Misused, PaymentProvider
from souk.modules.payments.providers import Till, answering
from souk.modules.payments.sql import payers as sql


async def customer_of(database: Database, provider: PaymentProvider, person_id: UUID) -> str:
    """The provider's id for a person, who is made known when they pay for the first time.

    Asked for at once by several, or again with another address, they may be made known twice: the first one counts.
    """
    known = await database.read(lambda tx: tx.run(sql.CUSTOMER_OF, person_id, provider.name))
    if known is not None:
        return known
    email, name = await database.write(lambda tx: _introduce(tx, provider.name, person_id))
    content = hashlib.sha256(f"{email} {name}".encode()).hexdigest()[:16]
    about = {"person": str(person_id)}
    customer = await provider.create_customer(f"payer:{person_id}:{content}", email=email, name=name, metadata=about)
    return await database.write(lambda tx: tx.run(sql.SAVE_CUSTOMER, person_id, provider.name, customer.id)) or customer.id


async def has_left(database: Database, provider: str, person_id: UUID) -> bool:
    """Whether somebody who has paid is not known at a provider any more: they were erased."""
    return await database.read(lambda tx: tx.run(sql.CUSTOMER_OF, person_id, provider)) is None


async def _introduce(tx: Tx, provider: str, person_id: UUID) -> tuple[str, str]:
    person = await identity.any_person(tx, person_id)
    await tx.run(sql.ADD_PAYER, person_id, provider, tx.now)
    return person.email or "", f"{person.first_name} {person.last_name}".strip()


async def set_up(database: Database, till: Till, person_id: UUID) -> SetUp:
    """Begin to save a way to pay. The payer's browser finishes it with the client secret."""
    provider = till.provider(database)
    with answering():
        customer = await customer_of(database, provider, person_id)
        setup = await provider.create_setup(f"setup:{new_id()}", customer)
    return SetUp(setup.id, setup.client_secret, setup.state)


async def methods(database: Database, till: Till, person_id: UUID) -> list[SavedMethod]:
    """Somebody's saved ways to pay."""
    provider = till.provider(database)
    return [
        SavedMethod(each.id, each.kind, each.brand, each.last4, each.exp_month, each.exp_year)
        for each in await _saved(database, provider, person_id)
    ]


async def _saved(database: Database, provider: PaymentProvider, person_id: UUID) -> list[Method]:
    customer = await database.read(lambda tx: tx.run(sql.CUSTOMER_OF, person_id, provider.name))
    with answering():
        return await provider.methods(customer) if customer is not None else []


async def forget_method(database: Database, till: Till, person_id: UUID, method: str) -> None:
    """Remove one of somebody's saved ways to pay."""
    provider = till.provider(database)
    if all(each.id != method for each in await _saved(database, provider, person_id)):
        raise MethodNotFound
    with answering():
        await provider.forget_method(f"forget:{method}", method)


class Forgotten(Record):
    """Somebody who is not known here any more, and whom the provider still knows."""

    provider: str
    customer_id: str


async def forget_all_methods(database: Database, till: Till, forgotten: Forgotten) -> None:
    """Remove all saved ways to pay of somebody who was erased."""
    provider = till.provider(database, forgotten.provider)
    for each in await provider.methods(forgotten.customer_id):
        try:
            await provider.forget_method(f"forget:{each.id}", each.id)
        except Misused:
            # Somebody else removed it meanwhile.
            continue
