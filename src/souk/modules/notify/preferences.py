"""Preferences: what each person switched, over what the market says; and when they want quiet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import time

import msgspec

from souk.kernel.db import Tx
from souk.kernel.http import Actor, Invalid, Problem
from souk.modules import identity
from souk.modules.notify import sql
from souk.modules.notify.deciding import is_on, kind_scope
from souk.modules.notify.kinds import Kind
from souk.modules.notify.model import (
    CategorySwitches,
    Channel,
    Choice,
    Chosen,
    KindSwitches,
    NewPreferences,
    Preferences,
    QuietHours,
    Switches,
    Wanted,
)
from souk.modules.notify.rules import Notices


async def preferences(tx: Tx, by: Actor, notices: Notices) -> Preferences:
    """How the caller is told."""
    person = await identity.any_person(tx, by.id)
    return _shown(notices, person.timezone, await tx.run(sql.CHOSEN, by.id))


async def change(tx: Tx, by: Actor, notices: Notices, wanted: NewPreferences) -> Preferences:
    """Be told like this from now on."""
    choices = _choices(notices, wanted)
    person = await identity.any_person(tx, by.id)
    starts = ends = None
    if wanted.quiet_hours is None:
        await tx.run(sql.CLEAR_QUIET_HOURS, by.id)
    else:
        starts, ends = time.fromisoformat(wanted.quiet_hours.starts), time.fromisoformat(wanted.quiet_hours.ends)
        await tx.run(sql.SET_QUIET_HOURS, by.id, starts, ends)
    await tx.finish(sql.CHOOSE, by.id, msgspec.json.encode(choices).decode())
    return _shown(notices, person.timezone, Chosen(starts, ends, tuple(choices)))


def _choices(notices: Notices, wanted: NewPreferences) -> list[Choice]:
    """What was sent, if all of it can be."""
    if problems := list(_problems(notices, wanted)):
        raise Invalid(fields=problems)
    named = {**wanted.categories, **{kind_scope(name): switches for name, switches in wanted.kinds.items()}}
    return [Choice(scope, channel, on) for scope, switches in named.items() for channel, on in switches.chosen().items()]


def _problems(notices: Notices, wanted: NewPreferences) -> Iterator[Problem]:
    if wanted.quiet_hours is not None and wanted.quiet_hours.starts == wanted.quiet_hours.ends:
        yield Problem("quietHours.ends", "is when they start; leave quietHours out to have none")
    yield from _strangers("categories", wanted.categories, notices.categories)
    yield from _strangers("kinds", wanted.kinds, notices.kinds)
    for name, switches in wanted.kinds.items():
        kind = notices.kinds.get(name)
        for channel, on in switches.chosen().items():
            if kind is not None and channel in kind.always and not on:
                yield Problem(f"kinds.{name}.{_OUTSIDE[channel]}", "cannot be switched off: it is about your safety, or due by law")


def _strangers(field: str, sent: Mapping[str, Wanted], known: Mapping[str, Kind] | tuple[str, ...]) -> Iterator[Problem]:
    for name in sent:
        if name not in known:
            yield Problem(f"{field}.{name}", f"is not known here; choose of {', '.join(known)}")


def _shown(notices: Notices, timezone: str, chosen: Chosen) -> Preferences:
    quiet = None
    if chosen.starts is not None and chosen.ends is not None:
        quiet = QuietHours(f"{chosen.starts:%H:%M}", f"{chosen.ends:%H:%M}")
    kinds = notices.kinds.values()
    shown = [
        CategorySwitches(category, [_switches(kind, chosen) for kind in kinds if kind.category == category])
        for category in notices.categories
    ]
    return Preferences(quiet, timezone, shown)


def _switches(kind: Kind, chosen: Chosen) -> KindSwitches:
    on = {str(channel): is_on(kind, channel, chosen.choices) for channel in Channel}
    return KindSwitches(kind.name, kind.means, Switches(**on), list(kind.always))


_OUTSIDE = dict(zip(Channel, Wanted.__struct_encode_fields__, strict=True))
