"""The sample market: the smallest whole one. Tests, benchmarks and the walkthrough "add a module" use it."""

from souk.kernel.assembly import Market
from souk.kernel.http.guards import Role
from souk.modules import sample

SAMPLE = Market(
    "sample",
    base="/sample/v1",
    title="Sample: orders and messages",
    roles=(Role("customer", sample.CUSTOMER), Role("provider", sample.PROVIDER), Role("staff", sample.STAFF)),
    modules=(sample.MODULE,),
    # Counted like every market's, but so wide that a benchmark never meets it.
    limit="10000000/1m",
)
