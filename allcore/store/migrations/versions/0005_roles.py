"""Four roles of accounts, and when an account was shown the tour.

Up to here every user could judge in Review, which is a role of its own from now on: who was a user
becomes a reviewer and loses nothing. The tour is for new accounts, so those that are there have had
it.
"""

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

INSTANT = sa.DateTime(timezone=True)
RULE = "ck_account_role_known"
BEFORE = "role IN ('user', 'admin')"
ROLES = "role IN ('demo', 'user', 'reviewer', 'admin')"


def upgrade() -> None:
    op.add_column("account", sa.Column("toured_at", INSTANT, nullable=True))
    if op.get_bind().dialect.name == "sqlite":
        _change_the_rule_on_sqlite()
    else:
        op.drop_constraint(op.f(RULE), "account", type_="check")
        op.create_check_constraint(op.f(RULE), "account", ROLES)
    account = sa.table("account", sa.column("role"), sa.column("toured_at", INSTANT))
    op.execute(sa.update(account).values(toured_at=datetime.now(UTC)))
    op.execute(sa.update(account).where(account.c.role == "user").values(role="reviewer"))


def _change_the_rule_on_sqlite() -> None:
    """Change the rule where SQLite keeps it; a copy of the table would empty all that hang on it.

    This is SQLite's own procedure for changes that leave the rows as they are on disk:
    https://sqlite.org/lang_altertable.html#making_other_kinds_of_table_schema_changes
    """
    bind = op.get_bind()
    version = bind.exec_driver_sql("PRAGMA schema_version").scalar_one()
    bind.exec_driver_sql("PRAGMA writable_schema=ON")
    changed = bind.execute(
        sa.text(
            "UPDATE sqlite_master SET sql = replace(sql, :before, :after) "
            "WHERE type = 'table' AND name = 'account' AND instr(sql, :before)"
        ),
        {"before": BEFORE, "after": ROLES},
    )
    bind.exec_driver_sql(f"PRAGMA schema_version={version + 1}")
    bind.exec_driver_sql("PRAGMA writable_schema=OFF")
    if changed.rowcount != 1 or bind.exec_driver_sql("PRAGMA quick_check").scalar_one() != "ok":
        raise RuntimeError("the rule of the table account could not be changed")
