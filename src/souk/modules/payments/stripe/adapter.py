"""`Stripe`: the whole provider."""

from __future__ import annotations

from souk.modules.payments.stripe.books import Books
from souk.modules.payments.stripe.customers import Customers
from souk.modules.payments.stripe.disputes import Disputes
from souk.modules.payments.stripe.intents import Intents
from souk.modules.payments.stripe.pages import Pages
from souk.modules.payments.stripe.recipients import Recipients
from souk.modules.payments.stripe.webhooks import Webhooks


class Stripe(Customers, Intents, Disputes, Recipients, Pages, Books, Webhooks):
    """Stripe as a provider of payments. Close it before its event loop ends."""

    name = "stripe"
