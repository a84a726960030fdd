"""Digests: mail about what somebody missed while they were away. Whoever is here, or has read it, gets none."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from souk.kernel.db import Tx
from souk.kernel.live.presence import online
from souk.kernel.messages import enqueue, job
from souk.kernel.record import Record
from souk.kernel.sealing import Vault
from souk.modules import identity, mail
from souk.modules.notify import sql
from souk.modules.notify.deciding import address_of, held_until, person_or_none
from souk.modules.notify.delivering import still, write
from souk.modules.notify.kinds import Kind
from souk.modules.notify.model import Channel, Errand, Why
from souk.modules.notify.rules import Notices, values_of
from souk.modules.notify.unsubscribing import link_for

Missed = tuple[Errand, Kind]


class DigestOrder(Record):
    """Whose digest is due, and which."""

    person_id: UUID
    digest: str


def digest_key(wanted: DigestOrder) -> str:
    """A person has one digest of a name at a time."""
    return f"digest {wanted.digest} {wanted.person_id}"


@job("notify.digest")
async def write_digest(tx: Tx, wanted: DigestOrder, notices: Notices, vault: Vault) -> None:
    """Write one mail about everything that still waits unread; later, if the person is here now or wants quiet."""
    waiting = await tx.run(sql.DIGESTED, wanted.person_id, wanted.digest)
    if not waiting:
        return
    person = await person_or_none(tx, wanted.person_id)
    missed, kept = [], []
    for errand in waiting:
        kind = notices.kinds.get(errand.kind)
        why = Why.SWITCHED_OFF if kind is None else await still(tx, notices, kind, errand, person)
        if kind is not None and why is None:
            missed.append((errand, kind))
        else:
            kept.append((errand.id, why or Why.NOT_ACTIVE))
    for why in dict.fromkeys(reason for _id, reason in kept):
        await tx.run(sql.SUPPRESS, [name for name, reason in kept if reason is why], why, tx.now)
    if person is not None and missed and not await _postponed(tx, wanted, person, missed):
        await _write(tx, notices, vault, person, missed)


async def _postponed(tx: Tx, wanted: DigestOrder, person: identity.Person, missed: Sequence[Missed]) -> bool:
    """Whether it waits on: who is here sees it anyway, and who sleeps is not woken."""
    errand, kind = missed[0]
    until = held_until(person, kind, tx.now, errand.quiet_from, errand.quiet_until)
    if until is None and kind.digest is not None and await online(tx, [person.id]):
        until = tx.now + kind.digest.after
    if until is None:
        return False
    await enqueue(tx, write_digest, wanted, run_at=until, key=digest_key(wanted))
    await tx.run(sql.POSTPONE, [errand.id for errand, _kind in missed], until)
    return True


async def _write(tx: Tx, notices: Notices, vault: Vault, person: identity.Person, missed: Sequence[Missed]) -> None:
    """One mail. About a single thing it is that thing's own."""
    if len(missed) == 1:
        await write(tx, notices, vault, missed[0][1], missed[0][0], person)
        return
    first, kind = missed[0]
    items = [notices.say(kind, Channel.IN_APP, person.language, values_of(e.parameters, e.count, e.about)) for e, kind in missed]
    told = {
        "count": str(sum(errand.count for errand, _kind in missed)),
        "items": "\n\n".join(f"{said.title}\n{said.body}".strip() for said in items),
        "link": notices.web,
        "unsubscribe": link_for(notices, vault, person.id, [kind.category for _errand, kind in missed], person.language),
    }
    ids = [errand.id for errand, _kind in missed]
    try:
        to = str(address_of(person, kind, first.channel))
        await mail.send(tx, vault, mail.Letter(to, "notify/digest", person.language, told, person.id))
    except mail.AddressUnusable as refused:
        await tx.finish(sql.CANNOT_BE_WRITTEN, ids, refused.text(), tx.now)
        return
    await tx.finish(sql.HANDED_OVER, ids, tx.now)
