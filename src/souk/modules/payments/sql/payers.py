"""Statements of who pays, as the provider knows them."""

from __future__ import annotations

from souk.kernel.db import count, many, value
from souk.kernel.record import Record

ADD_PAYER = count("insert into payers (person_id, provider, created_at) values ($1, $2, $3) on conflict do nothing")

CUSTOMER_OF = value(str, "select customer_id from payers where person_id = $1 and provider = $2")

# The first one that is told stays.
SAVE_CUSTOMER = value(
    str, "update payers set customer_id = coalesce(customer_id, $3) where person_id = $1 and provider = $2 returning customer_id"
)

FORGET_PAYER = count("delete from payers where person_id = $1 and provider = $2")


class Known(Record):
    """Who somebody is at a provider."""

    provider: str
    customer_id: str | None


PAYER = many(Known, "select provider, customer_id from payers where person_id = $1 order by provider")
