"""`souk market check` and `draw`: processes judged and drawn from their declarations alone, without a database."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import msgspec

from souk.app.choosing import NotThere, chosen_markets, declared_at, spelt
from souk.kernel.assembly import Market
from souk.kernel.config import Settings
from souk.modules import orders
from souk.process import LAWS, Fault, Process, Unlawful, check
from souk.process.draw import draw
from souk.process.matrix import table
from souk.process.together import ALSO, faults_together


class Judged(msgspec.Struct, frozen=True):
    """What was judged, by which laws, and what is wrong with it."""

    what: str
    laws: Sequence[str]
    faults: Sequence[Fault] = ()

    def lines(self) -> Iterator[str]:
        """The judgement for a person."""
        yield self.what
        for law in self.laws:
            broken = [fault.said for fault in self.faults if fault.law == law]
            yield f"  {'✗' if broken else '✓'} {law}"
            yield from (f"      {said}" for said in broken)


def processes_of(market: Market) -> orders.Processes | None:
    """What a market sells by, if it sells something."""
    return next((rule for rule in market.rules if isinstance(rule, orders.Processes)), None)


def judged(settings: Settings, names: Sequence[str]) -> Iterator[Judged]:
    """Judge every process of these markets, of all that are chosen where none is named. Names may be `module:NAME`."""
    if not names:
        for market in chosen_markets(settings):
            yield from _judged(market.name, processes_of(market))
    for name in names:
        try:
            found = _found(settings, name)
        except Unlawful as refused:
            yield Judged(f"{name}: {refused.name} is refused", tuple(dict.fromkeys(fault.law for fault in refused.faults)), refused.faults)
            continue
        if isinstance(found, Process):
            yield _alone(name, found)
        else:
            yield from _judged(name, found)


def _found(settings: Settings, name: str) -> Process | orders.Processes | None:
    """What a name means: a market's processes, or one process that is declared somewhere."""
    if ":" not in name:
        (market,) = chosen_markets(msgspec.structs.replace(settings, markets=(spelt(settings, name),)))
        return processes_of(market)
    found = declared_at(name)
    if isinstance(found, Market):
        return processes_of(found)
    if not isinstance(found, Process):
        raise NotThere(name, f"which is a {type(found).__name__}", "Name a market or a process")
    return found


def _judged(name: str, processes: orders.Processes | None) -> Iterator[Judged]:
    if processes is None:
        return
    for process in processes.every:
        yield _alone(name, process)
    current = [kind.process for kind in processes.current.values()]
    faults = faults_together(current, processes.templates)
    yield Judged(f"{name}: {' and '.join(process.name for process in current)} together", ALSO, faults)


def _alone(name: str, process: Process) -> Judged:
    what = f"{name}: {process.name}, version {process.version}: {len(process.states)} states, {len(process.steps)} steps"
    return Judged(what, tuple(LAWS), check(process))


HOW: Final = {"diagram": draw, "table": table}


def drawn(settings: Settings, name: str, wanted: str, how: str) -> str:
    """One process, or all of a market, as a diagram or a table."""
    found = _found(settings, name)
    known: Mapping[str, Process] = {}
    if isinstance(found, Process):
        known = {found.name: found}
    elif found is not None:
        known = {kind.name: kind.process for kind in found.current.values()}
    if wanted and wanted not in known:
        raise NotThere(name, f"which has no process {wanted}", f"There are: {', '.join(known) or 'none'}")
    return "\n".join(HOW[how](process) for process in known.values() if wanted in {"", process.name})
