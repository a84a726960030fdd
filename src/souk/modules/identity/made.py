"""What identity brings into every process that opens a market."""

from __future__ import annotations

import os

from souk.kernel.assembly import Market
from souk.kernel.config import Settings
from souk.modules.identity.codes import CodeKeys
from souk.modules.identity.doorkeeper import Doorkeeper
from souk.modules.identity.passwords import Hasher, PasswordSettings, hasher_of
from souk.modules.identity.proofs import Links, links_of
from souk.modules.identity.rules import rules_of


def resources(settings: Settings, market: Market) -> dict[type, object]:
    """What operations and jobs take as parameters of these types."""
    rules = rules_of(market)
    return {
        Hasher: hasher_of(settings, PasswordSettings.load(os.environ)),
        Doorkeeper: Doorkeeper(settings, market, rules),
        CodeKeys: CodeKeys(settings, market),
        Links: links_of(settings, market, rules),
    }
