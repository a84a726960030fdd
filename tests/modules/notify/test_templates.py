"""Texts are tried when a market is declared: what is missing, unknown, unused or broken stops the start, all of it at once."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from souk.kernel.assembly import Market
from souk.kernel.config import Settings
from souk.modules import identity, notify
from souk.modules.notify import BrokenTexts, Channel, Kind, notifies
from souk.modules.notify.kinds import Digest
from souk.modules.notify.rules import Notices
from souk.modules.notify.templates import Texts
from tests.modules.notify.club import CLUB, LANGUAGES, TEXTS, MessageWritten

GREETED = Kind("greeted", "social", parameters=("name",), link="/people/{{ about }}")


def written(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        (folder / f"{name.replace('__', '.')}.toml").write_text(text, "utf-8")
    return folder


def faults(folder: Path, *kinds: Kind, languages: tuple[str, ...] = ("en", "fr")) -> str:
    with pytest.raises(BrokenTexts) as broken:
        notifies(*kinds, templates=folder, languages=languages)
    return str(broken.value)


def test_texts_that_are_right_are_taken(tmp_path: Path) -> None:
    folder = written(tmp_path, greeted__en='title = "{{ name }} greets you"', greeted__fr='title = "{{ name }} vous salue"')
    module = notifies(GREETED, templates=folder, languages=("en", "fr"))
    assert module.name == "notify"
    said = Texts([GREETED], folder, ("en", "fr")).say(GREETED, Channel.SMS, "fr-CA", {"name": "Bo"})
    assert said.body == "Bo vous salue"


def test_everything_that_is_wrong_is_said_at_once(tmp_path: Path) -> None:
    other = Kind("other", "social", parameters=("name", "town"))
    folder = written(
        tmp_path,
        greeted__en='title = "{{ nmae }} greets you"',
        other__en='title = "{{ name }}"',
        other__fr='title = "{{ name"\nbody = "{{ town }}"',
        stray__en='title = "x"',
    )
    said = faults(folder, GREETED, other)
    assert "greeted in en: nmae is no parameter of it" in said
    assert "greeted in en: the parameter name is used nowhere" in said
    assert "greeted: greeted.fr.toml is missing" in said
    assert "other in en: the parameter town is used nowhere" in said
    assert "other in fr: " in said
    assert "stray.en.toml is of no kind and language here" in said


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("title = 3", "Expected `str`"),
        ('titel = "x"', "unknown field `titel`"),
        ('body = "{{ name }}"', "missing required field `title`"),
        ('title = "{{ name }}"\n[mial]\nsubject = "x"', "unknown field `mial`"),
        ('title = "{{ name }}', "Illegal character|Unterminated"),
        ('title = "{% if others > 5 %}{{ name }}{% endif %}"', "the title is empty"),
        ('title = "{{ name }} {{ 1 / (count - 2) }}"', "division by zero"),
    ],
)
def test_a_file_that_cannot_be_used_is_named(tmp_path: Path, text: str, fault: str) -> None:
    folder = written(tmp_path, greeted__en=text)
    with pytest.raises(BrokenTexts, match=fault):
        notifies(GREETED, templates=folder)


@pytest.mark.parametrize(
    ("kind", "fault"),
    [
        (Kind("a", "b", on=MessageWritten), "nobody hears of it: say to="),
        (Kind("a", "b", to=lambda _fact: None), "follows from none: say on="),
        (Kind("a", "b", channels=(Channel.IN_APP,), always=(Channel.MAIL,)), "always goes where it does not go"),
        (Kind("a", "b", always=(Channel.MAIL,), digest=Digest("d")), "leave out digest="),
        (Kind("a", "b", by_law=True), "add Channel.MAIL to always="),
        (Kind("a", "b", parameters=("count",)), "calls a parameter count"),
    ],
)
def test_a_kind_that_contradicts_itself_is_refused(tmp_path: Path, kind: Kind, fault: str) -> None:
    assert fault in faults(tmp_path, kind)


def test_two_kinds_of_one_name_are_refused(tmp_path: Path) -> None:
    assert "two kinds are called greeted" in faults(tmp_path, GREETED, GREETED)


def test_values_are_text_and_never_filled_in_again_nor_break_a_title(tmp_path: Path) -> None:
    folder = written(tmp_path, greeted__en='title = "{{ name }} greets you"')
    texts = Texts([GREETED], folder, ("en",))
    said = texts.say(GREETED, Channel.IN_APP, "en", {"name": "{{ 7 * 7 }}\r\nBcc: all@example.com"})
    assert said.title == "{{ 7 * 7 }} Bcc: all@example.com greets you"
    assert texts.link(GREETED, {"about": "../../x?y#z"}) == "/people/..%2F..%2Fx%3Fy%23z"


def test_a_market_that_speaks_more_languages_than_its_texts_does_not_start() -> None:
    rules = tuple(identity.Rules(sign_up=("client",), languages=("en", "de")) if isinstance(r, identity.Rules) else r for r in CLUB.rules)
    market: Market = msgspec.structs.replace(CLUB, rules=rules)
    kinds = {"terms.changed": next(kind for kind in (notify.Kind("terms.changed", "account"),))}
    own = Texts([], TEXTS.parent / "nowhere", LANGUAGES)
    with pytest.raises(BrokenTexts, match=r"speaks de, and notify\.notifies"):
        Notices(kinds, own, Settings.load({}), market)
