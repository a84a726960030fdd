"""The sample market: the smallest whole one. Tests, benchmarks and the walkthrough "add a module" use it."""

from souk.kernel.assembly import Market
from souk.kernel.http.guards import Role
from souk.kernel.live import Live, Namespace, RoomKind, Says, room
from souk.modules import sample

ORDER = RoomKind("order", sample.access_order)

NEW_MESSAGE = Says(
    "new_message",
    sample.MessagePosted,
    to=lambda fact: [room("order", fact.order_id)],
    what=lambda fact: fact.message,
)

LIVE = Live(
    (
        Namespace(path="/", joins={"join_order": ORDER}, leaves={"leave_order": ORDER}, relays={"typing": ORDER}, says=(NEW_MESSAGE,)),
        Namespace(path="/staff", who=sample.STAFF),
    )
)

SAMPLE = Market(
    "sample",
    base="/sample/v1",
    title="Sample: orders and messages",
    roles=(Role("customer", sample.CUSTOMER), Role("provider", sample.PROVIDER), Role("staff", sample.STAFF)),
    modules=(sample.MODULE,),
    live=LIVE,
    # Counted like every market's, but so wide that a benchmark never meets it.
    limit="10000000/1m",
)
