"""Five markets' processes, as their contracts say: the language has to be able to say all of it."""

from __future__ import annotations

from typing import Final

from souk.process import Process
from tests.process.markets import go4u, grid, grome, nimmit, tulifo

MARKETS: Final[dict[str, tuple[Process, ...]]] = {
    "tulifo": (tulifo.PROJECT, tulifo.BID, tulifo.BOOKING),
    "nimmit": (nimmit.JOB,),
    "go4u": (go4u.TASK, go4u.DEAL),
    "grome": (grome.BOOKING, grome.VERIFICATION),
    "grid": (grid.DEPLOYMENT, grid.NODE),
}
PROCESSES: Final = [process for processes in MARKETS.values() for process in processes]


def templates(processes: tuple[Process, ...]) -> frozenset[str]:
    """The texts that these processes need."""
    return frozenset(told.template for process in processes for step in process.steps for told in step.tell)
