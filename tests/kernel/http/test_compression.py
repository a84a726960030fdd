"""Content codings and validators."""

from __future__ import annotations

import gzip
from collections.abc import Callable

import brotli
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from souk.kernel.http.answer import JSON, Answer
from souk.kernel.http.compression import COMPRESS_ABOVE, IN_THREAD_ABOVE, accepts, choose, compressed, etag_of, matches

UNPACK: dict[bytes, Callable[[bytes], bytes]] = {
    b"zstd": zstandard.ZstdDecompressor().decompress,
    b"br": brotli.decompress,
    b"gzip": gzip.decompress,
}


@pytest.mark.parametrize(
    ("accept", "coding"),
    [
        (b"gzip, deflate, br, zstd", "zstd"),
        (b"gzip, br", "br"),
        (b"gzip", "gzip"),
        (b"GZIP;Q=0.5", "gzip"),
        (b"gzip;q=1.0, br;q=0.1", "gzip"),
        (b"*", "zstd"),
        (b"zstd;q=0, *", "br"),
        (b"*;q=0", ""),
        (b"identity", ""),
        (b"identity, gzip;q=0.5", ""),
        (b"identity;q=0.5, gzip", "gzip"),
        (b"gzip;q=nonsense", ""),
        (b"gzip;q=0.000", ""),
        (b"deflate", ""),
        (b"", ""),
        (b"\xff;;,=", ""),
    ],
)
def test_the_coding_is_the_one_the_client_likes_best(accept: bytes, coding: str) -> None:
    assert choose(accept) == coding


@given(st.binary(max_size=50))
def test_no_header_does_more_than_be_ignored(accept: bytes) -> None:
    assert choose(accept) in {"zstd", "br", "gzip", ""}


def test_a_client_reads_what_it_says() -> None:
    assert accepts(b"gzip, br;q=0.1", "br")
    assert not accepts(b"gzip, br;q=0", "br")
    assert not accepts(b"", "br")


@pytest.mark.parametrize("size", [COMPRESS_ABOVE + 1, IN_THREAD_ABOVE + 1])
@pytest.mark.parametrize("coding", [b"zstd", b"br", b"gzip"])
async def test_a_large_answer_is_made_smaller_and_is_the_same_unpacked(size: int, coding: bytes) -> None:
    body = (b'{"title":"Fix my bike"},' * size)[:size]
    answer = Answer(200, [JSON, (b"etag", b'"abc"')], body)
    await compressed(answer, coding)
    assert len(answer.body) < size / 5
    assert UNPACK[coding](answer.body) == body
    assert (b"content-encoding", coding) in answer.headers
    assert (b"etag", b'W/"abc"') in answer.headers


@pytest.mark.parametrize(
    "answer",
    [
        Answer(200, [JSON], b"x" * COMPRESS_ABOVE),
        Answer(200, [(b"content-type", b"image/png")], b"x" * 9999),
        Answer(200, [(b"content-type", b"application/pdf")], b"x" * 9999),
        Answer(200, [JSON, (b"content-encoding", b"br")], b"x" * 9999),
        Answer(200, [], b"x" * 9999),
    ],
    ids=["small", "image", "pdf", "compressed before", "of no type"],
)
async def test_what_would_not_get_smaller_is_left_alone(answer: Answer) -> None:
    body, headers = answer.body, list(answer.headers)
    await compressed(answer, b"gzip")
    assert (answer.body, answer.headers) == (body, headers)


@given(st.binary(max_size=200), st.binary(max_size=200))
def test_equal_bodies_have_equal_tags_and_others_have_others(a: bytes, b: bytes) -> None:
    assert (etag_of(a) == etag_of(b)) is (a == b)
    assert matches(etag_of(a), etag_of(a))


@pytest.mark.parametrize("known", [b'"t"', b'W/"t"', b'"a", "t"', b'"a",W/"t" ', b"*"])
def test_a_tag_the_client_names_is_known_to_it(known: bytes) -> None:
    assert matches(known, b'"t"')


@pytest.mark.parametrize("known", [b"", b'"a"', b"t", b'"tt"', b'"a", "b"'])
def test_a_tag_it_does_not_name_is_not(known: bytes) -> None:
    assert not matches(known, b'"t"')
