"""Whatever a market declares and a person chooses: what is off stays off, what is due goes out, and nothing is planned twice."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, time

from hypothesis import given
from hypothesis import strategies as st

from souk.kernel.ids import new_id
from souk.modules.identity import Person, PersonStatus
from souk.modules.notify import Channel, Digest, Kind, Service, State, Urgency, Why
from souk.modules.notify.model import Choice, Reach, Target
from souk.modules.notify.telling import planned

NOW = datetime(2027, 6, 10, 21, tzinfo=UTC)
CHANNELS = st.lists(st.sampled_from(Channel), unique=True).map(tuple)


@st.composite
def kinds(draw: st.DrawFn) -> Kind:
    channels = draw(CHANNELS)
    always = draw(st.lists(st.sampled_from(channels), unique=True).map(tuple)) if channels else ()
    digest = Digest("d") if draw(st.booleans()) and Channel.MAIL not in always else None
    by_law = Channel.MAIL in always and draw(st.booleans())
    return Kind("k", "c", channels=channels, always=always, digest=digest, by_law=by_law, urgency=draw(st.sampled_from(Urgency)))


@st.composite
def people(draw: st.DrawFn) -> Person:
    mail, phone = draw(st.booleans()), draw(st.booleans())
    verified = NOW if draw(st.booleans()) else None
    address = "ada@example.com" if mail else None
    status = draw(st.sampled_from([PersonStatus.ACTIVE, PersonStatus.SUSPENDED]))
    names = ("Ada", "Byron", ("client",), status, None, None, "en", "Europe/Paris")
    return Person(new_id(), address, address, "+33612345678" if phone else None, verified, verified, *names, None, None, 0, NOW, None)


CHOICES = st.lists(
    st.builds(Choice, st.sampled_from(["c", "kind:k"]), st.sampled_from(Channel), st.booleans()),
    unique_by=lambda choice: (choice.scope, choice.channel),
).map(tuple)
DEVICES = st.lists(st.builds(Target, st.builds(new_id), st.sampled_from(Service)), max_size=3).map(tuple)
QUIET = st.sampled_from([(None, None), (time(22), time(7)), (time(8), time(9))])


@given(kind=kinds(), person=people(), choices=CHOICES, devices=DEVICES, quiet=QUIET, blocked=st.booleans())
def test_every_plan_keeps_its_promises(  # noqa: PLR0913 - everything that decides
    *,
    kind: Kind,
    person: Person,
    choices: tuple[Choice, ...],
    devices: tuple[Target, ...],
    quiet: tuple[time | None, time | None],
    blocked: bool,
) -> None:
    plan = list(planned(NOW, person, kind, Reach(*quiet, choices, devices, None, 0, None), blocked=blocked))
    assert max(Counter((each.channel, each.device_id) for each in plan).values(), default=1) == 1
    said = {(choice.scope, choice.channel): choice.wanted for choice in choices}
    for each in plan:
        goes = each.state is not State.SUPPRESSED
        wanted = said.get(("kind:k", each.channel), said.get(("c", each.channel), each.channel in kind.channels))
        if goes:
            assert wanted or each.channel in kind.always
            assert not blocked
            assert person.status is PersonStatus.ACTIVE or (kind.by_law and each.channel is Channel.MAIL)
        assert (each.channel in kind.always) <= (each.why is not Why.SWITCHED_OFF)
        if each.state is State.WAITING and quiet[0] == time(22) and each.digest is None:
            assert (each.due_at == NOW) == (kind.urgency is Urgency.URGENT)
    reached = {each.channel for each in plan}
    assert set(kind.channels) <= reached
