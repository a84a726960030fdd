"""Settings are read once, refused all at once, and never printed with a secret in them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import pytest
from hypothesis import given
from hypothesis import strategies as st

from souk.kernel.config import DEVELOPMENT_SECRET, ConfigError, Declared, Settings, Variable, without_password

LONG = "kT7-qZ0xWm4vB9nR2cY6hJ3dF8gL1sPaEuOi"
OLD = "another-Rather-Long-0ne-of-4-years-ago"


def problems(environ: dict[str, str]) -> dict[str, str]:
    with pytest.raises(ConfigError) as caught:
        Settings.load(environ)
    return {problem.variable: str(problem) for problem in caught.value.problems}


def test_an_empty_environment_is_a_development_instance_with_the_embedded_database() -> None:
    settings = Settings.load({})
    assert (settings.env, settings.home, settings.host, settings.port) == ("development", Path(".souk"), "127.0.0.1", 8000)
    assert (settings.database_url, settings.database_prepared, settings.pool_size) == ("", True, 10)
    assert (settings.markets, settings.log_level, settings.log_json) == ((), "info", False)
    assert (settings.sentry_dsn, settings.otlp_endpoint, settings.secret_previous) == ("", "", ())
    assert settings.secret.text == DEVELOPMENT_SECRET


def test_every_variable_is_read_into_its_type() -> None:
    settings = Settings.load(
        {
            "SOUK_ENV": "Production",
            "SOUK_HOME": "/var/lib/souk",
            "SOUK_HOST": "0.0.0.0",  # noqa: S104 - a value, nothing listens
            "SOUK_PORT": " 9000 ",
            "SOUK_DATABASE_URL": "postgres://souk:p%40ss@db.internal:6432/souk?sslmode=require",
            "SOUK_DATABASE_PREPARED": "off",
            "SOUK_SECRET": LONG,
            "SOUK_MARKETS": "tulifo, grid",
            "SOUK_POOL_SIZE": "20",
            "SOUK_LOG_LEVEL": "WARNING",
            "SOUK_SENTRY_DSN": "https://key@sentry.example.com/1",
            "OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318",
            "PATH": "/usr/bin",
        }
    )
    assert (settings.env, settings.production, settings.home) == ("production", True, Path("/var/lib/souk"))
    assert (settings.port, settings.pool_size, settings.database_prepared) == (9000, 20, False)
    assert (settings.markets, settings.log_level, settings.log_json) == (("tulifo", "grid"), "warning", True)
    assert settings.otlp_endpoint == "http://collector:4318"


def test_a_variable_set_to_nothing_is_not_set() -> None:
    assert Settings.load({"SOUK_PORT": "", "SOUK_LOG_LEVEL": "  "}) == Settings.load({})


def test_everything_that_is_wrong_is_told_at_once_with_its_remedy() -> None:
    found = problems({"SOUK_PORT": "eighty", "SOUK_ENV": "prod", "SOUK_POOL_SIZE": "0", "SOUK_DATABSE_URL": "postgres://x/y"})
    assert found == {
        "SOUK_ENV": "SOUK_ENV is 'prod', which is not a choice; did you mean production?. Set it to development or production or test.",
        "SOUK_PORT": "SOUK_PORT is 'eighty', which is not a whole number. Set it to a whole number from 0 to 65535.",
        "SOUK_POOL_SIZE": "SOUK_POOL_SIZE is 0, which is out of range. Set it to a whole number from 1 to 500.",
        "SOUK_DATABSE_URL": "SOUK_DATABSE_URL is not a setting. Did you mean SOUK_DATABASE_URL? Rename it, or unset it.",
    }


@pytest.mark.parametrize(
    ("variable", "value", "says"),
    [
        ("SOUK_PORT", "65536", "out of range"),
        ("SOUK_PORT", "8_000", "not a whole number"),
        ("SOUK_PORT", "٨٠", "not a whole number"),
        ("SOUK_HOST", "127.0.0.1:80", "the port is SOUK_PORT"),
        ("SOUK_HOST", "http://here", "not a host"),
        ("SOUK_HOME", "a\0b", "NUL"),
        ("SOUK_HOME", "~nobody-of-this-name/souk", "user who is not known"),
        ("SOUK_DATABASE_PREPARED", "maybe", "Set it to on or off"),
        ("SOUK_DATABASE_URL", "mysql://h/d", "begins with mysql://"),
        ("SOUK_DATABASE_URL", "postgres:///d", "names no host"),
        ("SOUK_DATABASE_URL", "postgres://host", "names no database"),
        ("SOUK_DATABASE_URL", "postgres://[::1/d", "is not a URL"),
        ("SOUK_DATABASE_URL", "postgres://u:pa/ss@host/d", "%2F"),
        ("SOUK_MARKETS", "Tulifo", "small letters"),
        ("SOUK_MARKETS", "grid,grid", "names grid twice"),
        ("SOUK_LOG_LEVEL", "warn", "did you mean warning"),
        ("SOUK_LOG_FORMAT", "xml", "auto or json or console"),
        ("SOUK_SENTRY_DSN", "https://sentry.example.com/1", "https://key@"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318", "http://127.0.0.1:4318"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:port", "http://127.0.0.1:4318"),
        ("SOUK_SECRET", "a b:secret", "id:secret"),
        ("SOUK_SECRET_PREVIOUS", "a:one,a:two", "one id to two secrets"),
        ("SOUK_NONSENSE_WITHOUT_A_LIKE", "1", "docs/settings.md"),
    ],
)
def test_a_wrong_value_says_how_to_mend_it(variable: str, value: str, says: str) -> None:
    assert says in problems({variable: value})[variable]


def test_postgres_may_be_a_socket_or_several_hosts() -> None:
    for dsn in ("postgresql:///souk?host=/run/postgresql", "postgres://a:5432,b:5433/souk", "postgres://u@[::1]:5432/souk"):
        assert Settings.load({"SOUK_DATABASE_URL": dsn}).database_url == dsn


def test_variables_of_the_test_suite_are_not_misspelt_settings() -> None:
    assert Settings.load({"SOUK_TEST_DATABASE_URL": "x", "SOUK_BENCH_SECONDS": "3"}) == Settings.load({})


@pytest.mark.parametrize(
    ("secret", "says"),
    [
        ("", "is missing"),
        (DEVELOPMENT_SECRET, "is missing"),
        ("kT7-qZ0x", "too short"),
        ("current:kT7-qZ0x", "too short"),
        ("ab" * 40, "easily guessed"),
        ("please-changeme-please-0123456789-abc", "easily guessed"),
    ],
)
def test_production_refuses_a_secret_that_others_know_or_guess(secret: str, says: str) -> None:
    found = problems({"SOUK_ENV": "production", "SOUK_SECRET": secret})["SOUK_SECRET"]
    assert says in found
    assert "token_urlsafe" in found
    assert not secret or secret.rpartition(":")[2] not in found


def test_production_refuses_a_weak_secret_that_is_still_believed() -> None:
    found = problems({"SOUK_ENV": "production", "SOUK_SECRET": LONG, "SOUK_SECRET_PREVIOUS": DEVELOPMENT_SECRET})
    assert set(found) == {"SOUK_SECRET_PREVIOUS"}


def test_a_purpose_has_a_key_of_its_own_that_stays_the_same() -> None:
    settings = Settings.load({"SOUK_SECRET": LONG})
    assert settings.key("jwt") == Settings.load({"SOUK_SECRET": LONG}).key("jwt")
    assert len({settings.key("jwt"), settings.key("files"), Settings.load({"SOUK_SECRET": OLD}).key("jwt")}) == 3
    assert len(settings.key("jwt")) == 32


@pytest.mark.parametrize("old", [OLD, f"2025:{OLD}"])
def test_a_secret_that_moves_to_the_previous_ones_unchanged_keeps_its_id_and_keys(old: str) -> None:
    before = Settings.load({"SOUK_SECRET": old})
    after = Settings.load({"SOUK_SECRET": LONG, "SOUK_SECRET_PREVIOUS": old})
    assert after.keys("jwt")[before.secret.id] == before.key("jwt")
    assert list(after.keys("jwt")) == [after.secret.id, before.secret.id]
    assert after.key("jwt") == after.keys("jwt")[after.secret.id]


def test_one_id_cannot_stand_for_two_secrets() -> None:
    assert "another id" in problems({"SOUK_SECRET": f"k:{LONG}", "SOUK_SECRET_PREVIOUS": f"k:{OLD}"})["SOUK_SECRET_PREVIOUS"]


def test_nothing_secret_is_ever_printed() -> None:
    settings = Settings.load(
        {
            "SOUK_SECRET": LONG,
            "SOUK_SECRET_PREVIOUS": OLD,
            "SOUK_DATABASE_URL": "postgres://souk:hunter2@db/souk?password=hunter3",
            "SOUK_SENTRY_DSN": "https://hunter4@sentry.example.com/1",
        }
    )
    for text in (repr(settings), str(settings), repr(settings.secret), repr(settings.secret_previous), str(settings.shown())):
        assert not any(secret in text for secret in (LONG, OLD, "hunter"))
    assert "SOUK_DATABASE_URL=postgres://souk:…@db/souk" in repr(settings)


def test_the_settings_say_their_present_values_to_a_person() -> None:
    shown = {variable.name: text for variable, text in Settings.load({"SOUK_MARKETS": "grid,grome"}).shown()}
    assert shown["SOUK_PORT"] == "8000"
    assert shown["SOUK_DATABASE_PREPARED"] == "on"
    assert shown["SOUK_MARKETS"] == "grid,grome"
    assert (shown["SOUK_SECRET"], shown["SOUK_SENTRY_DSN"]) == ("(set)", "(not set)")


def test_a_module_declares_settings_of_its_own_and_they_count_as_known() -> None:
    class Courier(Declared, frozen=True):
        speed: Annotated[str, Variable("SOUK_COURIER_SPEED", "How fast.", str, "slow")]

    try:
        environ = {"SOUK_COURIER_SPEED": "fast"}
        assert Courier.load(environ).speed == "fast"
        assert Settings.load(environ) == Settings.load({})
        assert "SOUK_COURIER_SPEED" in problems({"SOUK_COURIER_SPED": "fast"})["SOUK_COURIER_SPED"]
    finally:
        Declared.kinds.remove(Courier)


def test_only_the_password_of_an_address_is_hidden() -> None:
    assert without_password("postgres://souk@db:5432/souk?sslmode=require") == "postgres://souk@db:5432/souk?sslmode=require"
    assert without_password("relative/folder") == "relative/folder"


@given(st.dictionaries(st.sampled_from([v.name for v in Settings.variables().values()]), st.text(max_size=40)))
def test_whatever_the_environment_holds_it_is_read_or_refused_by_name(environ: dict[str, str]) -> None:
    blamed: set[str] = set()
    try:
        Settings.load(environ)
    except ConfigError as error:
        blamed = {problem.variable for problem in error.problems}
    assert blamed <= set(environ)
