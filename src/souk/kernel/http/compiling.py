"""Compiling: a declared operation becomes one plain callable, `async (Request) -> Answer`.

The order is fixed: permission → limit → arguments → transaction → answer. What a request does not need (a body, a
transaction, an idempotency key, a field selection) costs it nothing, because it was left out at start.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from hashlib import blake2b
from typing import Any, Final

from souk.kernel.db import Tx, commit
from souk.kernel.db.database import give_up
from souk.kernel.http import idempotency
from souk.kernel.http.answer import JSON as JSON_TYPE
from souk.kernel.http.answer import Answer, Content, Redirect, Reply, document, envelope, header, paged_envelope, redirect
from souk.kernel.http.binding import Bound, bind
from souk.kernel.http.compression import etag_of, matches
from souk.kernel.http.fields import fields_of, select
from souk.kernel.http.guards import ANYONE, NotAllowed, OutOfScope, SignInNeeded, roles_allowed
from souk.kernel.http.limits import WEBHOOKS, Limit, Limiter, Verdict, address_key, parse
from souk.kernel.http.operation import Operation
from souk.kernel.http.paging import BothPage, CursorPage, Page
from souk.kernel.http.parameters import rehearsing
from souk.kernel.http.refusals import TooManyRequests
from souk.kernel.http.request import Request
from souk.kernel.http.site import Site
from souk.kernel.http.tokens import KeyUnknown, TokenInvalid

Handler = Callable[[Request], Awaitable[Answer]]
Admit = Callable[[Request], Verdict]
Encode = Callable[[Any, int], Answer]


def compile_operation(operation: Operation[..., Any], site: Site) -> Handler:
    """The callable that answers one operation of one market."""
    bound = bind(operation, {**site.resources, type(site.tokens): site.tokens, type(site.database): site.database})
    admit = admission(operation, site)
    if operation.kind == "stream":
        return streaming(operation, bound, admit)
    if operation.reading:
        return reading(operation, bound, admit, site)
    return writing(operation, bound, admit, site)


# Permission and limits


def admission(operation: Operation[..., Any], site: Site) -> Admit:
    """Who is asking, whether they may, and whether they ask too often."""
    allowed = roles_allowed(operation.who, site.roles)
    needed = " or ".join(sorted(allowed))
    open_to_all = ANYONE.names <= operation.who.names
    actor_of: Final = site.tokens.actor
    hit: Final = site.limiter.hit
    member_limit, address_limit = site.member_limit, site.address_limit
    own = parse(operation.limit) if operation.limit else None
    name = f"{site.name}.{operation.name}"
    scope = operation.scope
    hook = "webhooks" if operation.kind == "webhook" else ""
    asks_who = operation.knows_callers or not open_to_all

    def admit(request: Request) -> Verdict:
        authorization = request.headers.get(b"authorization") if asks_who else None
        if authorization is not None:
            try:
                request.actor = actor = actor_of(authorization)
            except TokenInvalid:
                _narrower(site.limiter, address_key(request.address), address_limit)  # guesses are counted like anybody's requests
                raise
            verdict = hit(actor.id, member_limit)
        else:
            actor = None
            verdict = hit((hook, address_key(request.address)), WEBHOOKS) if hook else hit(address_key(request.address), address_limit)
        if not verdict.allowed:
            raise TooManyRequests(verdict=verdict)
        if not open_to_all:
            if actor is None:
                raise SignInNeeded
            if allowed.isdisjoint(actor.roles):
                raise NotAllowed(needed=needed)
            if actor.scopes is not None and scope not in actor.scopes:
                raise OutOfScope(scope=scope)
        if own is not None:
            return _narrower(site.limiter, (name, request.actor.id if request.actor else address_key(request.address)), own)
        return verdict

    return admit


async def meet(unknown: KeyUnknown, request: Request, site: Site) -> None:
    """Ask whose API key it is. Guesses are counted, each costs a question."""
    _narrower(site.limiter, address_key(request.address), site.address_limit)
    await site.tokens.meet(unknown)


def _narrower(limiter: Limiter, key: Any, limit: Limit) -> Verdict:
    verdict = limiter.hit(key, limit)
    if not verdict.allowed:
        raise TooManyRequests(verdict=verdict)
    return verdict


# Reading


def reading(operation: Operation[..., Any], bound: Bound, admit: Admit, site: Site) -> Handler:
    """A reading operation: no transaction, one statement one round trip; the answer carries an ETag."""
    function, database, status = operation.function, site.database, operation.status
    at_tx = bound.tx
    known = fields_of(bound.answers)

    async def handle(request: Request) -> Answer:
        verdict = admit(request)
        arguments = bound.arguments(request)
        if at_tx is None:
            result = await function(*arguments)
        else:
            arguments[at_tx] = tx = database.tx(reading=True)
            try:
                result = await function(*arguments)
                await commit(tx)
            except BaseException as error:  # noqa: BLE001 - judged there, and raised again where it should be
                result = await _repeat(error, tx, database.read, function, arguments, at_tx)
        answer = ENCODERS.get(type(result), plain_answer)(result, status)
        return finish_reading(request, answer, verdict, known)

    return handle


def finish_reading(request: Request, answer: Answer, verdict: Verdict, known: tuple[str, ...]) -> Answer:
    """Field selection, ETag and the rate limit's headers."""
    if answer.status != 200:
        answer.headers.extend(verdict.headers())
        return answer
    if request.query and b"fields=" in request.query and JSON_TYPE in answer.headers:
        answer.body = select(answer.body, request.query, known)
    tag = etag_of(answer.body)
    held = request.headers.get(b"if-none-match")
    if held is not None and matches(held, tag):
        return Answer(304, [(b"etag", tag), *verdict.headers()])
    answer.headers.append((b"etag", tag))
    answer.headers.extend(verdict.headers())
    return answer


