"""`Sink`: where finished log lines go. Whole lines, one writer at a time; a reader that is gone never stops the program."""

from __future__ import annotations

import os
import select
import threading
from typing import Final

PATIENCE: Final = 1.0
"""Seconds to wait for a reader that keeps a non-blocking descriptor full."""


class Sink:
    """Writes lines to a file descriptor. What cannot be written is counted."""

    def __init__(self, descriptor: int = 2) -> None:
        self.lost = 0
        """How many writes came to nothing because nobody reads any more."""
        self._descriptor = descriptor
        self._one_at_a_time = threading.Lock()

    def write(self, lines: bytes) -> None:
        """Write everything, or count it as lost."""
        with self._one_at_a_time:
            left = memoryview(lines)
            while left:
                try:
                    left = left[os.write(self._descriptor, left) :]
                except BlockingIOError:
                    if not select.select([], [self._descriptor], [], PATIENCE)[1]:
                        self.lost += 1
                        return
                except OSError:
                    self.lost += 1
                    return
