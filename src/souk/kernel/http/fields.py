"""`?fields=id,title`: only these fields of the answer, or of each item of the list it is."""

from __future__ import annotations

from typing import Any, Final, get_args, get_origin

import msgspec

from souk.kernel.http.answer import Reply
from souk.kernel.http.paging import BothPage, CursorPage, Page
from souk.kernel.http.parameters import pairs
from souk.kernel.http.refusals import Invalid, Problem
from souk.kernel.http.wording import nearest

Fields = dict[str, msgspec.Raw]

_envelope: Final = msgspec.json.Decoder(Fields)
_data: Final = msgspec.json.Decoder(Fields | list[Fields])
_encode: Final = msgspec.json.Encoder().encode


def select(body: bytes, query: bytes, known: tuple[str, ...] = ()) -> bytes:
    """An encoded answer with only the fields that the query names. `known` are the ones the answer's type has."""
    wanted = [name for key, text in pairs(query) if key == "fields" for name in text.split(",") if name]
    if not wanted:
        return body
    answer = _envelope.decode(body)
    try:
        data = _data.decode(answer["data"])
    except msgspec.ValidationError:
        raise Invalid(fields=[Problem("fields", "cannot be chosen: this answer is not made of fields")]) from None
    items = data if isinstance(data, list) else [data]
    names = known or tuple(dict.fromkeys(name for item in items for name in item))
    unknown = [name for name in wanted if name not in names] if names else []
    if unknown:
        raise Invalid(fields=[Problem("fields", f"{name} is not a field here{nearest(name, list(names))}") for name in unknown])
    chosen = [{name: item[name] for name in wanted if name in item} for item in items]
    answer["data"] = msgspec.Raw(_encode(chosen if isinstance(data, list) else chosen[0]))
    return _encode(answer)


def fields_of(answers: Any) -> tuple[str, ...]:
    """The fields that an operation's return annotation promises: of its Struct, or of the items of its list or page."""
    origin = get_origin(answers)
    while isinstance(origin, type) and issubclass(origin, (list, tuple, Page, CursorPage, BothPage, Reply)):
        answers = get_args(answers)[0]
        origin = get_origin(answers)
    kind = origin or answers
    return kind.__struct_encode_fields__ if isinstance(kind, type) and issubclass(kind, msgspec.Struct) else ()
