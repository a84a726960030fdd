"""Binding: how a request becomes a function's arguments. The signature is read once, at start; a request only runs the result."""

from __future__ import annotations

import inspect
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Final, get_args, get_origin, get_type_hints

import msgspec

from souk.kernel.db import Tx
from souk.kernel.errors import camel
from souk.kernel.http.guards import Actor
from souk.kernel.http.moments import without_offset
from souk.kernel.http.naming import body_refusal, value_problems
from souk.kernel.http.operation import Operation
from souk.kernel.http.parameters import query_reader
from souk.kernel.http.refusals import Invalid, Problem, UnsupportedMediaType
from souk.kernel.http.request import Request
from souk.kernel.record import Record

Take = Callable[[Request], Any]
TakeBody = Callable[[Request], Awaitable[Any]]


class Bound(msgspec.Struct, frozen=True):
    """An operation's arguments: what each is taken from, and where its transaction goes."""

    template: list[Any]
    """The arguments that are the same for every request, and room for the others."""
    takes: tuple[tuple[int, Take], ...]
    body: tuple[int, TakeBody] | None
    tx: int | None
    check_query: Take | None
    """For an operation without query parameters: refuses those that are sent all the same."""
    answers: Any

    def arguments(self, request: Request) -> list[Any]:
        """Everything but the body and the transaction."""
        if self.check_query is not None and request.query:
            self.check_query(request)
        arguments = self.template.copy()
        for i, take in self.takes:
            arguments[i] = take(request)
        return arguments


class NoQuery(Record):
    """The query of an operation that takes none."""


class Undeclared(TypeError):
    """An operation whose signature does not say where an argument comes from."""


def bind(operation: Operation[..., Any], resources: dict[type, Any]) -> Bound:
    """Read an operation's signature against the resources of a market."""
    hints = get_type_hints(operation.function, include_extras=True)
    names = list(inspect.signature(operation.function).parameters)
    in_path = re.findall(r"{(\w+)}", operation.path)
    reads_fields = operation.reading and operation.kind == "json"
    also = frozenset(name for name, known in (("fields", reads_fields), ("dry_run", operation.dry_run)) if known)
    template: list[Any] = [None] * len(names)
    takes: list[tuple[int, Take]] = []
    body: tuple[int, TakeBody] | None = None
    tx: int | None = None
    for i, name in enumerate(names):
        hint = plain(hints[name])
        if name in in_path:
            takes.append((i, path_taker(in_path.index(name), name, hint)))
        elif hint is Tx:
            tx = i
        elif name == "body":
            _check_moments(operation, hint)
            body = (i, body_taker(hint, operation.max_body))
        elif name == "raw":
            body = (i, raw_taker(operation.max_body))
        elif name == "query":
            _check_moments(operation, hint)
            takes.append((i, query_reader(hint, also)))
        elif hint in resources:
            template[i] = resources[hint]
        else:
            takes.append((i, _of_request(operation, name, hint, resources)))
    _check(operation, names, in_path, takes_tx=tx is not None)
    check_query = None if "query" in names else query_reader(NoQuery, also)
    return Bound(template, tuple(takes), body, tx, check_query, hints.get("return"))


def _check(operation: Operation[..., Any], names: list[str], in_path: list[str], *, takes_tx: bool) -> None:
    """What a declaration promises, its signature must be able to keep."""
    missing = [name for name in in_path if name not in names]
    if missing:
        raise Undeclared(f"{operation!r}: the path names {missing}, the function does not take them")
    if takes_tx and operation.method == "POST" and operation.idempotent is None:
        raise Undeclared(f"{operation!r}: a repeated POST may do it twice; say `idempotent=True`, or `False` where that does no harm")
    if not takes_tx and (operation.idempotent or operation.dry_run):
        raise Undeclared(f"{operation!r}: what is idempotent or can be rehearsed does so in a transaction; take `tx: Tx`")
    if takes_tx and operation.kind in ("stream", "upload"):
        raise Undeclared(f"{operation!r}: a {operation.kind} lasts too long to hold a transaction; take `database: Database`")


def _check_moments(operation: Operation[..., Any], hint: Any) -> None:
    loose = without_offset(hint)
    if loose:
        raise Undeclared(f"{operation!r}: {', '.join(loose)} could be sent without an offset from UTC; say `Moment`, not `datetime`")


def _of_request(operation: Operation[..., Any], name: str, hint: Any, resources: dict[type, Any]) -> Take:
    """What differs from request to request."""
    return gatherer(operation, hint, resources) if hasattr(hint, "gather") else _special(operation, name, hint)


def gatherer(operation: Operation[..., Any], hint: Any, resources: dict[type, Any]) -> Take:
    """A type that puts together what several operations need: its classmethod `gather` takes resources, the request, or others like it."""
    gather = hint.gather
    wanted = {name: plain(kind) for name, kind in get_type_hints(gather).items() if name != "return"}
    fixed = {name: resources[kind] for name, kind in wanted.items() if kind in resources}
    taken = [(name, _of_request(operation, name, kind, resources)) for name, kind in wanted.items() if name not in fixed]
    return lambda request: gather(**fixed, **{name: take(request) for name, take in taken})


def _special(operation: Operation[..., Any], name: str, hint: Any) -> Take:
    if hint is Request:
        return lambda request: request
    if hint is Actor:
        return lambda request: request.actor
    if Actor in get_args(hint):
        return lambda request: request.actor
    if get_origin(hint) is AsyncIterator and name == "chunks":
        limit = operation.max_body
        return lambda request: request.chunks(limit)
    raise Undeclared(
        f"{operation!r}: nothing says where `{name}: {hint}` comes from. Name it in the path, call it `body`, `query` or `raw`, "
        "or give the market a resource of that type."
    )


def plain(hint: Any) -> Any:
    """A NewType's own type."""
    while hasattr(hint, "__supertype__"):
        hint = hint.__supertype__
    return hint


def path_taker(at: int, name: str, hint: Any) -> Take:
    """A path parameter, converted to its type."""
    if hint is str:
        return lambda request: request.parameters[at]
    convert: Final = msgspec.convert

    def take(request: Request) -> Any:
        try:
            return convert(request.parameters[at], hint, strict=False)
        except msgspec.ValidationError:
            wrong = value_problems(request.parameters[at], hint, strict=False)
            raise Invalid(fields=[Problem(camel(name), problem.problem) for problem in wrong]) from None

    return take


def body_taker(hint: Any, limit: int) -> TakeBody:
    """The JSON body as its type. The fast decoder judges; only a wrong body is read again to name every wrong field."""
    decode = msgspec.json.Decoder(hint).decode
    may_be_absent = type(None) in get_args(hint)

    async def take(request: Request) -> Any:
        if may_be_absent and not await request.read(limit):
            return None
        content_type = request.headers.get(b"content-type", b"")
        if content_type != b"application/json" and content_type.partition(b";")[0].strip().lower() != b"application/json":
            raise UnsupportedMediaType(expected="application/json")
        raw = await request.read(limit)
        try:
            return decode(raw)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            raise body_refusal(raw, hint) from None

    return take


def raw_taker(limit: int) -> TakeBody:
    """The body's bytes as they came, for what is signed."""

    async def take(request: Request) -> bytes:
        return await request.read(limit)

    return take
