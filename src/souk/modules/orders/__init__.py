"""Orders: processes carried out. A market says what it sells; every step of it is an operation, and what follows from it happens.

SALES = orders.sells(Sold(LESSON, "lessons"))
Market(…, modules=(…, ledger.MODULE, payments.MODULE, SALES.module), rules=(…, SALES.processes))
"""

from souk.modules.orders.kinds import Processes, Sold
from souk.modules.orders.selling import MODULE, Sells, sells

__all__ = ["MODULE", "Processes", "Sells", "Sold", "sells"]
