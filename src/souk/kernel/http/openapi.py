"""OpenAPI 3.1 of one market, made from its operations: what they take, answer and refuse, who may call them, with examples.

Nothing is written twice: types come from signatures, words from docstrings, refusals from their classes.
"""

from __future__ import annotations

import inspect
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final, get_args, get_origin, get_type_hints

import msgspec

from souk.kernel.db import (
    Contended,
    Database,
    DatabaseBusy,
    DatabaseExhausted,
    DatabaseUnavailable,
    OutcomeUnknown,
    TooSlow,
    Tx,
    Unstorable,
)
from souk.kernel.errors import Refusal
from souk.kernel.http import refusals as no
from souk.kernel.http.answer import Content, Redirect, Reply
from souk.kernel.http.examples import example_of
from souk.kernel.http.guards import ANYONE, MEMBER, NotAllowed, OutOfScope, Role, SignInNeeded, roles_allowed
from souk.kernel.http.idempotency import LONGEST_KEY
from souk.kernel.http.operation import Operation
from souk.kernel.http.paging import BothPage, BothPagination, CursorPage, CursorPagination, Page, Pagination
from souk.kernel.http.tokens import TokenExpired, TokenInvalid, TokenRevoked

Op = Operation[..., Any]
Json = dict[str, Any]

REF: Final = "#/components/schemas/{name}"
PAGES: Final = {Page: Pagination, CursorPage: CursorPagination, BothPage: BothPagination}

TOKEN_REFUSALS: Final = (TokenInvalid, TokenExpired, TokenRevoked)
BODY_REFUSALS: Final = (no.MalformedBody, no.BodyCutShort, no.BodyTooLarge, no.BodyTooSlow, no.UnsupportedMediaType)
READ_REFUSALS: Final = (DatabaseUnavailable, DatabaseBusy, DatabaseExhausted, TooSlow)
WRITE_REFUSALS: Final = (*READ_REFUSALS, Contended, OutcomeUnknown, Unstorable)

FAILURE: Final[Json] = {
    "type": "object",
    "required": ["success", "error"],
    "properties": {
        "success": {"const": False},
        "error": {
            "type": "object",
            "required": ["code", "message"],
            "properties": {"code": {"type": "string"}, "message": {"type": "string"}, "details": {"type": "object"}},
        },
    },
}

IDEMPOTENCY_KEY: Final[Json] = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "Any text of your own, new for each new request. A request repeated with it has one effect and the first answer.",
    "schema": {"type": "string", "minLength": 1, "maxLength": LONGEST_KEY, "pattern": "^[!-~]+$"},
    "example": "0190163d-8694-739b-aea5-966c26f8ad91",
}
DRY_RUN: Final[Json] = {
    "name": "dry_run",
    "in": "query",
    "description": "`true` goes through everything, changes nothing, and answers with what would have happened.",
    "schema": {"type": "boolean", "default": False},
}
FIELDS: Final[Json] = {
    "name": "fields",
    "in": "query",
    "description": "Only these fields of the answer, or of each of its items, with commas between.",
    "schema": {"type": "string"},
}


class Undescribed(TypeError):
    """An operation that cannot be documented as it stands."""


class Described(msgspec.Struct):
    """What an operation's signature says about it."""

    operation: Op
    parameters: dict[str, Any]
    query: type[msgspec.Struct] | None
    body: Any
    transacts: bool
    answers: Any
    pagination: Any

    @property
    def kinds(self) -> list[Any]:
        """Every type that needs a schema, in a fixed order."""
        data = None if self.answers in (Redirect, Content) or self.operation.kind == "stream" else self.answers
        return [*self.parameters.values(), *query_hints(self.query).values(), self.body, data, self.pagination]


def describe(  # noqa: PLR0913, PLR0917 - what a document consists of
    title: str,
    base: str,
    operations: Sequence[Op],
    roles: tuple[Role, ...],
    version: str = "1.0.0",
    examples: Mapping[type, object] | None = None,
) -> Json:
    """The OpenAPI document of a market. Paths are relative to its base. `examples` are of answers, by type."""
    described = [_read(operation) for operation in operations]
    kinds = [kind for each in described for kind in each.kinds]
    schemas, components = msgspec.json.schema_components(kinds, ref_template=REF)
    for kind, example in (examples or {}).items():
        if kind.__name__ in components:
            components[kind.__name__]["examples"] = [fitting(kind, example)]
    writer = _Writer(roles, iter(schemas), components, Counter(operation.name for operation in operations))
    paths: dict[str, Json] = {}
    for each in described:
        path = re.sub(r"{(\w+)}", lambda found: "{" + camel(found[1]) + "}", each.operation.path)
        paths.setdefault(path, {})[each.operation.method.lower()] = writer.operation(each)
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": version},
        "servers": [{"url": base}],
        "tags": [{"name": name} for name in dict.fromkeys(tag for each in described for tag in tags_of(each.operation))],
        "paths": paths,
        "components": {
            "schemas": {**components, "Failure": FAILURE},
            "responses": writer.responses,
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
        },
    }


