"""`Site`: what the operations of one market are compiled against. Everything in it is decided at start."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from souk.kernel.db import Database
from souk.kernel.http.cors import Cors
from souk.kernel.http.guards import Role
from souk.kernel.http.limits import Limit, Limiter
from souk.kernel.http.tokens import Tokens


class Site(msgspec.Struct, frozen=True):
    """One market as HTTP sees it."""

    name: str
    base: str
    title: str
    roles: tuple[Role, ...]
    database: Database
    tokens: Tokens
    limiter: Limiter
    member_limit: Limit
    address_limit: Limit
    cors: Cors
    resources: Mapping[type, Any]
