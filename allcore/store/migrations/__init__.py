"""Alembic migrations, applied when the database is opened."""

import functools
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from allcore.errors import StoreError
from allcore.store.migrations import prerelease

if TYPE_CHECKING:
    from alembic.config import Config
    from alembic.script import ScriptDirectory

FOLDER = Path(__file__).parent
INITIAL = "0001_initial"


def upgrade(connection: Connection) -> None:
    """Migrate the tables to the newest revision, in the connection's own transaction.

    Raises:
        StoreError: a newer ALLScope has written this database.
    """
    revision = revision_of(connection)
    if revision == newest():
        return
    if revision in prerelease.REVISIONS:
        columns = prerelease.set_aside(connection)
        upgrade_to(connection, INITIAL)
        prerelease.copy_back(connection, columns, revision)
    upgrade_to(connection, "head")
    connection.commit()


def upgrade_to(connection: Connection, revision: str) -> None:
    """Migrate the tables to a revision, and leave the transaction open; errors as of `upgrade`."""
    from alembic import command, util

    config = _config()
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, revision)
    except util.CommandError:
        raise StoreError(
            "A newer ALLScope has written this database; update ALLScope, or give it another one."
        ) from None


def revision_of(connection: Connection) -> str | None:
    """Return the revision of the tables; None where there are none."""
    from alembic.migration import MigrationContext

    return MigrationContext.configure(connection).get_current_revision()


@functools.cache
def newest() -> str | None:
    """Return the revision that this program writes."""
    return _scripts().get_current_head()


def knows(revision: str) -> bool:
    """True if this program can read a revision."""
    return revision in prerelease.REVISIONS or any(
        script.revision == revision for script in _scripts().walk_revisions()
    )


def _config() -> "Config":
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    return config


def _scripts() -> "ScriptDirectory":
    from alembic.script import ScriptDirectory

    return ScriptDirectory.from_config(_config())
