"""Ids: UUIDv7, made by the application, so that rows of one time lie together and a command knows its ids at once."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from uuid_utils.compat import uuid7

new_id: Callable[[], UUID] = uuid7
"""The next id. Ordered by time within a process to the millisecond, unguessable in its last 62 bits."""
