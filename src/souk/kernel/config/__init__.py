"""Settings: everything the environment decides, read once at start, typed, and refused all at once with the remedy for each.

A variable is declared beside its field, once; the documentation, `souk doctor` and the error messages all read that
declaration. A module with settings of its own declares them the same way, in a Struct derived from `Declared`.
"""

from souk.kernel.config.declare import ConfigError, Declared, Problem, Unreadable, Variable, without_password
from souk.kernel.config.settings import DEVELOPMENT_SECRET, Settings
from souk.kernel.config.values import Secret

__all__ = [
    "DEVELOPMENT_SECRET",
    "ConfigError",
    "Declared",
    "Problem",
    "Secret",
    "Settings",
    "Unreadable",
    "Variable",
    "without_password",
]
