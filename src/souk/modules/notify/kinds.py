"""`Kind`: one thing that people are told, as a market declares it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from inspect import isawaitable, signature
from typing import Any, Final

import msgspec

from souk.kernel.db import Tx
from souk.kernel.messages import Event
from souk.modules.notify.model import Channel, Urgency

OfFact = Callable[..., Any]
"""A question about a fact: `(fact)`, or `(tx, fact)` and async."""

PHONES: Final = (Channel.IN_APP, Channel.PUSH)
EVERYWHERE: Final = (Channel.IN_APP, Channel.PUSH, Channel.MAIL)
AMBIENT: Final = frozenset({"count", "others", "market"})
"""What every template may use: how many things it stands for, how many beside the first, and the market's name."""


class Digest(msgspec.Struct, frozen=True):
    """Mail that waits, and tells of several things at once, unless they were read meanwhile."""

    name: str
    """Kinds of one digest share a mail."""
    after: timedelta = timedelta(minutes=15)


class Kind(msgspec.Struct, frozen=True):
    """One thing that people are told: its texts are in the files `<template>.<language>.toml`."""

    name: str
    category: str
    means: str = ""
    """What it is, in a few words, where people switch it."""
    parameters: tuple[str, ...] = ()
    """What its texts are filled with: each of them is used in every language."""
    may_use: tuple[str, ...] = ()
    """What its texts may use besides."""
    channels: tuple[Channel, ...] = EVERYWHERE
    """Where it goes unless its person says otherwise."""
    always: tuple[Channel, ...] = ()
    """Where it goes whatever its person says: what concerns their safety. No block holds such a kind back."""
    by_law: bool = False
    """Whether it also goes, by mail alone, to somebody who is suspended."""
    urgency: Urgency = Urgency.NORMAL
    link: str = ""
    """Where it leads: a path of the market's pages, like `/orders/{{ about }}`; its parameters are quoted."""
    digest: Digest | None = None
    template: str = ""
    on: type[Event] | tuple[type[Event], ...] | None = None
    """The fact that it follows from, or several. Without one it is told by `notify.tell`."""
    to: OfFact | None = None
    """Whom: an id, or several."""
    says: OfFact | None = None
    """Its parameters."""
    about: OfFact | None = None
    """The id of what it is about."""
    actor: OfFact | None = None
    """Who brought it about."""
    group: OfFact | None = None
    """What makes several of them one while they are unread."""

    @property
    def facts(self) -> tuple[type[Event], ...]:
        """The facts that it follows from."""
        return self.on if isinstance(self.on, tuple) else (self.on,) if self.on is not None else ()

    @property
    def file(self) -> str:
        """What its template is called."""
        return self.template or self.name

    @property
    def known(self) -> frozenset[str]:
        """Every name that its texts may use."""
        return AMBIENT | {"about"} | frozenset(self.parameters) | frozenset(self.may_use)

    def check_values(self, given: frozenset[str]) -> None:
        """Whether these are its parameters, all of them and no others."""
        missing, unknown = sorted(set(self.parameters) - given), sorted(given - {*self.parameters, *self.may_use})
        if missing or unknown:
            raise WrongParameters(f"{self.name}: missing {missing}, unknown {unknown}")


class WrongParameters(TypeError):
    """A kind was told with parameters that it does not have, or without some that it has."""


def faults_of(kind: Kind) -> list[str]:
    """What is wrong with a kind by itself."""
    faults = []
    if kind.facts and kind.to is None:
        faults.append(f"{kind.name} follows from {kind.facts[0].topic.name}, and nobody hears of it: say to=")
    if not kind.facts and any((kind.to, kind.says, kind.about, kind.actor, kind.group)):
        faults.append(f"{kind.name} says how to read a fact, and follows from none: say on=")
    if not set(kind.always) <= set(kind.channels):
        faults.append(f"{kind.name} always goes where it does not go: name those channels in channels=, too")
    if kind.digest is not None and Channel.MAIL in kind.always:
        faults.append(f"{kind.name} always goes by mail, so that mail cannot wait for a digest: leave out digest=")
    if kind.by_law and Channel.MAIL not in kind.always:
        faults.append(f"{kind.name} is due by law, so its mail cannot be switched off: add Channel.MAIL to always=")
    if clash := AMBIENT.union({"about"}) & {*kind.parameters, *kind.may_use}:
        faults.append(f"{kind.name} calls a parameter {', '.join(sorted(clash))}, which every template has: give it another name")
    return faults


async def of(question: OfFact | None, tx: Tx, fact: object, otherwise: Any = None) -> Any:
    """What the fact answers."""
    if question is None:
        return otherwise
    found = question(tx, fact) if len(signature(question).parameters) > 1 else question(fact)
    return await found if isawaitable(found) else found
