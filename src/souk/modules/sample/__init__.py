"""The sample capability: small orders and the messages about them, with every kind of file that a module has.

Tests, benchmarks and the walkthrough "add a module" are built on it. No real market uses it.
"""

from souk.kernel.assembly import module
from souk.modules.sample import jobs, routes, seed
from souk.modules.sample.commands import access_order
from souk.modules.sample.errors import OrderNotFound
from souk.modules.sample.events import MessagePosted, OrderPlaced
from souk.modules.sample.model import Message, NewMessage, NewOrder, Order, OrderState
from souk.modules.sample.routes import CUSTOMER, PROVIDER, STAFF

MODULE = module("sample", routes, jobs, seed)

__all__ = [
    "CUSTOMER",
    "MODULE",
    "PROVIDER",
    "STAFF",
    "Message",
    "MessagePosted",
    "NewMessage",
    "NewOrder",
    "Order",
    "OrderNotFound",
    "OrderPlaced",
    "OrderState",
    "access_order",
]
