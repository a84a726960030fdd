"""The ledger: money, credits and tokens, in double entry. Everything that has an amount moves here, and only by `post`."""

from souk.kernel.assembly import module
from souk.modules.ledger import jobs, leaving
from souk.modules.ledger.accounts import (
    CRD,
    CREDITS,
    EUR,
    EXCHANGE,
    EXPIRED,
    FEES,
    ISSUED,
    SPENT,
    TFT,
    USD,
    USDC,
    WALLET,
    Account,
    Assets,
    Owner,
    Purpose,
)
from souk.modules.ledger.errors import (
    HoldEnded,
    HoldNotFound,
    IdempotencyConflict,
    InsufficientFunds,
    MoreThanHeld,
    MoreThanMoved,
    NoSuchMovement,
    NotPositive,
    UnknownAsset,
)
from souk.modules.ledger.events import CreditsExpired, HoldExpired
from souk.modules.ledger.explaining import Unexplained, explain
from souk.modules.ledger.model import Line, Lot, OpenHold, Wallet
from souk.modules.ledger.movement import Movement
from souk.modules.ledger.posting import post, refusal
from souk.modules.ledger.reading import as_csv, hold_of, lots, quoted, statement, wallet, wallets
from souk.modules.ledger.sql import Posted
from souk.modules.ledger.verbs import capture, exchange, expire, grant, hold, release, reverse, transfer

MODULE = module("ledger", jobs, leaving)

__all__ = [
    "CRD",
    "CREDITS",
    "EUR",
    "EXCHANGE",
    "EXPIRED",
    "FEES",
    "ISSUED",
    "MODULE",
    "SPENT",
    "TFT",
    "USD",
    "USDC",
    "WALLET",
    "Account",
    "Assets",
    "CreditsExpired",
    "HoldEnded",
    "HoldExpired",
    "HoldNotFound",
    "IdempotencyConflict",
    "InsufficientFunds",
    "Line",
    "Lot",
    "MoreThanHeld",
    "MoreThanMoved",
    "Movement",
    "NoSuchMovement",
    "NotPositive",
    "OpenHold",
    "Owner",
    "Posted",
    "Purpose",
    "Unexplained",
    "UnknownAsset",
    "Wallet",
    "as_csv",
    "capture",
    "exchange",
    "expire",
    "explain",
    "grant",
    "hold",
    "hold_of",
    "lots",
    "post",
    "quoted",
    "refusal",
    "release",
    "reverse",
    "statement",
    "transfer",
    "wallet",
    "wallets",
]
