"""Texts: a file for each kind and language, in a folder of the market, read and tried when the market is declared.

# message_received.en.toml
title = "{{ name }} wrote to you"
body = "{{ text }}"

[mail]                       # optional, as are [push] and [sms]: what is not said differently is said as above
subject = "A message from {{ name }}"
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import jinja2
import msgspec
from jinja2 import StrictUndefined, meta
from jinja2.sandbox import ImmutableSandboxedEnvironment

from souk.modules.notify.kinds import Kind
from souk.modules.notify.model import Channel, Value


def _quoted(value: object) -> str:
    return quote(str(value), safe="")


TEXT: Final = ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=False)
LINK: Final = ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=False, finalize=_quoted)
SAMPLE_ID: Final = "0190163d-8694-739b-aea5-966c26f8ad91"


class BrokenTexts(TypeError):
    """Texts that cannot be used. Lists every problem, so that they are mended at once."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("Texts of notifications are broken:" + "".join(f"\n  - {problem}" for problem in problems))


class Said(msgspec.Struct, frozen=True):
    """A text as it is read on one channel."""

    title: str
    body: str


class Mailed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a mail says differently."""

    subject: str = ""
    text: str = ""


class Pushed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a push says differently."""

    title: str = ""
    body: str = ""


class Texted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an SMS says differently."""

    text: str = ""


class Source(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One file."""

    title: str
    body: str = ""
    mail: Mailed = Mailed()
    push: Pushed = Pushed()
    sms: Texted = Texted()

    def of(self, channel: Channel) -> tuple[str, str]:
        """The title's and the body's source on a channel."""
        match channel:
            case Channel.MAIL:
                return self.mail.subject or self.title, self.mail.text or self.body
            case Channel.PUSH:
                return self.push.title or self.title, self.push.body or self.body
            case Channel.SMS:
                return "", self.sms.text or f"{self.title}\n{self.body}"
            case Channel.IN_APP:
                return self.title, self.body

    def sources(self) -> Iterator[str]:
        """Everything that is written in it."""
        yield from (self.title, self.body, self.mail.subject, self.mail.text, self.push.title, self.push.body, self.sms.text)


class Texts:
    """Every kind's texts in every language."""

    def __init__(self, kinds: Iterable[Kind], folder: Path, languages: Sequence[str]) -> None:
        problems: list[str] = []
        self.languages: Final = tuple(languages)
        self._links: Final = {kind.name: kind.link for kind in kinds}
        self._sources: Final[dict[tuple[str, str], Source]] = {}
        kinds = tuple(kinds)
        problems += _strangers(kinds, folder, self.languages)
        for kind in kinds:
            for language in self.languages:
                source = _read(kind, language, folder / f"{kind.file}.{language}.toml", problems)
                if source is not None:
                    self._sources[kind.name, language] = source
                    problems += _tried(kind, language, source)
        if problems:
            raise BrokenTexts(problems)

    def language(self, asked: str) -> str:
        """The language for whoever asks for `fr-CA`: that, else `fr`, else the market's first."""
        wanted = asked.replace("_", "-")
        return next((each for each in (wanted, wanted.partition("-")[0]) if each in self.languages), self.languages[0])

    def say(self, kind: Kind, channel: Channel, language: str, values: Mapping[str, Value]) -> Said:
        """What a person reads of it on that channel."""
        title, body = self._sources[kind.name, self.language(language)].of(channel)
        return Said(" ".join(_text(title).render(values).split()), _text(body).render(values).strip())

    def link(self, kind: Kind, values: Mapping[str, Value]) -> str | None:
        """Where it leads."""
        source = self._links[kind.name]
        return _link(source).render(values) if source else None


def _strangers(kinds: Sequence[Kind], folder: Path, languages: Sequence[str]) -> Iterator[str]:
    """Files that belong to no kind or language: a slip of the finger, or a kind that was taken away."""
    known = {f"{kind.file}.{language}.toml" for kind in kinds for language in languages}
    for file in sorted(folder.glob("*")):
        if file.name not in known and not file.name.startswith("."):
            near = get_close_matches(file.name, known, 1)
            yield f"{file.name} is of no kind and language here{f': is it {near[0]}?' if near else ''}"


def _read(kind: Kind, language: str, file: Path, problems: list[str]) -> Source | None:
    if not file.exists():
        problems.append(f"{kind.name}: {file.name} is missing in {file.parent.name}/")
        return None
    try:
        source = msgspec.convert(tomllib.loads(file.read_text("utf-8")), Source)
        used = {name for text in source.sources() for name in _names(TEXT, text)} | _names(LINK, kind.link)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError, jinja2.TemplateSyntaxError) as error:
        problems.append(f"{kind.name} in {language}: {error}")
        return None
    wrong = [f"{kind.name} in {language}: {name} is no parameter of it" for name in sorted(used - kind.known)]
    wrong += [f"{kind.name} in {language}: the parameter {name} is used nowhere" for name in kind.parameters if name not in used]
    problems += wrong
    return None if wrong else source


def _tried(kind: Kind, language: str, source: Source) -> Iterator[str]:
    """What is wrong with a text, found by using it."""
    values: dict[str, Value] = {**dict.fromkeys(kind.known, "…"), "count": 2, "others": 1, "about": SAMPLE_ID}
    try:
        for text in source.sources():
            _text(text).render(values)
        if not " ".join(_text(source.title).render(values).split()):
            yield f"{kind.name} in {language}: the title is empty"
        _link(kind.link).render(values)
    except (jinja2.TemplateError, ArithmeticError, TypeError, ValueError) as error:
        yield f"{kind.name} in {language}: {error}"


@cache
def _text(source: str) -> jinja2.Template:
    return TEXT.from_string(source)


@cache
def _link(source: str) -> jinja2.Template:
    return LINK.from_string(source)


@cache
def _names(environment: Any, source: str) -> frozenset[str]:
    """The names that a text takes values from."""
    return frozenset(meta.find_undeclared_variables(environment.parse(source)))
