"""What people are told about their account, in their language."""

from __future__ import annotations

from souk.kernel.db import Tx
from souk.kernel.sealing import Vault
from souk.modules import mail
from souk.modules.identity.model import Person


async def tell(tx: Tx, vault: Vault, person: Person, template: str, *, to: str = "", **values: str) -> None:
    """Write to a person, or to an address that they want to be theirs. It goes out when the change is committed, or not at all.

    Whoever has no address hears nothing.
    """
    address = to or person.email
    if address:
        known = {"name": person.first_name, **values}
        await mail.send(tx, vault, mail.Letter(address, f"identity/{template}", person.language, known, person.id))
