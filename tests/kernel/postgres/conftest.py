"""Homes for embedded servers, and processes that share them."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.plugins.embedded import Other
from tests.plugins.needs import need


@pytest.fixture
def home() -> Iterator[Path]:
    """An empty SOUK_HOME that every user can enter, unlike pytest's own folders."""
    folder = Path(tempfile.mkdtemp(prefix="souk-home-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def other(home: Path) -> Iterator[Callable[..., Other]]:
    """Starts other processes that serve `home`, and ends those that are left."""
    begun: list[Other] = []

    def begin(*command: str, **env: str) -> Other:
        begun.append(Other(home, list(command or (sys.executable,)), env))
        return begun[-1]

    yield begin
    for one in begun:
        one.stop()


@pytest.fixture
def as_root() -> None:
    """For stories with two users: only root can act as both."""
    if os.geteuid() != 0:
        need("root", "run the tests as root")
