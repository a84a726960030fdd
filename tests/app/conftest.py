"""Running instances, for the tests of this folder."""

from tests.app.running import everything, home, person, pytest_runtest_makereport, start, up
from tests.live.node import node

__all__ = ["everything", "home", "node", "person", "pytest_runtest_makereport", "start", "up"]