def fitting(kind: type, example: object) -> object:
    """An example, if it is one."""
    try:
        msgspec.convert(example, kind, str_keys=True)
    except msgspec.ValidationError as error:
        raise Undescribed(f"the example of {kind.__name__} does not fit it: {error}") from None
    return example


def _security(operation: Op) -> list[Json]:
    """A token is needed, or welcome (where the caller may be known), or of no use."""
    if not ANYONE.names <= operation.who.names:
        return [{"bearer": []}]
    return [{}, {"bearer": []}] if operation.knows_callers else []


def _read(operation: Op) -> Described:
    """The signature, sorted by where each argument comes from."""
    if not (operation.__doc__ or "").strip():
        raise Undescribed(f"{operation!r} needs a docstring: its first sentence is its summary")
    hints = get_type_hints(operation.function, include_extras=True)
    in_path = re.findall(r"{(\w+)}", operation.path)
    answers, pagination = _answers(hints.get("return"))
    return Described(
        operation=operation,
        parameters={name: hints[name] for name in in_path},
        query=hints.get("query"),
        body=hints.get("body"),
        transacts=not {Tx, Database}.isdisjoint(hints.values()),
        answers=answers,
        pagination=pagination,
    )


def _answers(hint: Any) -> tuple[Any, Any]:
    """What stands in `data`, and in `pagination`."""
    origin = get_origin(hint)
    if origin is Reply:
        return _answers(get_args(hint)[0])
    if origin in PAGES:
        return list[get_args(hint)[0]], PAGES[origin]  # type: ignore[misc]  # the type of an item is known when it runs
    return hint, None


def query_hints(query: type[msgspec.Struct] | None) -> dict[str, Any]:
    """The fields of a query Struct by their outer names."""
    if query is None:
        return {}
    hints = get_type_hints(query, include_extras=True)
    return {outer: hints[name] for name, outer in zip(query.__struct_fields__, query.__struct_encode_fields__, strict=True)}


def tags_of(operation: Op) -> tuple[str, ...]:
    """Under what an operation is listed: its own tags, or the module it is defined in."""
    return operation.tags or (operation.module,)


def camel(name: str) -> str:
    """A name as clients write it."""
    first, *rest = name.split("_")
    return first + "".join(part.title() for part in rest)


def refusals_of(each: Described) -> list[type[Refusal]]:
    """Everything an operation may refuse with: what its declaration implies, then what it adds."""
    operation = each.operation
    open_to_all = ANYONE.names <= operation.who.names
    found: list[type[Refusal]] = [no.TooManyRequests, no.InternalError]
    found += TOKEN_REFUSALS if not open_to_all or operation.knows_callers else ()
    found += [] if open_to_all else [SignInNeeded]
    found += [] if open_to_all or MEMBER.names <= operation.who.names else [NotAllowed]
    found += [] if open_to_all else [OutOfScope]
    found += BODY_REFUSALS if takes_body(each) else ()
    found += [no.Invalid]  # parameters that nobody knows are refused everywhere
    found += [no.KeyInFlight, no.KeyReused] if operation.idempotent else []
    if each.transacts:
        found += READ_REFUSALS if operation.reading else WRITE_REFUSALS
    return list(dict.fromkeys((*found, *operation.refusals)))


def takes_body(each: Described) -> bool:
    """Whether anything is sent along."""
    return each.body is not None or each.operation.kind in ("upload", "webhook")


