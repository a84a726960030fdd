"""Payments over HTTP, through the sandbox: each against pgbench on the ledger's part of it, or on the row that it writes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID, uuid4

import asyncpg
import msgspec
import uvloop

from bench.cases.http import NEW_ID, Case, measured
from bench.filled import SECRET, Sample
from bench.limit import SCRIPTS, Argument, Fresh
from bench.load import Call, WrongAnswer, request
from bench.movements import outbox, renewed, replacing, sent
from bench.report import Figure
from bench.run import Run
from bench.server import Server
from bench.till import FEE, MARKET, EscrowReleased, enrich, serving, till
from souk.kernel.config import Settings
from souk.kernel.ids import new_id
from souk.kernel.messages import enqueue
from souk.modules import ledger, payments
from souk.modules.ledger import EUR, FEES, WALLET
from souk.modules.ledger.sql import BALANCES, STATEMENT
from souk.modules.payments.jobs import Arrived, take_in
from souk.modules.payments.sandbox.signing import HEADER, sign
from souk.modules.payments.sql.webhooks import TAKE_IN
from souk.modules.sample.model import person

PEOPLE: Final = 1_000
"""So many, since nobody may pay more often than thirty times in ten minutes."""
AMOUNT: Final = 1_250
LINES: Final = 20
MOST: Final = 1_500
"""A server approves at most so many a second, and takes in three times as many; so does pgbench."""
THRICE: Final = 3
PROXIES: Final = {"SOUK_TRUSTED_PROXIES": "127.0.0.1"}
"""Of webhooks, too, one address may not send many: they say that they come from several."""
WEBHOOK: Final = f"{MARKET.base}/payments/webhook"


def cases(run: Run) -> list[Figure]:
    """What is read, what is paid in and sent back, what is approved, and what the provider tells."""
    found: list[Figure] = []
    with till(run.server, PEOPLE) as made:
        accounts = [WALLET.of(EUR, customer(i)) for i in range(PEOPLE)]
        for _ in range(LINES):
            uvloop.run(enrich(made, accounts))
        with serving(made, run.home, PROXIES) as server:
            tokens = server.tokens("customer", PEOPLE)
            for case in (reading(tokens), listing(tokens), depositing(tokens)):
                found += measured(case, run, made, server)
            found += measured(refunding(made, server), run, made, server)
            found += measured(uvloop.run(releasing(made, tokens, enough(run))), run, made, server)
            found += measured(uvloop.run(hearing(enough(run))), run, made, server)
    return found


def customer(number: int) -> UUID:
    return person(f"customer {number % PEOPLE}")


def enough(run: Run) -> int:
    """How many calls, each of which can be made once, last for all rounds."""
    return round((run.seconds * run.rounds + 1.5) * MOST)


class Written:
    """What a case writes stays; so what was there before counts."""

    def __init__(self, *counts: str) -> None:
        self.counts = counts
        self.before: list[int] = []

    def clean(self, made: Sample) -> None:
        """Count what is there."""
        self.before = [uvloop.run(made.ask(count)) for count in self.counts]

    def verify(self, made: Sample, answers: int) -> None:
        """Everything that was answered is there, and nothing else."""
        for count, before in zip(self.counts, self.before, strict=True):
            there = uvloop.run(made.ask(count))
            if there - before != answers:
                raise WrongAnswer(f"{answers} were acknowledged after {before}, but now it is {there}: {count}")


def tells(**wanted: object) -> Callable[[bytes], bool]:
    """An answer that says so."""

    def check(body: bytes) -> bool:
        data = msgspec.json.decode(body)["data"]
        return all(data[name] == value for name, value in wanted.items())

    return check


# Reading


def reading(tokens: list[str]) -> Case:
    """What somebody has."""
    calls = [Call(request("GET", f"{MARKET.base}/wallet", token=token), b"200", tells(currency="EUR", onHold=0)) for token in tokens]
    arguments: list[list[Argument]] = [[f"{{{WALLET.of(EUR, customer(i)).id}}}", "2026-11-20 12:00:00+00"] for i in range(SCRIPTS)]
    return Case("read a wallet", calls, BALANCES.sql, arguments)


def listing(tokens: list[str]) -> Case:
    """How somebody came to it."""

    def check(body: bytes) -> bool:
        return len(msgspec.json.decode(body)["data"]) == LINES

    calls = [Call(request("GET", f"{MARKET.base}/wallet/statement?limit={LINES}", token=token), b"200", check) for token in tokens]
    arguments: list[list[Argument]] = [[str(WALLET.of(EUR, customer(i)).id), None, LINES + 1] for i in range(SCRIPTS)]
    return Case(f"a statement's page of {LINES}", calls, STATEMENT.sql, arguments)


# Paying in, and sending back


def depositing(tokens: list[str]) -> Case:
    """A deposit by a card, at once. The provider's books are in the same database; its part of the work is not in the limit."""
    body = msgspec.json.encode({"amount": AMOUNT, "method": "pm_card_visa"})
    path = f"{MARKET.base}/wallet/deposits"
    check = tells(status="captured", amount=AMOUNT)
    calls = [Call(request("POST", path, token=token, body=body), b"201", check) for token in tokens]
    statement, arguments = uvloop.run(sent([brought_in(i) for i in range(SCRIPTS)]))
    kept = Written(
        "select count(*) from payments where state = 'captured'",
        "select count(*) from journals where kind = 'payment.captured'",
        "select count(*) from sandbox_objects where kind = 'balance_transaction' and content ->> 'type' = 'charge'",
    )
    return Case("deposit by card, through the sandbox", calls, statement, arguments, books=kept)


