"""Search: ranked, forgiving typos, in several languages, with facets, filters, distance and orders, over whatever a market declares.

SEARCH = search.searches(search.Index("workers", path="/search/workers", shows=WorkerCard, load=load_workers, every=worker_ids, …))
Market(…, modules=(…, SEARCH))
"""

from souk.modules.search.declaring import Choice, Document, Facet, Flag, Follows, Index, Near, Range, Sort
from souk.modules.search.errors import NoSuchIndex
from souk.modules.search.keeping import Indexes, rebuild, refresh
from souk.modules.search.places import Place
from souk.modules.search.postgres import PostgreSQL
from souk.modules.search.searching import MODULE, searches
from souk.modules.search.wanted import After, Around, Engine, Found, Wanted

__all__ = [
    "MODULE",
    "After",
    "Around",
    "Choice",
    "Document",
    "Engine",
    "Facet",
    "Flag",
    "Follows",
    "Found",
    "Index",
    "Indexes",
    "Near",
    "NoSuchIndex",
    "Place",
    "PostgreSQL",
    "Range",
    "Sort",
    "Wanted",
    "rebuild",
    "refresh",
    "searches",
]