async def _repeat(  # noqa: PLR0913, PLR0917 - what the first try left behind
    error: BaseException, tx: Tx, run: Any, function: Any, arguments: list[Any], at_tx: int
) -> Any:
    """The first try failed. Judge why; run it again where that is safe, raise what should be said where it is not."""
    again = await give_up(tx, error, 1)
    if again is None:
        raise error
    if isinstance(again, Exception):
        raise again from error
    return await run(_with_tx(function, arguments, at_tx))


def _with_tx(function: Any, arguments: list[Any], at_tx: int) -> Callable[[Tx], Awaitable[Any]]:
    async def work(tx: Tx) -> Any:
        arguments[at_tx] = tx
        return await function(*arguments)

    return work


# Changing


def writing(operation: Operation[..., Any], bound: Bound, admit: Admit, site: Site) -> Handler:
    """A changing operation: one transaction, opened by its first statement, committed before the answer leaves."""
    function, database, status = operation.function, site.database, operation.status
    at_tx, take_body = bound.tx, bound.body
    may_repeat = operation.idempotent
    may_rehearse = operation.dry_run

    async def handle(request: Request) -> Answer:
        verdict = admit(request)
        arguments = bound.arguments(request)
        if take_body is not None:
            arguments[take_body[0]] = await take_body[1](request)
        if at_tx is None:
            result = await function(*arguments)
        elif may_rehearse and rehearsing(request.query):
            if b"idempotency-key" in request.headers:
                idempotency.checked_key(request.headers[b"idempotency-key"])
            result = await database.rehearse(_with_tx(function, arguments, at_tx))
        elif may_repeat and b"idempotency-key" in request.headers:
            answer = await once(operation, site, request, arguments, at_tx)
            answer.headers.extend(verdict.headers())
            return answer
        else:
            arguments[at_tx] = tx = database.tx()
            try:
                result = await function(*arguments)
                await commit(tx)
            except BaseException as error:  # noqa: BLE001 - judged there, and raised again where it should be
                result = await _repeat(error, tx, database.write, function, arguments, at_tx)
        answer = ENCODERS.get(type(result), plain_answer)(result, status)
        answer.headers.extend(verdict.headers())
        return answer

    return handle


async def once(operation: Operation[..., Any], site: Site, request: Request, arguments: list[Any], at_tx: int) -> Answer:
    """Answer an idempotency key: the stored answer if there is one, else the change and its answer in one transaction."""
    key = idempotency.checked_key(request.headers[b"idempotency-key"])
    principal = str(request.actor.id) if request.actor else request.address
    route = f"{operation.method} {request.path}"
    digest = blake2b(request.query + b"\0" + await request.read(operation.max_body), digest_size=16).digest()

    async def work(tx: Tx) -> Answer:
        stored = await idempotency.look_up(tx, principal, route, key, digest)
        if stored is not None:
            return stored
        arguments[at_tx] = tx
        result = await operation.function(*arguments)
        answer = ENCODERS.get(type(result), plain_answer)(result, operation.status)
        await idempotency.keep(tx, principal, route, key, digest, answer)
        return answer

    return await site.database.write(work)


# Streams


def streaming(operation: Operation[..., Any], bound: Bound, admit: Admit) -> Handler:
    """An operation that answers with events as they come. It holds no transaction and no connection."""

    async def handle(request: Request) -> Answer:
        verdict = admit(request)
        arguments = bound.arguments(request)
        headers = [(b"content-type", b"text/event-stream"), *verdict.headers()]
        return Answer(200, headers, events=operation.function(*arguments))

    return handle


# Answers


def plain_answer(result: Any, status: int) -> Answer:
    """A value in the envelope."""
    return Answer(status, [JSON_TYPE], envelope(result))


def _nothing(_result: None, status: int) -> Answer:
    return Answer(204, []) if status == 204 else Answer(status, [JSON_TYPE], envelope(None))


def _page(result: Page[Any], status: int) -> Answer:
    return Answer(status, [JSON_TYPE], paged_envelope(result.items, result.pagination))


def _reply(result: Reply[Any], status: int) -> Answer:
    headers = [JSON_TYPE, *(header(name, value) for name, value in result.headers)]
    return Answer(result.status or status, headers, envelope(result.data, result.message))


ENCODERS: Final[dict[type, Encode]] = {
    type(None): _nothing,
    Page: _page,
    CursorPage: _page,
    BothPage: _page,
    Reply: _reply,
    Redirect: lambda result, _status: redirect(result),
    Content: lambda result, _status: document(result),
}
