"""What staff see of the market's engine room: jobs that failed for good, to be run again or given up, and how much waits.

A market has it by `modules=(…, admin.MODULE)` and a role with the capacity `admin.STAFF`.
"""

from souk.kernel.assembly import module
from souk.modules.admin import letters, routes
from souk.modules.admin.letters import DeadLetter, DeadLettersQuery, NoSuchDeadLetter, Queue, dead_letters, give_up, queue, run_again
from souk.modules.admin.routes import STAFF

MODULE = module("admin", routes, letters)

__all__ = [
    "MODULE",
    "STAFF",
    "DeadLetter",
    "DeadLettersQuery",
    "NoSuchDeadLetter",
    "Queue",
    "dead_letters",
    "give_up",
    "queue",
    "run_again",
]
