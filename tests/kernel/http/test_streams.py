"""Server-sent events and uploads: what lives longer than a moment."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, MutableMapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from souk.kernel.http.refusals import BodyCutShort, BodyTooLarge, BodyTooSlow, Invalid
from souk.kernel.http.streams import HEARTBEAT, ServerEvent, beating, encode, last_event_id, leaving
from souk.kernel.http.uploads import chunks
from souk.kernel.record import Record


class Moved(Record):
    order_id: int


def test_an_event_is_written_with_its_id_name_and_data() -> None:
    assert encode(ServerEvent(Moved(7), event="order.moved", id="42", retry=2000)) == (
        b'id: 42\nevent: order.moved\nretry: 2000\ndata: {"orderId":7}\n\n'
    )


@given(st.text(), st.text(max_size=20), st.text(max_size=20))
def test_a_client_reads_back_what_was_written_whatever_is_in_it(data: str, name: str, event_id: str) -> None:
    lines = encode(ServerEvent(data, name, event_id)).decode().split("\n")
    assert lines[-2:] == ["", ""]
    read: dict[str, list[str]] = {}
    for line in lines[:-2]:
        field, _, value = line.partition(": ")
        read.setdefault(field, []).append(value)
    assert "\n".join(read["data"]) == data.replace("\r\n", "\n").replace("\r", "\n")
    assert len(read.get("id", [])) <= 1
    assert len(read.get("event", [])) <= 1


class Source:
    """Events that come when the test says so, and a note of whether the source was closed."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[ServerEvent | None] = asyncio.Queue()
        self.closed = False

    async def events(self) -> AsyncIterator[ServerEvent]:
        try:
            while (event := await self.queue.get()) is not None:
                yield event
        finally:
            self.closed = True


async def test_a_quiet_stream_beats_and_then_goes_on() -> None:
    source = Source()
    stream = beating(source.events(), seconds=0.01)
    assert await anext(stream) == HEARTBEAT
    assert await anext(stream) == HEARTBEAT
    source.queue.put_nowait(ServerEvent("late"))
    while (part := await anext(stream)) == HEARTBEAT:
        pass
    assert part == b"data: late\n\n"
    source.queue.put_nowait(None)
    assert [part async for part in stream if part != HEARTBEAT] == []
    assert source.closed


async def test_a_stream_ends_at_once_when_the_client_left_or_the_server_stops() -> None:
    for which in range(2):
        source, stops = Source(), (asyncio.Event(), asyncio.Event())
        stream = beating(source.events(), *stops)
        source.queue.put_nowait(ServerEvent("first"))
        assert await anext(stream) == b"data: first\n\n"
        asyncio.get_running_loop().call_soon(stops[which].set)
        assert [part async for part in stream] == []
        assert source.closed


async def test_what_goes_wrong_in_the_source_is_told_to_whoever_reads() -> None:
    async def broken() -> AsyncIterator[ServerEvent]:
        yield ServerEvent("one")
        raise LookupError("gone")

    stream = beating(broken())
    assert await anext(stream) == b"data: one\n\n"
    with pytest.raises(LookupError):
        await anext(stream)


async def test_a_reader_that_gives_up_closes_the_source() -> None:
    source = Source()
    stream = beating(source.events())
    source.queue.put_nowait(ServerEvent("one"))
    await anext(stream)
    await stream.aclose()  # type: ignore[attr-defined]  # an async generator, whatever it is declared as
    assert source.closed


class Sender:
    """An ASGI `receive` that hands out what the test gives it, then waits for ever."""

    def __init__(self, *messages: MutableMapping[str, Any]) -> None:
        self.messages = list(messages)

    async def __call__(self) -> MutableMapping[str, Any]:
        if self.messages:
            return self.messages.pop(0)
        await asyncio.Event().wait()
        raise AssertionError


def part(body: bytes, *, more: bool = True) -> dict[str, Any]:
    return {"type": "http.request", "body": body, "more_body": more}


async def test_it_is_noticed_when_a_client_leaves() -> None:
    left = asyncio.Event()
    await leaving(Sender(part(b""), {"type": "http.disconnect"}), left)
    assert left.is_set()


@pytest.mark.parametrize(("headers", "found"), [({}, ""), ({b"last-event-id": b"42"}, "42")])
def test_a_client_says_what_it_saw_last(headers: dict[bytes, bytes], found: str) -> None:
    assert last_event_id(headers) == found


@pytest.mark.parametrize("raw", [b"\xff", b"a" * 201, b"a\x00b"])
def test_an_id_that_nobody_gave_out_is_refused(raw: bytes) -> None:
    with pytest.raises(Invalid):
        last_event_id({b"last-event-id": raw})


# Uploads


async def test_an_upload_arrives_piece_by_piece() -> None:
    receive = Sender(part(b"one"), part(b""), part(b"two", more=False))
    assert [piece async for piece in chunks(receive, 6)] == [b"one", b"two"]


async def test_an_upload_without_a_body_is_empty() -> None:
    assert [piece async for piece in chunks(Sender({"type": "http.request"}), 6)] == []


async def test_an_upload_that_says_it_is_too_large_is_refused_before_it_is_read() -> None:
    with pytest.raises(BodyTooLarge, match="at most 6"):
        _ = [piece async for piece in chunks(Sender(), 6, announced=b"7")]


async def test_an_upload_that_turns_out_too_large_is_cut_off() -> None:
    with pytest.raises(BodyTooLarge):
        _ = [piece async for piece in chunks(Sender(part(b"1234"), part(b"567")), 6, announced=b"nonsense")]


async def test_an_upload_that_breaks_off_is_refused() -> None:
    with pytest.raises(BodyCutShort):
        _ = [piece async for piece in chunks(Sender(part(b"1"), {"type": "http.disconnect"}), 6)]


async def test_an_upload_that_falls_silent_is_refused() -> None:
    with pytest.raises(BodyTooSlow):
        _ = [piece async for piece in chunks(Sender(part(b"1")), 6, idle=0.01)]


async def test_an_upload_that_only_trickles_is_refused_though_it_never_falls_silent() -> None:
    async def trickle() -> MutableMapping[str, Any]:
        await asyncio.sleep(0.01)
        return part(b"1")

    with pytest.raises(BodyTooSlow):
        _ = [piece async for piece in chunks(trickle, 10**6, idle=0.05, slowest=10**6)]
