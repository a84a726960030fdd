"""`docs/profiles.md` tells of every rule and path, and the description of the API is one that answers keep."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import jsonschema_rs
import msgspec
import pytest
from schemathesis.specs.openapi.definitions import OPENAPI_31

import souk
from souk.kernel.http.openapi import describe
from souk.modules import profiles
from souk.modules.profiles.routes import EXAMPLE
from tests.modules.profiles.conftest import ROLES, Village

PAGE = (Path(str(souk.__file__)).parents[2] / "docs" / "profiles.md").read_text()


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    """As a client gets it."""
    found: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(describe("Village", "/test", profiles.MODULE.operations, ROLES)))
    return found


def test_the_page_tells_of_every_rule() -> None:
    told = set(re.findall(r"`(\w+)`", PAGE)) | set(re.findall(r"\((\w+)=\{", PAGE))
    assert {field.name for field in msgspec.structs.fields(profiles.Rules)} - told == set()


def test_the_page_tells_of_what_other_modules_are_handed() -> None:
    called = {name for name in profiles.__all__ if name[0].islower()} - {"key_of", "rules_of"}
    assert {name for name in called if not re.search(rf"`{name}[`(]", PAGE)} == set()


def test_the_document_is_valid_and_its_examples_fit(document: dict[str, Any]) -> None:
    jsonschema_rs.Draft202012Validator(OPENAPI_31).validate(document)
    validator(document, "Changes").validate(EXAMPLE)


async def test_answers_are_as_they_are_described(here: Village, document: dict[str, Any]) -> None:
    ada, bo = await here.worker("ada", **EXAMPLE), await here.worker("bo")
    check = validator(document, "Profile")
    for reader in (None, ada, bo, await here.staff()):
        for person in (ada, bo):
            check.validate(await here.sees(reader, person.id))


def validator(document: dict[str, Any], kind: str) -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator({"$ref": f"#/components/schemas/{kind}", "components": document["components"]})
