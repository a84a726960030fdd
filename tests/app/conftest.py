"""Running instances, for the tests of this folder."""

from tests.app.running import everything, home, person, pytest_runtest_makereport, start, up

__all__ = ["everything", "home", "person", "pytest_runtest_makereport", "start", "up"]
