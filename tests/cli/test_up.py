"""`souk up`, as a person starts and stops it."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx


def test_one_command_serves_and_ctrl_c_ends_it_in_peace(home: Path) -> None:
    mine = {name: value for name, value in os.environ.items() if not name.startswith("SOUK_")}
    mine |= {"SOUK_ENV": "test", "SOUK_HOME": str(home), "SOUK_MARKETS": "sample", "SOUK_PORT": "0"}
    program = [sys.executable, "-c", "from souk.cli import main; main(prog_name='souk')", "up"]
    with (home / "told").open("w") as told, subprocess.Popen(program, env=mine, stdout=subprocess.PIPE, stderr=told, text=True) as up:
        assert up.stdout is not None
        lines = iter(up.stdout.readline, "")
        ready = next((found[1] for line in lines if (found := re.match(r"souk: ready on (\S+)", line))), "")
        assert ready, (home / "told").read_text()
        assert httpx.get(f"{ready}/ready").status_code == 200
        up.send_signal(signal.SIGINT)
        up.stdout.read()
        assert up.wait(timeout=30) == 0
    assert "Traceback" not in (home / "told").read_text()


def test_a_port_that_is_taken_is_said_in_a_line(home: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = str(holder.getsockname()[1])
        mine = {"SOUK_ENV": "test", "SOUK_HOME": str(home), "SOUK_MARKETS": "sample", "SOUK_PORT": port, "PATH": os.environ["PATH"]}
        program = [sys.executable, "-c", "from souk.cli import main; main(prog_name='souk')", "up"]
        done = subprocess.run(program, env=mine, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 3
    assert "SOUK_PORT" in done.stderr
    assert "Traceback" not in done.stderr
