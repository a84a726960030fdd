"""Folders of migrations made up on the spot."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from souk.kernel.migrate import Source

Write = Callable[..., Source]


@pytest.fixture
def source(tmp_path: Path) -> Write:
    """Write a source: `source("shop", "create table …", "alter table …", declared="…")`; again to rewrite it."""

    def write(name: str, *scripts: str, declared: str | None = None) -> Source:
        folder = tmp_path / name / "migrations"
        folder.mkdir(parents=True, exist_ok=True)
        for number, script in enumerate(scripts, start=1):
            (folder / f"{number:04}_step.sql").write_text(script)
        if declared is not None:
            (folder.parent / "schema.sql").write_text(declared)
        return Source(name, folder)

    return write
