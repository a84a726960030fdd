"""The second permission test that nobody has to write: what belongs to one person, another one neither sees nor changes.

Whose rows an operation is about, its declaration does not say; so the running market is asked. Somebody makes whatever can be made,
reads all there is to read, and every id in those answers is what another person then puts into every path. A module that adds an
operation is covered by having declared it; `shared=True` is the only way out, and stands where everybody sees it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice, product
from typing import Any, Final, get_type_hints
from uuid import UUID

from souk.kernel.assembly import Market
from souk.kernel.http.binding import plain
from souk.kernel.http.guards import ANYONE, roles_allowed
from souk.kernel.http.operation import Operation
from souk.modules import identity
from tests.plugins.permissions import AnyOperation, some_value

REFUSED: Final = frozenset({403, 404, 422})
ID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
TOO_OFTEN: Final = 429
ENOUGH: Final = 20
FIRST: Final = 6
"""Ids of each answer that are tried: a list names the same kinds again and again."""
MOST: Final = 2000
"""How many ways to fill in one path are tried."""

Ask = Callable[[str, str, Any], int]
"""Sends a method, a path under the market's base and a body, and answers the status."""


def own_lists(market: Market, operations: Iterable[AnyOperation], role: str) -> Iterator[str]:
    """What somebody of that role reads without naming anything."""
    for operation in operations:
        if operation.reading and operation.kind == "json" and "{" not in operation.path and may(market, operation, role):
            yield operation.path


def makers(market: Market, operations: Iterable[AnyOperation], role: str) -> Iterator[AnyOperation]:
    """What makes something of somebody's own."""
    for operation in operations:
        if operation.method == "POST" and operation.status == 201 and "{" not in operation.path and may(market, operation, role):
            yield operation


def about_rows(operations: Iterable[AnyOperation]) -> Iterator[AnyOperation]:
    """What names a row in its path, and is not meant for the rows of others."""
    for operation in operations:
        if "{" in operation.path and not operation.shared:
            yield operation


def may(market: Market, operation: AnyOperation, role: str) -> bool:
    """Whether it is for that role, and not for whoever comes along."""
    return ANYONE.names.isdisjoint(operation.who.names) and role in roles_allowed(operation.who, market.roles)


def others_of(market: Market, role: str) -> list[str]:
    """The roles whose people must not reach what belongs to somebody of this one: the same, and all that are not above it."""
    names = [each.name for each in market.roles]
    ordinary = signing_up(market) or tuple(names[:-1])
    return [name for name in names if name == role or name in ordinary or names.index(name) < names.index(role)]


def signing_up(market: Market) -> tuple[str, ...]:
    """The roles that people give themselves here."""
    return next((rules.sign_up for rules in market.rules if isinstance(rules, identity.Rules)), ())


def ids_in(answers: Iterable[bytes]) -> list[str]:
    """Ids that somebody was told, once: of each answer the first ones, which are of every kind that it names."""
    return sorted({found for answer in answers for found in list(dict.fromkeys(ID.findall(answer.decode(errors="replace"))))[:FIRST]})


def filled(operation: Operation[..., Any], ids: Sequence[str]) -> Iterator[str]:
    """The operation's path with these ids in every place where one can stand."""
    hints = get_type_hints(operation.function)
    names = re.findall(r"{(\w+)}", operation.path)
    choices = [ids if plain(hints[name]) in (UUID, str) else [some_value(plain(hints[name]))] for name in names]
    for values in islice(product(*choices), MOST):
        found = iter(values)
        yield re.sub(r"{\w+}", lambda _name, found=found: next(found), operation.path)  # type: ignore[misc]


def trespasses(
    operations: Iterable[AnyOperation], ids: Sequence[str], bodies: Mapping[str, Any], ask: Ask, asked: Counter[str]
) -> Iterator[str]:
    """What somebody gets to who has no business there; `asked` counts what was tried, by operation."""
    for operation in about_rows(operations):
        methods = ("GET", "HEAD") if operation.method == "GET" else (operation.method,)
        for method, path in product(methods, filled(operation, ids)):
            asked[operation.name] += 1
            status = ask(method, path, bodies.get(operation.name))
            if status == TOO_OFTEN and asked[operation.name] > ENOUGH:
                break  # whoever asks so often is not even listened to
            if status not in REFUSED:
                yield f"{method} {path} ({operation.name}) answered {status}"
