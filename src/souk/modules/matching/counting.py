"""Counting words, in a process of its own: fitting a model takes seconds of pure computing, and no request waits for it.

scikit-learn fits the model where it is installed and there are documents enough: it takes seconds to begin, in which few are counted here
by the same formulas. The other process reads what it is asked from its input and ends with it, so it does not outlive the one that
started it.
"""

from __future__ import annotations

import asyncio
import os
import re
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from importlib import import_module
from importlib.util import find_spec
from typing import Any, BinaryIO, Final, TypeVar

import msgspec

from souk.modules.matching.words import Vector, Written, lexicon_of, terms_of, vector_of

HEAD: Final = 4
NICE: Final = 10
"""Requests go first."""
PATIENCE: Final = 10.0
"""Seconds that it has to end in, once nothing is asked any more."""

LARGE: Final = 1_000
"""From so many documents on, scikit-learn is worth its start."""

NO_WORDS: Final = re.compile("empty vocabulary|no terms remain|max_df corresponds")
"""How scikit-learn says that nobody wrote anything, or that every word is too rare or too common."""

T = TypeVar("T")


class Learn(msgspec.Struct, tag=True):
    """Fit a model to the documents that follow, about so many; end them by `Fit`."""

    documents: int
    rare: int
    common: float


class Count(msgspec.Struct, tag=True):
    """These documents belong to what the model is fitted to."""

    documents: Sequence[Written]


class Fit(msgspec.Struct, tag=True):
    """All were told: which words are known from now on?"""


class Know(msgspec.Struct, tag=True):
    """A lexicon that was fitted before, in the order of its numbers."""

    lexicon: list[tuple[str, float]]


class Weigh(msgspec.Struct, tag=True):
    """The vectors of these documents, under the lexicon that was fitted or told."""

    documents: Sequence[Written]


class Fitted(msgspec.Struct):
    """What a fit gave: how many documents there were, and the lexicon in the order of its numbers."""

    documents: int
    lexicon: list[tuple[str, float]]


Asked = Learn | Count | Fit | Know | Weigh
Documents = Iterable[Iterable[str]]
"""The terms of each."""


def fitted_here(documents: Documents, rare: int, common: float) -> Fitted:
    """By the formulas of this module."""
    frequencies: Counter[str] = Counter()
    count = 0
    for terms in documents:
        frequencies.update(set(terms))  # once each, however often it stands there
        count += 1
    return Fitted(count, lexicon_of(frequencies, count, rare=rare, common=common))


def fitted_by_reference(text: Any, documents: Documents, rare: int, common: float) -> Fitted:
    """By scikit-learn, whose part of the program is given; documents pass by one after the other."""
    vectorizer = text.TfidfVectorizer(analyzer=list, min_df=rare, max_df=common, sublinear_tf=True, smooth_idf=True, norm="l2")
    passed = 0

    def passing() -> Iterator[Iterable[str]]:
        nonlocal passed
        for terms in documents:
            passed += 1
            yield terms

    try:
        vectorizer.fit(passing())
    except ValueError as error:
        if NO_WORDS.search(str(error)) is None:
            raise
        return Fitted(passed, [])
    return Fitted(passed, [(str(term), float(idf)) for term, idf in zip(vectorizer.get_feature_names_out(), vectorizer.idf_, strict=True)])


def reference() -> Any:
    """scikit-learn's texts, where the extra `ml` is installed."""
    if find_spec("sklearn") is None:
        return None
    return import_module("sklearn.feature_extraction.text")


class Counting:
    """The other process."""

    def __init__(self, source: BinaryIO, sink: BinaryIO) -> None:
        self._asked: Iterator[Asked] = (ASKED.decode(frame) for frame in frames(source))
        self._sink = sink
        self._lexicon: dict[str, tuple[int, float]] = {}

    def run(self) -> None:
        """Answer what is asked, one after the other."""
        for asked in self._asked:
            match asked:
                case Learn():
                    self._answer(asked.documents)
                    fitted = self._fitted(asked)
                    self._know(fitted.lexicon)
                    self._answer(fitted)
                case Know(lexicon):
                    self._know(lexicon)
                    self._answer(len(lexicon))
                case Weigh(documents):
                    self._answer([vector_of(terms_of(document), self._lexicon) for document in documents])
                case Count() | Fit():
                    raise RuntimeError("documents to be counted follow what they are counted for")

    def _fitted(self, learn: Learn) -> Fitted:
        text = reference() if learn.documents >= LARGE else None
        if text is None:
            return fitted_here(self._told(), learn.rare, learn.common)
        return fitted_by_reference(text, self._told(), learn.rare, learn.common)

    def _told(self) -> Iterator[Iterable[str]]:
        for asked in self._asked:
            if not isinstance(asked, Count):
                return
            for document in asked.documents:
                yield terms_of(document)
            self._answer(len(asked.documents))

    def _know(self, lexicon: list[tuple[str, float]]) -> None:
        self._lexicon = {term: (number, idf) for number, (term, idf) in enumerate(lexicon)}

    def _answer(self, answer: object) -> None:
        self._sink.write(framed(encode(answer)))
        self._sink.flush()


ASKED: Final = msgspec.msgpack.Decoder(Asked)
encode: Final = msgspec.msgpack.encode


def frames(source: BinaryIO) -> Iterator[bytes]:
    """Messages with their length in front, until there are no more."""
    while len(head := source.read(HEAD)) == HEAD:
        yield source.read(int.from_bytes(head, "big"))


def framed(content: bytes) -> bytes:
    """A message with its length in front."""
    return len(content).to_bytes(HEAD, "big") + content


def main() -> None:
    """Be the other process."""
    os.nice(NICE)
    Counting(sys.stdin.buffer, sys.stdout.buffer).run()


class Apart:
    """The other process, as seen by the one that started it."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def learn(self, documents: int, rare: int, common: float) -> None:
        """Begin to fit a model to about so many documents."""
        await self._ask(Learn(documents, rare, common), int)

    async def count(self, documents: Sequence[Written]) -> None:
        """These are some of them."""
        await self._ask(Count(documents), int)

    async def fit(self) -> Fitted:
        """These were all."""
        return await self._ask(Fit(), Fitted)

    async def know(self, lexicon: list[tuple[str, float]]) -> None:
        """Go on with a lexicon that was fitted before."""
        await self._ask(Know(lexicon), int)

    async def weigh(self, documents: Sequence[Written]) -> list[Vector]:
        """The vectors of these."""
        return await self._ask(Weigh(documents), list[Vector])

    async def _ask(self, asked: Asked, kind: type[T]) -> T:
        source, sink = self._process.stdout, self._process.stdin
        if source is None or sink is None:
            raise RuntimeError("the counting process was started without its pipes")
        sink.write(framed(encode(asked)))
        await sink.drain()
        length = int.from_bytes(await source.readexactly(HEAD), "big")
        return msgspec.msgpack.decode(await source.readexactly(length), type=kind)


@asynccontextmanager
async def apart() -> AsyncIterator[Apart]:
    """A process that counts, for the length of a block."""
    words = (sys.executable, "-c", f"from {__name__} import main; main()")
    process = await asyncio.create_subprocess_exec(*words, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE)
    try:
        yield Apart(process)
    finally:
        if process.stdin is not None:
            process.stdin.close()
        try:
            async with asyncio.timeout(PATIENCE):
                await process.wait()
        except (TimeoutError, asyncio.CancelledError):
            process.kill()
            await process.wait()
            raise
