"""Forward-only migrations, a market's schema and role, and the proof that the migrated schema is the declared one."""

from souk.kernel.migrate.errors import CannotProvision, Edited, Failed, MigrationError, Misnamed, OutOfOrder, Unknown
from souk.kernel.migrate.migrate import Applied, migrate, pending, plan
from souk.kernel.migrate.provision import check_market, market_dsn, password, provision, role_name
from souk.kernel.migrate.shape import declare, differences, shape
from souk.kernel.migrate.source import Migration, Source, kernel_sources, migrations_of
from souk.kernel.migrate.temporary import temporary_database

__all__ = [
    "Applied",
    "CannotProvision",
    "Edited",
    "Failed",
    "Migration",
    "MigrationError",
    "Misnamed",
    "OutOfOrder",
    "Source",
    "Unknown",
    "check_market",
    "declare",
    "differences",
    "kernel_sources",
    "market_dsn",
    "migrate",
    "migrations_of",
    "password",
    "pending",
    "plan",
    "provision",
    "role_name",
    "shape",
    "temporary_database",
]
