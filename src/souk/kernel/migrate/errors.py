"""Why a market cannot be migrated. Each names the file and says what to do; none of them is a refusal to a client."""

from __future__ import annotations


class MigrationError(Exception):
    """Nothing was changed by the migration that is named."""


class Misnamed(MigrationError):
    """A file of a migrations folder is not part of the sequence."""


class Edited(MigrationError):
    """A file was changed after it had been applied."""

    def __init__(self, file: str, market: str) -> None:
        super().__init__(
            f"{file} was edited after it had been applied to {market}: its checksum differs. "
            "Restore the file as it was and put the change into a new migration with the next number."
        )


class Unknown(MigrationError):
    """The database has had a migration that this code does not have."""

    def __init__(self, file: str, market: str) -> None:
        super().__init__(
            f"{market} has had {file}, which does not exist here. Either this code is older than the database: run the newer "
            "one; or the file was renamed or deleted: restore it."
        )


class OutOfOrder(MigrationError):
    """An older migration appeared after a newer one had been applied."""

    def __init__(self, file: str, latest: str, market: str) -> None:
        super().__init__(f"{file} was never applied to {market}, but {latest} was. Give it the next free number.")


class Failed(MigrationError):
    """The database refused a migration."""

    def __init__(self, file: str, line: int | None, reason: str) -> None:
        where = file if line is None else f"{file}:{line}"
        super().__init__(f"{where}: {reason}. It was rolled back; mend the file and migrate again.")


class CannotProvision(MigrationError):
    """Schema, role or extensions could not be made with the rights at hand."""
