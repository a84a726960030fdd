"""What the index asks itself to do later."""

from __future__ import annotations

from uuid import UUID

from souk.kernel.record import Record


class Rebuilding(Record):
    """An index is built anew, from this document on."""

    kind: str
    after: UUID | None = None
