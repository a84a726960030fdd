"""The vault: what is stored sealed opens with the right key, for the right purpose, undamaged, and not otherwise."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from souk.kernel.sealing import Unopenable, Vault

OLD, NEW = b"o" * 32, b"n" * 32


@given(st.binary(max_size=300), st.text(max_size=40))
def test_what_was_sealed_opens_again(secret: bytes, purpose: str) -> None:
    vault = Vault({"1": NEW})
    assert vault.open(vault.seal(secret, purpose), purpose) == secret


def test_nothing_of_the_secret_is_seen_and_no_two_seals_are_alike() -> None:
    vault = Vault({"1": NEW})
    one, other = vault.seal(b"the second factor", "totp"), vault.seal(b"the second factor", "totp")
    assert one != other
    assert b"factor" not in one


def test_after_a_rotation_the_old_opens_and_the_new_seals() -> None:
    old = Vault({"2025": OLD}).seal(b"secret", "totp")
    both = Vault({"2026": NEW, "2025": OLD})
    assert both.open(old, "totp") == b"secret"
    assert Vault({"2026": NEW}).open(both.seal(b"secret", "totp"), "totp") == b"secret"
    with pytest.raises(Unopenable, match="SOUK_SECRET_PREVIOUS"):
        Vault({"2026": NEW}).open(old, "totp")


def test_another_key_under_the_same_name_does_not_open() -> None:
    with pytest.raises(Unopenable):
        Vault({"1": OLD}).open(Vault({"1": NEW}).seal(b"secret", "totp"), "totp")


def test_what_was_sealed_for_one_thing_does_not_open_for_another() -> None:
    vault = Vault({"1": NEW})
    with pytest.raises(Unopenable, match="something else"):
        vault.open(vault.seal(b"secret", "totp of Ada"), "totp of Bo")


def test_every_damage_is_noticed() -> None:
    vault = Vault({"key": NEW})
    sealed = vault.seal(b"secret", "totp")
    for at in range(len(sealed)):
        damaged = bytearray(sealed)
        damaged[at] ^= 1
        with pytest.raises(Unopenable):
            vault.open(bytes(damaged), "totp")
    for length in range(len(sealed)):
        with pytest.raises(Unopenable):
            vault.open(sealed[:length], "totp")


@given(st.binary(max_size=60))
def test_nonsense_is_refused_and_breaks_nothing(nonsense: bytes) -> None:
    with pytest.raises(Unopenable):
        Vault({"1": NEW, "": OLD}).open(nonsense, "totp")
