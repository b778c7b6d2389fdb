"""Databases and backups of the eight revisions that preceded version 0.1.0.

Version 0.1.0 has one initial revision. The rows of an older database are copied into its tables.
"""

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, MetaData, Table
from sqlalchemy.schema import DropTable

REVISIONS = tuple(f"{number:04}" for number in range(1, 9))
_ROLES_SINCE = "0005"  # revision that separated the reviewer role and introduced the tour


def missing_values(table: str) -> dict[str, Any]:
    """Values of columns that an older revision lacks: the required ones and the tour's."""
    added: dict[str, dict[str, Any]] = {
        "account": {"waiting": False, "toured_at": datetime.now(UTC)},
        "sign_in_attempt": {"address": ""},
    }
    return added.get(table, {})


def convert_roles(connection: Connection, revision: str) -> None:
    """Convert users to reviewers in a revision where every user could review."""
    if revision < _ROLES_SINCE:
        account = sa.table("account", sa.column("role"))
        users = account.c.role == "user"
        connection.execute(sa.update(account).where(users).values(role="reviewer"))


def set_aside(connection: Connection) -> dict[str, list[str]]:
    """Move all rows into temporary tables and drop the others; return the columns of each table."""
    tables = reflected(connection)
    for table in tables.sorted_tables:
        connection.execute(sa.select(table).into(_aside(table.name), temporary=True))
    tables.drop_all(connection)
    return {table.name: table.columns.keys() for table in tables.sorted_tables}


def copy_back(connection: Connection, columns: dict[str, list[str]], revision: str) -> None:
    """Move the rows from the temporary tables into the tables of the initial revision."""
    for table in reflected(connection).sorted_tables:
        if table.name not in columns or table.name == "alembic_version":
            continue
        names = columns[table.name]
        aside = sa.table(_aside(table.name), *(sa.column(name) for name in names))
        added = {k: v for k, v in missing_values(table.name).items() if k not in names}
        values = [sa.literal(value, table.c[name].type) for name, value in added.items()]
        connection.execute(
            sa.insert(table).from_select([*names, *added], sa.select(*aside.c, *values))
        )
        number_on(connection, table)
    for name in columns:
        connection.execute(DropTable(sa.Table(_aside(name), MetaData())))
    convert_roles(connection, revision)


def number_on(connection: Connection, table: Table) -> None:
    """Set PostgreSQL's sequence after the last row."""
    if connection.dialect.name == "postgresql" and "id" in table.columns:
        last = sa.func.max(table.c.id)
        sequence = sa.func.pg_get_serial_sequence(table.name, "id")
        connection.execute(
            sa.select(sa.func.setval(sequence, sa.func.coalesce(last, 1), last.is_not(None)))
        )


def reflected(connection: Connection) -> MetaData:
    """Reflect the existing tables of the database."""
    metadata = MetaData()
    metadata.reflect(connection)
    return metadata


def _aside(table: str) -> str:
    return f"prerelease_{table}"
