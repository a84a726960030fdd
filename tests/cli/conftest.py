"""A home for the command line's tests."""

from tests.app.running import home

__all__ = ["home"]
