"""The command line: `souk up`, and what stands behind it, one command at a time."""

from souk.cli.commands import main

__all__ = ["main"]