def brought_in(number: int) -> tuple[ledger.Movement, payments.PaymentCaptured]:
    """The movement of a deposit, under another name, and its event."""
    about, payer, source = uuid4(), customer(number), payments.clearing("sandbox").of(EUR)
    movement = ledger.transfer(f"payment {about} captured", "till.captured", source, [(WALLET.of(EUR, payer), AMOUNT)], reference=about)
    return movement, payments.PaymentCaptured(about, "deposit", None, payer, None, AMOUNT, 0, "EUR")


def refunding(made: Sample, server: Server) -> Case:
    """Staff send part of a deposit back."""
    staff = server.tokens("staff", 1)[0]
    deposits = uvloop.run(made.ask("select array_agg(id::text) from payments where state = 'captured'"))
    body = msgspec.json.encode({"amount": 1})
    paths = [f"{MARKET.base}/payments/{deposit}/refund" for deposit in deposits]
    calls = [Call(request("POST", path, token=staff, body=body), b"201", tells(status="succeeded", amount=1)) for path in paths]
    statement, arguments = uvloop.run(sent([sent_back(i) for i in range(SCRIPTS)]))
    kept = Written(
        "select count(*) from refunds where state = 'succeeded'",
        "select count(*) from journals where kind = 'payment.refunded'",
        "select count(*) from sandbox_objects where kind = 'balance_transaction' and content ->> 'type' = 'refund'",
        "select sum(refunded) from payments",
    )
    return Case("refund of a part, through the sandbox", calls, statement, arguments, books=kept)


def sent_back(number: int) -> tuple[ledger.Movement, payments.PaymentRefunded]:
    """The movement of a refund, under another name, and its event."""
    about, payer, away = uuid4(), customer(number), payments.clearing("sandbox").of(EUR)
    movement = ledger.transfer(f"refund {about}", "till.refunded", WALLET.of(EUR, payer), [(away, 1)], reference=about)
    return movement, payments.PaymentRefunded(about, new_id(), "deposit", None, payer, None, 1, 0, "EUR")


# Approving


async def releasing(made: Sample, tokens: list[str], many: int) -> Case:
    """Escrow to the payee and the fee to the market, with an event. Each can be released once, here and by pgbench."""
    each = many // SCRIPTS + 1
    raw = await asyncpg.connect(made.admin_dsn)
    try:
        await raw.execute(f"set search_path to {MARKET.name}; set synchronous_commit to off")
        for number in range(SCRIPTS):
            await fill(raw, number, each)
        await raw.execute("create sequence if not exists held; grant usage on sequence held to public")
        await raw.execute("vacuum analyze")
    finally:
        await raw.close()
    calls = [
        Call(request("POST", f"{MARKET.base}/payments/{escrow(number, n)}/release", token=tokens[number]), b"200", tells(status="captured"))
        for n in range(each)
        for number in range(SCRIPTS)
    ]
    holding, spare = uuid4(), f"md5('spare' || nextval('{MARKET.name}.held'))::uuid"
    captures = [
        (
            ledger.capture(f"payment {uuid4()} released", "till.released", holding, shares(number), reference=uuid4()),
            EscrowReleased(uuid4(), customer(number)),
        )
        for number in range(SCRIPTS)
    ]
    statement, arguments = await sent(captures, {str(holding): spare})
    kept = Written(
        "select count(*) from payments where released_by is not null",
        "select count(*) from journals where kind = 'escrow.released'",
        "select count(*) - (select count(*) from journals where kind = 'till.released') from events where topic = 'till.released'",
    )
    return Case("E4 release of escrow with fee, journal and event", calls, statement, arguments, 0.85, kept, once=True)


