"""Examples made from schemas, the same ones every time: for whatever nobody wrote a better one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

Schema = Mapping[str, Any]

DEEPEST: Final = 5
SIMPLE: Final = {"boolean": True, "null": None}
FORMATS: Final = {
    "uuid": "0190163d-8694-739b-aea5-966c26f8ad91",
    "date-time": "2026-11-21T09:30:00Z",
    "date": "2026-11-21",
    "time": "09:30:00Z",
    "duration": "PT15M",
    "decimal": "12.50",
}


def example_of(schema: Schema, components: Mapping[str, Schema], depth: int = 0) -> Any:
    """A value that fits a schema. A text of a given form cannot be guessed: such a field needs `Meta(examples=[…])`."""
    if "$ref" in schema:
        return example_of(components[schema["$ref"].rpartition("/")[2]], components, depth)
    choices = schema.get("anyOf") or schema.get("oneOf")
    if choices:
        return example_of(next(choice for choice in choices if choice.get("type") != "null"), components, depth)
    given = schema.get("examples") or schema.get("enum") or ([schema["const"]] if "const" in schema else [])
    return given[0] if given else _made(schema, components, depth)


def _made(schema: Schema, components: Mapping[str, Schema], depth: int) -> Any:
    kind = schema.get("type")
    if kind == "object":
        return _object(schema, components, depth)
    if kind == "array":
        return _array(schema, components, depth)
    if kind in ("integer", "number"):
        return _number(schema)
    return _text(schema) if kind == "string" else SIMPLE.get(str(kind), {})


def _object(schema: Schema, components: Mapping[str, Schema], depth: int) -> dict[str, Any]:
    required = schema.get("required", ())
    fields = schema.get("properties", {})
    made = {name: example_of(field, components, depth + 1) for name, field in fields.items() if name in required or depth < DEEPEST - 3}
    more = schema.get("additionalProperties")
    if isinstance(more, Mapping) and not fields and depth < DEEPEST:
        made["key"] = example_of(more, components, depth + 1)
    return made


def _array(schema: Schema, components: Mapping[str, Schema], depth: int) -> list[Any]:
    if "prefixItems" in schema:
        return [example_of(item, components, depth + 1) for item in schema["prefixItems"]]
    wanted = max(schema.get("minItems", 0), 1 if depth < DEEPEST else 0)
    return [example_of(schema.get("items") or {}, components, depth + 1)] * wanted


def _text(schema: Schema) -> str:
    if schema.get("contentEncoding") == "base64":
        return "c291aw=="
    if schema.get("format") in FORMATS:
        return FORMATS[schema["format"]]
    return "text".ljust(schema.get("minLength", 0), ".")[: schema.get("maxLength", 4000)]


def _number(schema: Schema) -> float:
    step: float = schema.get("multipleOf", 1)
    most: float = schema["exclusiveMaximum"] - step if "exclusiveMaximum" in schema else schema.get("maximum", 1)
    above: float = schema["exclusiveMinimum"] + step if "exclusiveMinimum" in schema else min(1, most)
    least: float = schema.get("minimum", above)
    return -(-least // step) * step
