"""How a run is made: how long, how often, on how much data."""

from __future__ import annotations

from pathlib import Path

import msgspec


class Run(msgspec.Struct, frozen=True):
    """The choices of one run."""

    server: str
    """The administrator's DSN of the PostgreSQL server."""
    home: Path
    """A folder for whatever a server leaves behind."""
    seconds: float
    rounds: int
    rows: int
    large: int
    """How many orders a large market has."""
