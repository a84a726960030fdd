"""Making a checkout able to run: what can be said without fetching anything."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PARTS = ("tools", "pyproject.toml", "requirements.lock", "requirements-test.lock")
ABSENT = 'raise ImportError("not in this Python")\n'


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A fresh checkout, as far as the bootstrap looks at it."""
    folder = tmp_path / "checkout"
    folder.mkdir()
    for part in PARTS:
        (shutil.copytree if (ROOT / part).is_dir() else shutil.copy)(ROOT / part, folder / part)
    return folder


def bootstrap(checkout: Path, level: str = "run", **environment: str) -> subprocess.CompletedProcess[str]:
    mine = {"PATH": "/usr/bin:/bin", "HOME": str(checkout.parent), **environment}
    program = [sys.executable, str(checkout / "tools/bootstrap.py"), level]
    return subprocess.run(program, env=mine, capture_output=True, text=True, check=False, timeout=120)


def ask(checkout: Path, expression: str, **environment: str) -> str:
    """What an expression is inside of the bootstrap."""
    mine = {"PATH": "/usr/bin:/bin", "HOME": str(checkout.parent), **environment}
    program = [sys.executable, "-c", f"import bootstrap as b; print({expression})"]
    return subprocess.run(program, env=mine, cwd=checkout / "tools", capture_output=True, text=True, check=True).stdout.strip()


def install_by_hand(checkout: Path, level: str) -> None:
    """Leave what an installation leaves, without one."""
    (checkout / ".venv/bin").mkdir(parents=True)
    (checkout / ".venv/bin/python").symlink_to(sys.executable)
    (checkout / ".venv/souk-stamp").write_text(ask(checkout, f"b.stamp({level!r})", PYTHONDONTWRITEBYTECODE="1") + "\n")


def test_what_is_installed_is_not_installed_again(checkout: Path) -> None:
    install_by_hand(checkout, "run")
    done = bootstrap(checkout)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert not (checkout / ".tools").exists()


def test_what_tests_need_serves_for_running(checkout: Path) -> None:
    install_by_hand(checkout, "test")
    assert bootstrap(checkout).stdout == ""


@pytest.mark.parametrize("part", ["requirements.lock", "pyproject.toml"])
def test_a_changed_declaration_is_installed_anew(checkout: Path, part: str) -> None:
    install_by_hand(checkout, "run")
    (checkout / part).write_text((checkout / part).read_text() + "\n# changed\n")
    assert ask(checkout, "b.ready('run')") == "False"


def test_running_alone_does_not_serve_for_tests(checkout: Path) -> None:
    install_by_hand(checkout, "run")
    assert ask(checkout, "b.ready('test')") == "False"


def lock_a_node_package(checkout: Path) -> None:
    """What the tests of the live channel want besides."""
    for name in ("package.json", "package-lock.json"):
        (checkout / "tests/live" / name).parent.mkdir(parents=True, exist_ok=True)
        (checkout / "tests/live" / name).write_text("{}")


def test_what_cannot_be_had_from_a_node_registry_stops_nothing_else(checkout: Path) -> None:
    install_by_hand(checkout, "test")
    lock_a_node_package(checkout)
    (checkout / ".venv/bin/python").unlink()
    (checkout / ".venv/bin/python").symlink_to("/bin/false")
    done = bootstrap(checkout, "test")
    assert done.returncode == 0
    assert "will skip" in done.stdout
    assert ask(checkout, "b.node_ready()") == "False"


def test_node_packages_are_installed_anew_when_their_lock_changed(checkout: Path) -> None:
    lock_a_node_package(checkout)
    (checkout / ".tools/node").mkdir(parents=True)
    (checkout / ".tools/node/package-lock.json").write_text("{}")
    assert ask(checkout, "b.node_ready()") == "True"
    (checkout / "tests/live/package-lock.json").write_text("{ }")
    assert ask(checkout, "b.node_ready()") == "False"


def test_a_python_without_venv_and_pip_hears_what_to_install(checkout: Path, tmp_path: Path) -> None:
    for name in ("ensurepip", "pip"):
        (tmp_path / "bare" / name).mkdir(parents=True)
        (tmp_path / "bare" / name / "__init__.py").write_text(ABSENT)
    done = bootstrap(checkout, PYTHONPATH=str(tmp_path / "bare"))
    assert done.returncode == 1
    assert "apt-get install python3-venv" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_machine_without_an_index_hears_what_to_configure(checkout: Path) -> None:
    done = bootstrap(checkout, PIP_INDEX_URL="http://127.0.0.1:1/simple", PIP_RETRIES="0", PIP_NO_INDEX="1", PIP_CONFIG_FILE=os.devnull)
    assert done.returncode == 1
    assert "PIP_INDEX_URL" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (checkout / ".venv").exists()


def test_a_folder_that_cannot_be_written_is_named(checkout: Path) -> None:
    (checkout / ".tools").write_text("in the way")
    done = bootstrap(checkout)
    assert done.returncode == 1
    assert "cannot write to" in done.stderr


def test_uv_is_told_of_the_index_that_pip_would_use(checkout: Path, tmp_path: Path) -> None:
    (tmp_path / "pip.conf").write_text("[global]\nindex-url = http://index.test/simple\ncert = /ca.pem\n")
    told = "[b.uv_environment().get(n) for n in ('UV_DEFAULT_INDEX', 'SSL_CERT_FILE', 'UV_PYTHON_DOWNLOADS')]"
    assert ask(checkout, told, PIP_CONFIG_FILE=str(tmp_path / "pip.conf")) == "['http://index.test/simple', '/ca.pem', 'never']"


def test_an_index_of_uvs_own_is_left_alone(checkout: Path) -> None:
    told = "b.uv_environment().get('UV_DEFAULT_INDEX')"
    assert ask(checkout, told, UV_DEFAULT_INDEX="http://mine.test", PIP_INDEX_URL="http://other.test") == "http://mine.test"


def test_an_account_without_a_home_keeps_its_cache_in_the_checkout(checkout: Path) -> None:
    told = "b.uv_environment().get('UV_CACHE_DIR')"
    assert ask(checkout, told, HOME="/dev/null/nowhere") == str(checkout / ".tools/cache")


def test_the_check_of_the_locks_notices_a_new_dependency(checkout: Path) -> None:
    declaration = checkout / "pyproject.toml"
    declaration.write_text(declaration.read_text().replace('"msgspec>=', '"tomli",\n    "msgspec>='))
    done = subprocess.run([sys.executable, checkout / "tools/lock.py", "--check"], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "make lock" in done.stderr
