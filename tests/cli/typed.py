"""What a person types."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


def souk(*words: str, home: Path, at: Path | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
    """The command line as a process of its own, in a folder."""
    mine = {name: value for name, value in os.environ.items() if not name.startswith("SOUK_")}
    program = [sys.executable, "-c", "from souk.cli import main; main(prog_name='souk')", *words]
    mine |= {"SOUK_HOME": str(home), "SOUK_PORT": "0", "COLUMNS": "200", **environment}
    return subprocess.run(program, env=mine, cwd=at, capture_output=True, text=True, check=False, timeout=60)
