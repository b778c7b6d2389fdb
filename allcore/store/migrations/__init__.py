"""Alembic migrations, run by the program itself when it opens a database."""

from pathlib import Path

from sqlalchemy import Connection

from allcore.errors import StoreError

FOLDER = Path(__file__).parent


def upgrade(connection: Connection) -> None:
    """Bring the tables to the newest revision, in the connection's own transaction.

    Raises:
        StoreError: a newer ALLScope has written this database.
    """
    from alembic import command, util
    from alembic.config import Config
    from alembic.migration import MigrationContext
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    config.attributes["connection"] = connection
    head = ScriptDirectory.from_config(config).get_current_head()
    if MigrationContext.configure(connection).get_current_revision() == head:
        return
    try:
        command.upgrade(config, "head")
    except util.CommandError:
        raise StoreError(
            "A newer ALLScope has written this database; update ALLScope, or give it another one."
        ) from None
    connection.commit()
