"""Nothing that is not declared for a reader ever comes out, whatever a market declares and whatever people hide."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from souk.modules import profiles
from souk.modules.profiles.model import Entry, Field, HeldSkill, Item, Kept, Language, Level
from souk.modules.profiles.rules import COUNTED, Audience
from souk.modules.profiles.showing import CARD, Reader, card_of, show, visible, visible_to_all

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
KEPT = Kept(
    id=UUID(int=7),
    first_name="FirstOfAll",
    last_name="LastOfAll",
    roles=("roleword",),
    active=True,
    member_since=datetime(2021, 3, 4, tzinfo=UTC),
    revision=987,
    headline="headlineword",
    bio="bioword",
    avatar="https://example.com/avatarword",
    place="placeword",
    city="cityword",
    country="QX",
    latitude=45.7654,
    longitude=4.8432,
    radius=98765,
    languages=(Language("qya"),),
    skills=(HeldSkill("skillslug", "skillword", Level.EXPERT, 61, verified=True),),
    rate=45678,
    currency="ZZW",
    experience=(Entry("experienceword"),),
    portfolio=(Item(UUID(int=9), "portfolioword", "https://example.com/portfolioword"),),
    social_links={"socialword": "https://example.com/social"},
    availability=profiles.AvailabilityState.BUSY,
    hours_per_week=167,
    available_from=date(2031, 5, 6),
    online_until=NOW + timedelta(hours=1),
    company="companyword",
    industry="industryword",
    about="aboutword",
    rating=4.3219,
    reviews=76543,
    completed=65432,
    hidden=(),
    unlisted=False,
    preferences={"preferenceword": "preferencevalue"},
)
TRACES: dict[Field, tuple[str, ...]] = {
    Field.FIRST_NAME: ("FirstOfAll",),
    Field.LAST_NAME: ("LastOfAll",),
    Field.ROLES: ("roleword",),
    Field.MEMBER_SINCE: ("2021-03-04",),
    Field.HEADLINE: ("headlineword",),
    Field.BIO: ("bioword",),
    Field.AVATAR: ("avatarword",),
    Field.PLACE: ("placeword", "cityword", "QX", "98765"),
    Field.AREA: ('"latitude":45.8,', '"longitude":4.8,'),
    Field.COORDINATES: ("45.7654", "4.8432"),
    Field.LANGUAGES: ("qya",),
    Field.SKILLS: ("skillslug", "skillword", "expert", "61"),
    Field.RATE: ("45678", "ZZW"),
    Field.EXPERIENCE: ("experienceword",),
    Field.PORTFOLIO: ("portfolioword",),
    Field.SOCIAL_LINKS: ("socialword",),
    Field.AVAILABILITY: ("busy", "167", "2031"),
    Field.ONLINE: ('"online":true',),
    Field.COMPANY: ("companyword",),
    Field.INDUSTRY: ("industryword",),
    Field.ABOUT: ("aboutword",),
    Field.RATING: ("4.3219", "76543"),
    Field.COMPLETED: ("65432",),
}
"""What would betray each field in an answer, and stands in no other."""
LADDER = (Audience.PUBLIC, Audience.MEMBERS, Audience.PRIVATE, Audience.STAFF)
REACH = {Reader.STRANGER: 1, Reader.BLOCKED: 1, Reader.MEMBER: 2, Reader.OWNER: 3, Reader.STAFF: 4}
"""How far down the ladder each reader sees: said here a second time, without the module's own code."""

audiences = st.sampled_from(LADDER)
declarations = st.fixed_dictionaries(
    {},
    optional={field: audiences if field in COUNTED else st.sampled_from(LADDER[:3]) for field in Field},
)
hidings = st.sets(st.sampled_from(list(Field))).map(lambda fields: tuple(sorted(field.value for field in fields)))


def test_each_field_has_a_trace_of_its_own() -> None:
    """Guards the properties below against looking for nothing."""
    assert set(TRACES) == set(Field)
    shown = said(show(KEPT, frozenset(Field) - {Field.AREA}, NOW))
    assert all(trace in shown for field in set(Field) - {Field.AREA} for trace in TRACES[field])
    assert all(trace in said(show(KEPT, frozenset({Field.AREA}), NOW)) for trace in TRACES[Field.AREA])


@given(shown=declarations, hidden=hidings, reader=st.sampled_from(list(Reader)))
def test_nothing_comes_out_that_is_not_declared_for_the_reader(
    shown: dict[Field, Audience], hidden: tuple[str, ...], reader: Reader
) -> None:
    rules = profiles.Rules(shown=shown)
    kept = msgspec.structs.replace(KEPT, hidden=hidden)
    answer = said(show(kept, visible(kept, reader, rules), NOW))
    for field in forbidden(rules, hidden, reader):
        assert not [trace for trace in TRACES[field] if trace in answer], (field, answer)
    assert "preferenceword" not in answer


@given(shown=declarations, hidden=hidings)
def test_cards_and_what_is_searched_hold_only_what_everybody_sees(shown: dict[Field, Audience], hidden: tuple[str, ...]) -> None:
    rules = profiles.Rules(shown=shown)
    kept = msgspec.structs.replace(KEPT, hidden=hidden)
    searched = said(show(kept, visible_to_all(kept, rules.public), NOW))
    card = said(card_of(kept, rules.public, NOW))
    for field in forbidden(rules, hidden, Reader.STRANGER):
        assert not [trace for trace in TRACES[field] if trace in searched or trace in card], field
    assert not [trace for field in set(Field) - CARD for trace in TRACES[field] if trace in card]


@given(shown=declarations, hidden=hidings, reader=st.sampled_from([Reader.STRANGER, Reader.BLOCKED, Reader.MEMBER]))
def test_whatever_people_hide_only_takes_away(shown: dict[Field, Audience], hidden: tuple[str, ...], reader: Reader) -> None:
    rules = profiles.Rules(shown=shown)
    assert visible(msgspec.structs.replace(KEPT, hidden=hidden), reader, rules) <= visible(KEPT, reader, rules)


@pytest.mark.parametrize("reader", Reader)
def test_what_is_declared_for_a_reader_does_come_out(reader: Reader) -> None:
    rules = profiles.Rules()
    answer = said(show(KEPT, visible(KEPT, reader, rules), NOW))
    exact = Field.COORDINATES in visible(KEPT, reader, rules)
    allowed = set(Field) - forbidden(rules, (), reader) - ({Field.AREA} if exact else set())
    assert all(trace in answer for field in allowed for trace in TRACES[field])


def test_what_people_write_cannot_be_for_staff_alone() -> None:
    with pytest.raises(TypeError, match="bio cannot be for staff alone"):
        profiles.Rules(shown={Field.BIO: Audience.STAFF})


def forbidden(rules: profiles.Rules, hidden: tuple[str, ...], reader: Reader) -> set[Field]:
    """What must not come out. A point that may be known exactly is known roughly, too."""
    declared = {field for field in Field if LADDER.index(rules.audience(field)) < REACH[reader]}
    if reader is Reader.BLOCKED:
        declared &= CARD
    if reader not in (Reader.OWNER, Reader.STAFF):
        declared -= {Field(name) for name in hidden}
        declared -= {Field.COORDINATES} if "area" in hidden else set()
    return set(Field) - declared


def said(answer: Any) -> str:
    """An answer as it goes out, without ids, which are digits."""
    return msgspec.json.encode(answer).decode().replace(str(UUID(int=7)), "").replace(str(UUID(int=9)), "")