class _Writer:
    """Writes one operation after the other; schemas come in the order in which their types were handed in."""

    def __init__(self, roles: tuple[Role, ...], schemas: Any, components: Json, names: Counter[str]) -> None:
        self.roles = roles
        self.schemas = schemas
        self.components = components
        self.names = names
        self.responses: Json = {}
        self._named: dict[tuple[int, tuple[str, ...]], str] = {}

    def operation(self, each: Described) -> Json:
        operation = each.operation
        summary, _, rest = inspect.cleandoc(operation.__doc__ or "").partition("\n")
        tags = tags_of(operation)
        path_parameters = [self.parameter(camel(name), "path", next(self.schemas), required=True) for name in each.parameters]
        parameters = [*path_parameters, *self.query(each), *_common_parameters(operation)]
        body, data, pagination = next(self.schemas), next(self.schemas), next(self.schemas)
        return {
            "operationId": operation.name if self.names[operation.name] == 1 else f"{tags[0]}_{operation.name}",
            "summary": summary.rstrip("."),
            **({"description": rest.strip()} if rest.strip() else {}),
            "tags": list(tags),
            "parameters": parameters,
            **({"requestBody": self.body(each, body)} if takes_body(each) else {}),
            "responses": {**self.success(each, data, pagination), **self.failures(each)},
            "security": _security(operation),
            "x-roles": sorted(roles_allowed(operation.who, self.roles)),
        }

    def parameter(self, name: str, place: str, schema: Json, *, required: bool) -> Json:
        inner = {word: value for word, value in schema.items() if word != "description"}
        described = {"description": schema["description"]} if "description" in schema else {}
        shown = {"example": example_of(schema, self.components)} if required else {}
        return {"name": name, "in": place, "required": required, **described, "schema": inner, **shown}

    def query(self, each: Described) -> list[Json]:
        if each.query is None:
            return []
        made = []
        for field in msgspec.structs.fields(each.query):
            schema = next(self.schemas)
            if field.default is not msgspec.NODEFAULT and field.default is not None:
                schema = {**schema, "default": msgspec.to_builtins(field.default)}
            made.append(self.parameter(field.encode_name, "query", schema, required=field.required))
        return made

    def body(self, each: Described, schema: Json) -> Json:
        if each.body is None:
            media = "application/json" if each.operation.kind == "webhook" else "application/octet-stream"
            return {"required": True, "content": {media: {}}}
        required = type(None) not in get_args(each.body)
        return {"required": required, "content": {"application/json": {"schema": schema, "example": self.body_example(each, schema)}}}

    def body_example(self, each: Described, schema: Json) -> Any:
        """The declared example, or one made from the schema. One that the operation itself would refuse is refused here."""
        declared = each.operation.example
        example = example_of(schema, self.components) if declared is None else msgspec.to_builtins(declared)
        try:
            msgspec.convert(example, each.body, str_keys=True)
        except msgspec.ValidationError as error:
            wish = "declare `example=`, or give the field `Meta(examples=[…])`" if declared is None else "mend its `example=`"
            raise Undescribed(f"{each.operation!r}: its example is not one it would take ({error}); {wish}") from None
        return example

    def success(self, each: Described, data: Json, pagination: Json) -> Json:
        """The answer that every caller hopes for."""
        operation = each.operation
        if operation.kind == "stream":
            stream = {"schema": {"type": "string"}, "example": "id: 7\nevent: order.updated\ndata: {}\n\n"}
            return {"200": {"description": "Events as they come.", "content": {"text/event-stream": stream}}}
        if each.answers is Redirect:
            headers = {"Location": {"schema": {"type": "string"}}}
            return {"302": {"description": "It is found there.", "headers": headers}}
        if each.answers is Content:
            return {"200": {"description": "The document.", "content": {"*/*": {}}}}
        if operation.status == 204:
            return {"204": {"description": "Done."}}
        return {str(operation.status): {"description": "Done.", "content": {"application/json": self.envelope(each, data, pagination)}}}

    def envelope(self, each: Described, data: Json, pagination: Json) -> Json:
        properties: Json = {"success": {"const": True}, "data": data, "message": {"type": "string"}}
        if each.pagination is not None:
            properties["pagination"] = pagination
        required = ["success", "data", *(["pagination"] if each.pagination else [])]
        example = {name: example_of(properties[name], self.components) for name in required}
        if each.operation.example is not None and not takes_body(each):
            example["data"] = msgspec.to_builtins(each.operation.example)
        return {"schema": {"type": "object", "required": required, "properties": properties}, "example": example}

    def failures(self, each: Described) -> Json:
        by_status: dict[int, list[type[Refusal]]] = {}
        for refusal in refusals_of(each):
            by_status.setdefault(refusal.status, []).append(refusal)
        return {str(status): {"$ref": f"#/components/responses/{self.failure(status, by_status[status])}"} for status in sorted(by_status)}

    def failure(self, status: int, refusals: list[type[Refusal]]) -> str:
        """The name of the response that carries these refusals; operations that refuse alike share it."""
        codes = tuple(sorted(refusal.code for refusal in refusals))
        name = self._named.get((status, codes))
        if name is None:
            taken = sum(1 for known, _ in self._named if known == status)
            name = self._named[status, codes] = f"Refused{status}" + (f"_{taken + 1}" if taken else "")
            first = min(refusals, key=lambda refusal: refusal.code)
            narrowed = {"properties": {"error": {"properties": {"code": {"enum": list(codes)}}}}}
            self.responses[name] = {
                "description": "\n".join(f"- `{refusal.code}`: {refusal.message}" for refusal in sorted(refusals, key=lambda r: r.code)),
                "content": {
                    "application/json": {
                        "schema": {"allOf": [{"$ref": REF.format(name="Failure")}, narrowed]},
                        "example": {"success": False, "error": {"code": first.code, "message": first.message}},
                    }
                },
            }
        return name


def _common_parameters(operation: Op) -> list[Json]:
    """What HTTP itself understands."""
    wanted = (operation.idempotent, IDEMPOTENCY_KEY), (operation.dry_run, DRY_RUN), (operation.reading and operation.kind == "json", FIELDS)
    return [parameter for want, parameter in wanted if want]
