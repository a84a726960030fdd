"""The command line: `souk up`, and what stands behind it, one command at a time."""

from souk.cli import market
from souk.cli.commands import main

__all__ = ["main", "market"]
