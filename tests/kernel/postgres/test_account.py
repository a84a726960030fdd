"""Which user runs the server, and which folders that user may enter."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from souk.kernel.postgres.account import Account, user_name

OWNER, GROUP, STRANGER = os.getuid(), os.getgid(), 54321


@pytest.mark.parametrize(
    ("mode", "uid",    "gid",    "may"),
    [
        (0o700,  OWNER,    STRANGER, True),
        (0o077,  OWNER,    GROUP,    False),
        (0o710,  STRANGER, GROUP,    True),
        (0o707,  STRANGER, GROUP,    False),
        (0o701,  STRANGER, STRANGER, True),
        (0o770,  STRANGER, STRANGER, False),
    ],
)  # fmt: skip
def test_the_permission_that_fits_the_user_best_decides(home: Path, mode: int, uid: int, gid: int, may: bool) -> None:  # noqa: FBT001
    inner = home / "inner"
    inner.mkdir()
    inner.chmod(mode)
    assert Account(uid, gid).can_enter(inner) is may
    inner.chmod(0o700)


def test_one_closed_folder_on_the_way_is_enough(home: Path) -> None:
    (home / "closed" / "open").mkdir(parents=True)
    (home / "closed").chmod(0o700)
    assert not Account(STRANGER, STRANGER).can_enter(home / "closed" / "open")


def test_a_user_without_a_name_is_called_by_the_number() -> None:
    assert user_name(54321) == "user 54321"
