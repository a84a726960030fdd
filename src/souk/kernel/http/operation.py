"""`@operation`: an endpoint declared once. Everything else about it is made from the declaration.

    @operation("POST", "/projects/{project_id}/bids", who=WORKER, status=201, idempotent=True)
    async def place_bid(tx: Tx, by: Actor, project_id: ProjectId, body: NewBid) -> Bid:
        \"\"\"Bid on an open project.\"\"\"

Arguments are bound by what they are: `tx` and `by` by type, path parameters by name, `body` is the request body's type,
`query` a Struct of query parameters; any other type must be one of the market's resources (`Tokens`, `Clock`, …), or have a
classmethod `gather` that makes it of resources and the request.
The decorated function stays a plain function that tests call directly.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import cached_property
from typing import Any, Final, Generic, Literal, ParamSpec, TypeVar, get_args, get_type_hints

from souk.kernel.errors import Refusal
from souk.kernel.http.guards import MEMBER, Actor, Who

P = ParamSpec("P")
R = TypeVar("R")
Kind = Literal["json", "stream", "upload", "webhook"]

MIB: Final = 1024 * 1024


class Operation(Generic[P, R]):
    """One endpoint: its function and what the declaration says about it."""

    def __init__(  # noqa: PLR0913 - a declaration has as many words as there are things to declare
        self,
        function: Callable[P, R],
        *,
        method: str,
        path: str,
        who: Who,
        status: int,
        idempotent: bool | None,
        dry_run: bool,
        limit: str,
        max_body: int,
        refusals: tuple[type[Refusal], ...],
        kind: Kind,
        example: Any,
        tags: tuple[str, ...],
        shared: bool,
    ) -> None:
        self.function = function
        self.method = method
        self.path = path
        self.who = who
        self.status = status
        self.idempotent = idempotent
        self.dry_run = dry_run
        self.limit = limit
        self.max_body = max_body
        self.refusals = refusals
        self.kind = kind
        self.example = example
        self.tags = tags
        self.shared = shared
        self.name: str = function.__name__
        self.home: str = function.__module__
        self.__doc__ = function.__doc__

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        return self.function(*args, **kwargs)

    def __repr__(self) -> str:
        return f"<{self.method} {self.path}: {self.home}.{self.name}>"

    @property
    def scope(self) -> str:
        """What an API key needs for it: `read` or `write` of the module that it belongs to."""
        return f"{self.module}:{'read' if self.reading else 'write'}"

    @property
    def module(self) -> str:
        """The module that it belongs to, wherever in its folder it stands."""
        parts = self.home.removesuffix(".routes").split(".")
        return parts[parts.index("modules") + 1] if "modules" in parts else parts[-1]

    @cached_property
    def knows_callers(self) -> bool:
        """Whether it takes who asks. Where anyone may call one that does not, a token that is sent is not looked at."""
        return any(hint is Actor or Actor in get_args(hint) for hint in get_type_hints(self.function).values())

    @property
    def reading(self) -> bool:
        """Whether it changes nothing: such an operation gets no transaction and may be repeated freely."""
        return self.method in ("GET", "HEAD")


def operation(  # noqa: PLR0913 - see Operation
    method: str,
    path: str,
    *,
    who: Who = MEMBER,
    status: int = 200,
    idempotent: bool | None = None,
    dry_run: bool = False,
    limit: str = "",
    max_body: int = MIB,
    refusals: tuple[type[Refusal], ...] = (),
    kind: Kind = "json",
    example: Any = None,
    tags: tuple[str, ...] = (),
    shared: bool = False,
) -> Callable[[Callable[P, R]], Operation[P, R]]:
    """Declare an endpoint.

    idempotent: honours `Idempotency-Key`; a POST that takes a `Tx` must say whether. Answers are kept for a day, so none that
    holds a token or password may be. dry_run: `?dry_run=true` goes through all of it and rolls back. limit: like "5/15m",
    on top of the market's own. refusals: what it may answer beyond what the declaration implies; they are documented.
    shared: whoever may call it may name any row in its path, as with a public profile; otherwise the generated permission test
    expects that nobody reaches what belongs to another.
    kind: "stream" answers server-sent events, "upload" takes the body as chunks, "webhook" as the raw bytes that were signed.
    """

    def declare(function: Callable[P, R]) -> Operation[P, R]:
        return Operation(
            function,
            method=method.upper(),
            path=path,
            who=who,
            status=status,
            idempotent=idempotent,
            dry_run=dry_run,
            limit=limit,
            max_body=max_body,
            refusals=refusals,
            kind=kind,
            example=example,
            tags=tags,
            shared=shared,
        )

    return declare


Handler = Callable[..., Awaitable[Any]]
