"""`wrk` as a second witness, where it is installed: the same requests, somebody else's counting."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from bench.load import CONNECTIONS, Call, WrongAnswer

SCRIPT: Final = """
local requests, at = {}, 0
for text in io.open("%s", "rb"):read("*a"):gmatch("([^%%z]+)") do requests[#requests + 1] = text end
request = function()
  at = at %% #requests + 1
  return requests[at]
end
"""


def wrk(port: int, calls: Sequence[Call], seconds: float, *, connections: int = CONNECTIONS) -> float | None:
    """Requests per second by wrk's count, or None where it is not installed. Any status but 2xx ends the run."""
    program = shutil.which("wrk")
    if program is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        requests = Path(folder) / "requests"
        requests.write_bytes(b"\0".join(call.request for call in calls))
        script = Path(folder) / "requests.lua"
        script.write_text(SCRIPT % requests)
        words: list[str | Path] = [
            program,
            "-t1",
            f"-c{connections}",
            f"-d{max(1, round(seconds))}s",
            "-s",
            script,
            f"http://127.0.0.1:{port}",
        ]
        said = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    wrong = re.search(r"Non-2xx or 3xx responses: (\d+)|Socket errors: (.*)", said)
    if wrong is not None:
        raise WrongAnswer(f"wrk: {wrong[0]}")
    rate = re.search(r"Requests/sec:\s+([\d.]+)", said)
    assert rate is not None, said
    return float(rate[1])
