"""Passwords that everybody knows: the common ones that come along, and a file of breached ones where an instance has it."""

from __future__ import annotations

import hashlib
import os
from functools import cache
from pathlib import Path
from typing import BinaryIO, Final

from souk.kernel.config import Unreadable

DIGEST_LENGTH: Final = 40
"""Characters of a SHA-1 in hexadecimal."""


@cache
def well_known() -> frozenset[str]:
    """The thirty thousand most common ones, in small letters. Loaded when first asked for: it takes a tenth of a second."""
    from zxcvbn.frequency_lists import FREQUENCY_LISTS  # type: ignore[import-untyped]  # noqa: PLC0415 - it has no types; and as said

    return frozenset(FREQUENCY_LISTS["passwords"])


def sorted_file(text: str) -> Path | None:
    """The setting's value: a file that can be read, or nothing."""
    if not text:
        return None
    path = Path(text)
    if not (path.is_file() and os.access(path, os.R_OK)):
        raise Unreadable(f"is {text!r}, which is no file that can be read", "Set it to a file of sorted SHA-1 hashes, or leave it empty")
    return path


def in_sorted_file(path: Path, password: str) -> bool:
    """Whether the password's SHA-1 stands in the file, found by halving: the file may have gigabytes.

    Lines are `<40 hexadecimal digits>`, with anything behind them (`:<how often>`), sorted.
    """
    wanted = hashlib.sha1(password.encode("utf-8", "surrogatepass"), usedforsecurity=False).hexdigest().upper().encode()
    with path.open("rb") as lines:
        low, high = 0, lines.seek(0, os.SEEK_END)
        while low < high:
            middle = (low + high) // 2
            start, found = _line_from(lines, middle)
            if not found or found > wanted:
                high = middle
            elif found == wanted:
                return True
            else:
                low = start + DIGEST_LENGTH
    return False


def _line_from(lines: BinaryIO, position: int) -> tuple[int, bytes]:
    """The first line that begins at the position or after it: where, and its hash."""
    lines.seek(max(position - 1, 0))
    if position:
        lines.readline()
    start = lines.tell()
    return start, lines.readline()[:DIGEST_LENGTH].strip().upper()
