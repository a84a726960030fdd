"""Orders: processes carried out. A market says what it sells; every step of it is an operation, and what follows from it happens.

SALES = orders.sells(Sold(LESSON, "lessons"))
Market(…, modules=(…, ledger.MODULE, payments.MODULE, SALES.module), rules=(…, SALES.processes))
"""

from souk.modules.orders.events import Moved, moved_as
from souk.modules.orders.kinds import Processes, Sold
from souk.modules.orders.migrating import Change, Looked, Misfit, NoSuchVersion, look, move
from souk.modules.orders.selling import MODULE, Sells, sells
from souk.modules.orders.simulating import Report, Simulation, WentWrong
from souk.modules.orders.surroundings import Person, Stage
from souk.modules.orders.taking import Desk

__all__ = [
    "MODULE",
    "Change",
    "Desk",
    "Looked",
    "Misfit",
    "Moved",
    "NoSuchVersion",
    "Person",
    "Processes",
    "Report",
    "Sells",
    "Simulation",
    "Sold",
    "Stage",
    "WentWrong",
    "look",
    "move",
    "moved_as",
    "sells",
]
