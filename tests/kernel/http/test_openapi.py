"""OpenAPI: everything that an operation declares can be read in it, and any tool can read it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from enum import StrEnum
from typing import Annotated, Any, Literal, NewType
from uuid import UUID

import jsonschema_rs
import msgspec
import pytest
from msgspec import Meta
from schemathesis.specs.openapi.definitions import OPENAPI_31

from souk.kernel.db import Tx
from souk.kernel.errors import REFUSALS, Refusal
from souk.kernel.http.answer import Content, Redirect, Reply
from souk.kernel.http.examples import example_of
from souk.kernel.http.guards import ANYONE, MEMBER, Actor, Role, who
from souk.kernel.http.openapi import Undescribed, describe
from souk.kernel.http.operation import Operation, operation
from souk.kernel.http.paging import CursorPage, CursorPaging, Page, Paging
from souk.kernel.http.streams import ServerEvent
from souk.kernel.record import Record

LotId = NewType("LotId", UUID)
SELLER = who("seller")
ROLES = (Role("client"), Role("worker", SELLER), Role("admin", SELLER))


class Phase(StrEnum):
    OPEN = "open"
    CLOSED = "closed"


class Lot(Record):
    """What is sold."""

    id: UUID
    phase: Phase
    start_price: int
    seller: str | None = None


class NewLot(Record):
    start_price: Annotated[int, Meta(ge=1)]
    code: Annotated[str, Meta(pattern="^[A-Z]{3}$", examples=["ABC"])]


class LotsQuery(Paging):
    phase: Phase | None = None
    sort: Literal["newest", "price"] = "newest"
    seller_id: Annotated[UUID | None, Meta(description="Only of this seller.")] = None


class LotTaken(Refusal, status=409, message="Lot {lot} is taken."):
    lot: int


@operation("GET", "/lots", who=ANYONE)
async def lots(tx: Tx, query: LotsQuery) -> Page[Lot]:
    """Lots that are on sale.

    Newest first, unless another order is asked for.
    """
    raise NotImplementedError


@operation("POST", "/lots", who=SELLER, status=201, idempotent=True, dry_run=True, refusals=(LotTaken,))
async def sell(tx: Tx, by: Actor, body: NewLot) -> Reply[Lot]:
    """Put a lot on sale."""
    raise NotImplementedError


@operation("GET", "/lots/{lot_id}", who=MEMBER, example=Lot(UUID(int=1), Phase.CLOSED, 7))
async def lot(tx: Tx, lot_id: LotId) -> Lot:
    """One lot."""
    raise NotImplementedError


@operation("DELETE", "/lots/{lot_id}", who=SELLER, status=204)
async def withdraw(tx: Tx, lot_id: LotId) -> None:
    """Take a lot off sale."""


@operation("GET", "/lots/{lot_id}/bids", who=MEMBER, tags=("bids",))
async def bids(tx: Tx, lot_id: LotId, query: CursorPaging) -> CursorPage[Lot]:
    """The bids on a lot."""
    raise NotImplementedError


@operation("GET", "/lots/{lot_id}/live", kind="stream")
def live(lot_id: LotId) -> AsyncIterator[ServerEvent]:
    """What happens to a lot, as it happens."""
    raise NotImplementedError


@operation("GET", "/lots/{lot_id}/sheet", who=MEMBER)
async def sheet(lot_id: LotId) -> Content:
    """The data sheet."""
    raise NotImplementedError


@operation("GET", "/lots/{lot_id}/photo", who=ANYONE)
async def photo(lot_id: LotId) -> Redirect:
    """The photo."""
    raise NotImplementedError


@operation("PUT", "/lots/{lot_id}/photo", kind="upload")
async def upload(lot_id: LotId, chunks: AsyncIterator[bytes]) -> None:
    """Send the photo."""


@operation("POST", "/hooks/payments", who=ANYONE, kind="webhook")
async def hook(raw: bytes) -> None:
    """The payment provider calls."""


ALL: list[Operation[..., Any]] = [lots, sell, lot, withdraw, bids, live, sheet, photo, upload, hook]


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    """As a client gets it."""
    found: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(describe("Auction", "/auction/v1", ALL, ROLES)))
    return found


def failure_codes(document: dict[str, Any], responses: dict[str, Any], status: str) -> list[str]:
    named = document["components"]["responses"][responses[status]["$ref"].rpartition("/")[2]]
    codes: list[str] = named["content"]["application/json"]["schema"]["allOf"][1]["properties"]["error"]["properties"]["code"]["enum"]
    return codes


def test_the_document_is_valid_openapi(document: dict[str, Any]) -> None:
    jsonschema_rs.Draft202012Validator(OPENAPI_31).validate(document)
    for schema in document["components"]["schemas"].values():
        jsonschema_rs.meta.validate({"$schema": "https://json-schema.org/draft/2020-12/schema", **schema})


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    def look(value: Any) -> None:
        if isinstance(value, dict):
            if "$ref" in value:
                target: Any = document
                for part in value["$ref"].removeprefix("#/").split("/"):
                    target = target[part]
            for inner in value.values():
                look(inner)
        elif isinstance(value, list):
            for inner in value:
                look(inner)

    look(document)


def test_it_is_the_same_every_time() -> None:
    assert describe("Auction", "/auction/v1", ALL, ROLES) == describe("Auction", "/auction/v1", ALL, ROLES)


def test_words_come_from_the_docstring_and_names_are_the_clients(document: dict[str, Any]) -> None:
    listing = document["paths"]["/lots"]["get"]
    assert listing["summary"] == "Lots that are on sale"
    assert listing["description"] == "Newest first, unless another order is asked for."
    assert [p["name"] for p in document["paths"]["/lots/{lotId}"]["get"]["parameters"]] == ["lotId", "fields"]
    assert document["paths"]["/lots/{lotId}/bids"]["get"]["tags"] == ["bids"]


def test_query_parameters_come_with_their_bounds_defaults_and_words(document: dict[str, Any]) -> None:
    parameters = {p["name"]: p for p in document["paths"]["/lots"]["get"]["parameters"]}
    assert parameters["limit"]["schema"] == {"type": "integer", "minimum": 1, "maximum": 100, "default": 20}
    assert parameters["sort"]["schema"]["enum"] == ["newest", "price"]
    assert parameters["sellerId"]["description"] == "Only of this seller."
    assert not any(p["required"] for p in parameters.values() if "required" in p)


def test_an_answer_is_described_in_its_envelope_with_an_example(document: dict[str, Any]) -> None:
    answer = document["paths"]["/lots"]["get"]["responses"]["200"]["content"]["application/json"]
    assert answer["schema"]["required"] == ["success", "data", "pagination"]
    assert answer["example"]["data"][0]["phase"] == "closed"
    assert answer["example"]["pagination"] == {"page": 1, "limit": 1, "total": 1, "totalPages": 1}
    declared = document["paths"]["/lots/{lotId}"]["get"]["responses"]["200"]["content"]["application/json"]
    assert declared["example"]["data"]["startPrice"] == 7


def test_a_body_is_described_with_an_example_that_the_operation_takes(document: dict[str, Any]) -> None:
    content = document["paths"]["/lots"]["post"]["requestBody"]["content"]["application/json"]
    assert content["schema"] == {"$ref": "#/components/schemas/NewLot"}
    assert content["example"] == {"startPrice": 1, "code": "ABC"}


def test_who_may_call_is_told_by_role_and_by_token(document: dict[str, Any]) -> None:
    paths = document["paths"]
    assert paths["/lots"]["get"]["security"] == []
    assert paths["/lots"]["post"]["security"] == [{"bearer": []}]
    assert paths["/lots"]["post"]["x-roles"] == ["admin", "worker"]
    assert paths["/lots/{lotId}"]["get"]["x-roles"] == ["admin", "client", "worker"]


def test_every_refusal_is_listed_under_its_status(document: dict[str, Any]) -> None:
    responses = document["paths"]["/lots"]["post"]["responses"]
    assert failure_codes(document, responses, "409") == ["CONTENDED", "KEY_IN_FLIGHT", "LOT_TAKEN"]
    assert failure_codes(document, responses, "422") == ["INVALID", "KEY_REUSED", "UNSTORABLE"]
    assert failure_codes(document, responses, "403") == ["NOT_ALLOWED", "OUT_OF_SCOPE"]
    assert set(responses) == {"201", "400", "401", "403", "408", "409", "413", "415", "422", "429", "500", "503"}
    reading = document["paths"]["/lots"]["get"]["responses"]
    assert "401" not in reading, "nobody looks at a token there"
    assert "409" not in reading
    assert all(code in REFUSALS for status in reading if status != "200" for code in failure_codes(document, reading, status))


def test_keys_rehearsals_and_field_selection_are_parameters_where_they_work(document: dict[str, Any]) -> None:
    assert [p["name"] for p in document["paths"]["/lots"]["post"]["parameters"]] == ["Idempotency-Key", "dry_run"]
    assert [p["name"] for p in document["paths"]["/lots/{lotId}"]["delete"]["parameters"]] == ["lotId"]


def test_streams_documents_redirects_and_uploads_are_what_they_are(document: dict[str, Any]) -> None:
    paths = document["paths"]
    assert "text/event-stream" in paths["/lots/{lotId}/live"]["get"]["responses"]["200"]["content"]
    assert "*/*" in paths["/lots/{lotId}/sheet"]["get"]["responses"]["200"]["content"]
    assert "Location" in paths["/lots/{lotId}/photo"]["get"]["responses"]["302"]["headers"]
    assert "application/octet-stream" in paths["/lots/{lotId}/photo"]["put"]["requestBody"]["content"]
    assert "content" not in paths["/lots/{lotId}"]["delete"]["responses"]["204"]


def test_an_operation_without_words_is_refused() -> None:
    @operation("GET", "/mute")
    async def mute() -> None:
        raise NotImplementedError

    with pytest.raises(Undescribed, match="docstring"):
        describe("Auction", "/auction/v1", [mute], ROLES)


def test_an_example_that_the_operation_would_refuse_is_refused_with_the_remedy() -> None:
    class Coded(Record):
        code: Annotated[str, Meta(pattern="^[A-Z]{3}$")]

    async def take(body: Coded) -> None:
        """Take it."""

    take.__annotations__ = {"body": Coded, "return": None}
    with pytest.raises(Undescribed, match=r"declare `example=`"):
        describe("Auction", "/auction/v1", [operation("POST", "/codes")(take)], ROLES)
    with pytest.raises(Undescribed, match=r"mend its `example=`"):
        describe("Auction", "/auction/v1", [operation("POST", "/codes", example={"code": "abc"})(take)], ROLES)
    describe("Auction", "/auction/v1", [operation("POST", "/codes", example=Coded("ABC"))(take)], ROLES)


def test_an_answer_is_shown_as_its_module_says_and_nothing_is_shown_that_does_not_fit() -> None:
    class Bidder(Record):
        name: str
        since: int

    async def bidders() -> list[Bidder]:
        """Who bids."""
        return []

    bidders.__annotations__ = {"return": list[Bidder]}
    operations = [operation("GET", "/bidders", example=None)(bidders)]

    def shown(examples: dict[type, Any]) -> Any:
        document = describe("Auction", "/auction/v1", operations, ROLES, examples=examples)
        return document["paths"]["/bidders"]["get"]["responses"]["200"]["content"]["application/json"]["example"]["data"]

    assert shown({}) == [{"name": "text", "since": 1}]
    assert shown({Bidder: {"name": "Ada", "since": 1842}, int: 5}) == [{"name": "Ada", "since": 1842}]
    with pytest.raises(Undescribed, match="Bidder does not fit it"):
        shown({Bidder: {"name": "Ada"}})


def test_operations_of_one_name_have_ids_of_their_own() -> None:
    async def lot() -> int:
        """Another."""
        return 1

    other = operation("GET", "/other", tags=("other",))(lot)
    document = describe("Auction", "/auction/v1", [*ALL, other], ROLES)
    ids = [method["operationId"] for path in document["paths"].values() for method in path.values()]
    assert len(ids) == len(set(ids)) == len(ALL) + 1


@pytest.mark.parametrize(
    "kind",
    [
        tuple[int, str],
        dict[str, Lot],
        bytes,
        Annotated[int, Meta(gt=7, multiple_of=5)],
        Annotated[float, Meta(lt=0)],
        Annotated[int, Meta(le=-3)],
        Annotated[str, Meta(min_length=9, max_length=12)],
        Annotated[str, Meta(max_length=2)],
        Annotated[list[Phase], Meta(min_length=2)],
        Lot | None,
        bool,
        None,
        UUID,
        Any,
    ],
)
def test_an_example_made_from_a_schema_fits_it(kind: Any) -> None:
    (schema,), components = msgspec.json.schema_components([kind], ref_template="#/components/schemas/{name}")
    msgspec.json.decode(msgspec.json.encode(example_of(schema, components)), type=kind)
