"""`Target`: what a path leads to. The operation of one market, compiled, with its meter."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from souk.kernel.http.answer import Answer
from souk.kernel.http.operation import Operation
from souk.kernel.http.request import Request
from souk.kernel.http.site import Site
from souk.kernel.telemetry import Meter


class Target(msgspec.Struct, frozen=True):
    """An operation of one market, ready to be called."""

    operation: Operation[..., Any]
    site: Site
    handle: Callable[[Request], Awaitable[Answer]]
    meter: Meter

    @property
    def buffered(self) -> bool:
        """Whether request and answer are small enough to be held whole: everything but streams and uploads."""
        return self.operation.kind in ("json", "webhook")
