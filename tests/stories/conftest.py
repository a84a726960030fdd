"""Running instances, for the tests of this folder."""

from tests.app.running import everything, home, person, start, up

__all__ = ["everything", "home", "person", "start", "up"]
