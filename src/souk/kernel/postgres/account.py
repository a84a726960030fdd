"""Which user runs the server. PostgreSQL refuses root, so root hands it to an unprivileged user; others run it themselves."""

from __future__ import annotations

import os
import pwd
import stat
from pathlib import Path
from typing import Final

import msgspec

from souk.kernel.postgres.errors import NotYours, NoUser

CANDIDATES: Final = ("postgres", "nobody", "daemon")


class Account(msgspec.Struct, frozen=True):
    """An unprivileged user."""

    uid: int
    gid: int

    @property
    def name(self) -> str:
        return user_name(self.uid)

    def can_enter(self, path: Path) -> bool:
        """Whether this user may pass through every folder down to `path`, as the permission bits say."""
        return all(self._may_search(folder.stat()) for folder in (path, *path.parents) if folder.is_dir())

    def _may_search(self, found: os.stat_result) -> bool:
        if found.st_uid == self.uid:
            return bool(found.st_mode & stat.S_IXUSR)
        if found.st_gid == self.gid:
            return bool(found.st_mode & stat.S_IXGRP)
        return bool(found.st_mode & stat.S_IXOTH)


def account_for(data: Path) -> Account | None:
    """The user to become for this data: None for oneself. Root becomes the data's owner, or whom the system offers."""
    owner = data.stat() if data.exists() else None
    if os.geteuid() != 0:
        if owner is not None and owner.st_uid != os.geteuid():
            raise NotYours(data, user_name(owner.st_uid), user_name(os.geteuid()))
        return None
    if owner is not None and owner.st_uid != 0:
        return Account(owner.st_uid, owner.st_gid)
    for name in CANDIDATES:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        if entry.pw_uid != 0:
            return Account(entry.pw_uid, entry.pw_gid)
    raise NoUser


def user_name(uid: int) -> str:
    """The user's name, or its number where it has none."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"
