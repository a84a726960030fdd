"""What a market declares to tell its people things: a module with a reaction for each fact that a kind follows from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from msgspec.structs import replace

from souk.kernel.assembly import Market, Module, module
from souk.kernel.config import Settings
from souk.kernel.db import Tx
from souk.kernel.messages import Event, Reaction
from souk.modules.notify import carriers, delivering, digesting, examples, leaving, routes, telling
from souk.modules.notify.kinds import Kind, faults_of, of
from souk.modules.notify.rules import Notices
from souk.modules.notify.telling import Telling, give, tell
from souk.modules.notify.templates import BrokenTexts, Texts

MODULE: Final = module("notify", routes, telling, delivering, digesting, leaving, examples)
"""What all notifications have in common; `notifies` adds what is told."""


def notifies(*kinds: Kind, templates: Path, languages: Sequence[str] = ("en",)) -> Module:
    """Tell people these things. templates: the folder of their texts. languages: those that each text is in, the default first.

    Refused with everything that is wrong: kinds that contradict themselves, texts that are missing, that use what their kind has not, or
    leave out what it has.
    """
    counted = Counter(kind.name for kind in kinds)
    problems = [f"two kinds are called {name}" for name, count in counted.items() if count > 1]
    problems += [fault for kind in kinds for fault in faults_of(kind)]
    if problems:
        raise BrokenTexts(problems)
    texts, known = Texts(kinds, templates, languages), {kind.name: kind for kind in kinds}

    def resources(settings: Settings, market: Market) -> dict[type, object]:
        return carriers.resources(settings, market, Notices(known, texts, settings, market))

    return replace(MODULE, reactions=(*MODULE.reactions, *reactions(kinds)), resources=resources)


def reactions(kinds: Iterable[Kind]) -> Iterator[Reaction[Any]]:
    """A reaction for each kind to each of its facts."""
    for kind in kinds:
        for fact in kind.facts:
            yield _reaction(kind, fact)


def _reaction(kind: Kind, follows: type[Event]) -> Reaction[Any]:
    async def react(tx: Tx, fact: Any, notices: Notices) -> None:
        """Tell whom it concerns."""
        await follow(tx, notices, kind, fact)

    react.__annotations__ = {**react.__annotations__, "fact": follows}
    return Reaction(react, f"{follows.topic.name}:notify.{kind.name}", follows, ordered=True)


async def follow(tx: Tx, notices: Notices, kind: Kind, fact: object) -> None:
    """Tell whom a fact concerns. One person is told in the same transaction, several by a job each."""
    to = await of(kind.to, tx, fact, ())
    people = [to] if isinstance(to, UUID) else list(dict.fromkeys(to or ()))
    if not people:
        return
    values = dict(await of(kind.says, tx, fact, {}))
    about, actor = await of(kind.about, tx, fact), await of(kind.actor, tx, fact)
    group = await of(kind.group, tx, fact)
    if len(people) == 1:
        kind.check_values(frozenset(values))
        await give(tx, notices, kind, Telling(people[0], kind.name, values, about, actor, group))
    else:
        await tell(tx, people, kind, values, about=about, actor=actor, group=group)
