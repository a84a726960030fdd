"""Matching: candidates for requests, by what is written of both and by weighted parts; explained, recorded, replayed.

MATCHING = matching.matches(matching.Pairing(name="workers for projects", candidates=…, requests=…, parts=…))
Market(…, modules=(…, MATCHING))
"""

from souk.modules.matching.declaring import MODULE, matches
from souk.modules.matching.errors import NoSuchRecord, NothingToMatch, WeightsDoNotFit
from souk.modules.matching.finding import matches_for
from souk.modules.matching.model import Match, Matches, Rated, Recorded, Subject, Text
from souk.modules.matching.pairing import Asking, Follows, Pairing, Side
from souk.modules.matching.parts import Filter, OutOfRange, Part, falling, feature, likeness, overlap, part, upto
from souk.modules.matching.recording import read, record, replay
from souk.modules.matching.routes import STAFF

__all__ = [
    "MODULE",
    "STAFF",
    "Asking",
    "Filter",
    "Follows",
    "Match",
    "Matches",
    "NoSuchRecord",
    "NothingToMatch",
    "OutOfRange",
    "Pairing",
    "Part",
    "Rated",
    "Recorded",
    "Side",
    "Subject",
    "Text",
    "WeightsDoNotFit",
    "falling",
    "feature",
    "likeness",
    "matches",
    "matches_for",
    "overlap",
    "part",
    "read",
    "record",
    "replay",
    "upto",
]
