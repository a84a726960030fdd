"""`Record`: the frozen Struct that models, request bodies and answers are made of. snake_case inside, camelCase outside."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, TypeAlias, dataclass_transform

import msgspec

if TYPE_CHECKING:

    @dataclass_transform(frozen_default=True, field_specifiers=(msgspec.field,))
    class RecordType(msgspec.StructMeta):
        """Tells type checkers that what derives from a `Record` is frozen too."""
else:
    RecordType = msgspec.StructMeta


class Record(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True, metaclass=RecordType):
    """An immutable value that HTTP may read and write. Unknown fields are refused."""


Moment: TypeAlias = Annotated[datetime, msgspec.Meta(tz=True)]
"""A point in time as somebody may send it: with its offset from UTC, or it could not be compared with anything."""
