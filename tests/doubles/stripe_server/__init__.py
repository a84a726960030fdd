"""Stripe's protocol over HTTP, around the sandbox's bank, with every parameter judged by the types that the SDK ships."""

from tests.doubles.stripe_server.forms import WrongParameter, checked, nested
from tests.doubles.stripe_server.routes import Route, found, routes
from tests.doubles.stripe_server.server import KEY, Seen, StripeServer

__all__ = ["KEY", "Route", "Seen", "StripeServer", "WrongParameter", "checked", "found", "nested", "routes"]