def shares(number: int) -> list[tuple[ledger.Account, int]]:
    return [(WALLET.of(EUR, customer(number + SCRIPTS)), AMOUNT - FEE), (FEES.of(EUR), FEE)]


def escrow(number: int, n: int) -> UUID:
    """The n-th escrow of a customer."""
    return UUID(bytes=number.to_bytes(8) + n.to_bytes(8))


async def fill(raw: asyncpg.Connection[Any], number: int, each: int) -> None:
    """Escrows that wait for their release; and holds that belong to no payment, for pgbench."""
    payer, payee, source = customer(number), customer(number + SCRIPTS), payments.clearing("sandbox").of(EUR)
    about, now = uuid4(), datetime.now(UTC)
    wallet = WALLET.of(EUR, payer)
    paid = ledger.hold(f"payment {about} captured", "payment.captured", wallet, AMOUNT, funded_by=source, reference=about)
    document = paid.written(now)
    made = "lpad(to_hex($2::int), 16, '0') || lpad(to_hex(n), 16, '0')"
    journal = msgspec.json.decode(document)["id"]
    ids = {str(about): f"({made})::uuid", journal: f"md5('journal' || {made})::uuid", str(paid.hold_id): f"md5('hold' || {made})::uuid"}
    await raw.execute(POSTED.format(replacing(document, ids).expression.format("$1")), document, number, each, timeout=600)
    await raw.execute(ESCROWS.format(made=made), payer, number, each, payee, AMOUNT, FEE, timeout=600)
    spare = ledger.hold(f"order {about} held", "order.held", wallet, AMOUNT)
    document = spare.written(now)
    count = f"$2::int + n * {SCRIPTS} + 1"
    journal = msgspec.json.decode(document)["id"]
    ids = {str(about): NEW_ID, journal: NEW_ID, str(spare.hold_id): f"md5('spare' || {count})::uuid"}
    await raw.execute(POSTED.format(replacing(document, ids).expression.format("$1")), document, number, each * THRICE, timeout=600)


POSTED: Final = "select count(*) from generate_series(0, $3::int - 1) n, lateral ledger_post(({})::jsonb, false)"
ESCROWS: Final = """
insert into payments (id, payer_id, payee_id, kind, reference_id, amount, fee, currency, provider, provider_id, state, escrow, captured,
                      hold_id, held, captured_by, key, calls, created_at, updated_at, captured_at)
select ({made})::uuid, $1, $4, 'order', gen_random_uuid(), $5::int, $6::int, 'EUR', 'sandbox', {made}, 'captured', true, $5::int,
       md5('hold' || {made})::uuid, $5::int, md5('journal' || {made})::uuid, {made}, 2, now(), now(), now()
from generate_series(0, $3::int - 1) n
"""


# Hearing


async def hearing(many: int) -> Case:
    """A webhook, verified and kept, and the job that looks into it."""
    settings = Settings.load({"SOUK_SECRET": SECRET})
    secret = next(iter(settings.keys(f"events of the sandbox of {MARKET.name}").values())).hex()
    calls = []
    for number in range(many * THRICE):
        raw, now = word(f"evt_{uuid4().hex}"), datetime.now(UTC)
        headers = [
            f"{HEADER}: {sign(raw, f'whsec_{secret}', now)}",
            f"X-Forwarded-For: 10.0.{number // 1000 // 250}.{number // 1000 % 250}",
        ]
        calls.append(Call(request("POST", WEBHOOK, body=raw, headers=headers), b"200", lambda _body: True))
    tx, waiting = outbox()
    await enqueue(tx, take_in, Arrived("sandbox", "evt_of_pgbench"))
    unloaded = waiting.unload()
    assert unloaded is not None
    rider = [renewed(str(each)) for each in unloaded[1]]
    row: list[Argument] = [
        *("sandbox", Fresh(f"'evt_' || {NEW_ID}"), "payment_intent.succeeded", "payment_intent", "pi_of_nobody", "{}"),
        *("2026-11-20 12:00:00+00", "2026-11-20 12:00:00+00"),
    ]
    kept = Written("select count(*) from webhook_events", "select count(*) from jobs where name = 'payments.webhook'")
    return Case("webhook taken in, with its job", calls, TAKE_IN.carrying(unloaded[0]).sql, [[*row, *rider]], books=kept, once=True)


def word(event: str) -> bytes:
    """An event about a payment that nobody made here."""
    about = {"id": "pi_of_nobody", "object": "payment_intent", "status": "succeeded", "amount": AMOUNT, "currency": "eur", "metadata": {}}
    content = {"id": event, "object": "event", "type": "payment_intent.succeeded", "created": int(datetime.now(UTC).timestamp())}
    return msgspec.json.encode({**content, "data": {"object": about}, "livemode": False, "pending_webhooks": 1})
