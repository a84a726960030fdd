"""`souk person add`: how the first staff of an instance come in."""

from __future__ import annotations

import subprocess
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from tests.app.running import Souk, Start, code
from tests.cli.typed import souk
from tests.kernel.http.serving import IN_THE_CLEAR

EMAIL = "grace@example.com"
PASSWORD = "nine slow trains"


@pytest.fixture
def tulifo(start: Start) -> Souk:
    return start("up", SOUK_MARKETS="tulifo", SOUK_ENV="test")


def add(home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return souk("person", "add", *words, home=home, SOUK_ENV="test")


def test_somebody_is_brought_in_chooses_a_password_and_manages_people(home: Path, tulifo: Souk) -> None:
    base = f"{tulifo.address}/tulifo/api"
    done = add(home, "tulifo", EMAIL, "--role", "admin", "--first", "Grace")
    assert done.returncode == 0, done.stderr
    link = done.stdout.strip()
    assert "24 hours" in done.stderr
    with httpx.Client(base_url=base, timeout=30, **IN_THE_CLEAR) as client:
        assert code(client.post("/auth/login", json={"email": EMAIL, "password": PASSWORD})) == "LOGIN_FAILED"
        chosen = {"token": parse_qs(urlsplit(link).query)["token"][0], "password": PASSWORD}
        assert client.post("/auth/reset-password", json=chosen).status_code == 200
        assert code(client.post("/auth/reset-password", json=chosen)) == "LINK_INVALID"
        signed_in = client.post("/auth/login", json={"email": EMAIL, "password": PASSWORD}).json()["data"]
        assert (signed_in["user"]["name"], signed_in["user"]["roles"]) == ("Grace Admin", ["admin"])
        client.headers["Authorization"] = f"Bearer {signed_in['accessToken']}"
        assert client.get("/admin/users").status_code == 200

    again = add(home, "tulifo", EMAIL, "--role", "admin")
    assert (again.returncode, "There is an account" in again.stderr) == (1, True)
    unknown = add(home, "tulifo", "lin@example.com", "--role", "king")
    assert (unknown.returncode, "one of client, worker, admin" in unknown.stderr) == (2, True)


def test_a_market_without_people_takes_nobody(home: Path) -> None:
    done = add(home, "sample", EMAIL, "--role", "staff")
    assert (done.returncode, "keeps no people" in done.stderr) == (2, True)


def test_a_market_that_is_not_migrated_says_what_to_do(home: Path) -> None:
    done = add(home, "tulifo", EMAIL, "--role", "admin")
    assert (done.returncode, "souk migrate" in done.stderr) == (1, True)
