"""The audit log, which only grows, and judgements that outlive the account that gave them."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

INSTANT = sa.DateTime(timezone=True)
REFUSED = "the audit log only grows"
JUDGE = "fk_judgement_account_id"


def upgrade() -> None:
    op.create_table(
        "audit",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("account_id", sa.Integer, nullable=True),
        sa.Column("username", sa.String(64), nullable=False),
        sa.Column("what", sa.String(64), nullable=False),
        sa.Column("target", sa.String(300), nullable=False),
        sa.Column("address", sa.String(200), nullable=False),
        sa.Column("detail", sa.String(4000), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit")),
    )
    op.create_index(op.f("ix_audit_at"), "audit", ["at"])
    op.create_index("ix_audit_username_at", "audit", ["username", "at"])
    op.create_index("ix_audit_what_at", "audit", ["what", "at"])
    if op.get_bind().dialect.name == "sqlite":
        _only_grows_on_sqlite()
        _judgements_stay_on_sqlite()
    else:
        _only_grows_on_postgresql()
        op.alter_column("judgement", "account_id", nullable=True)
        op.drop_constraint(op.f(JUDGE), "judgement", type_="foreignkey")
        op.create_foreign_key(
            op.f(JUDGE), "judgement", "account", ["account_id"], ["id"], ondelete="SET NULL"
        )


def _only_grows_on_sqlite() -> None:
    for change in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER audit_no_{change.lower()} BEFORE {change} ON audit "
            f"BEGIN SELECT RAISE(ABORT, '{REFUSED}'); END"
        )


def _only_grows_on_postgresql() -> None:
    op.execute(
        "CREATE OR REPLACE FUNCTION audit_only_grows() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{REFUSED}'; END $$"
    )
    op.execute(
        "CREATE TRIGGER audit_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON audit "
        "FOR EACH STATEMENT EXECUTE FUNCTION audit_only_grows()"
    )


def _judgements_stay_on_sqlite() -> None:
    """Nothing hangs on a judgement, so a copy of the table loses nothing."""
    before = sa.Table(
        "judgement",
        sa.MetaData(),
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("item_id", sa.Integer, nullable=False),
        sa.Column("account_id", sa.Integer, nullable=False),
        sa.Column("seen", sa.String(16), nullable=False),
        sa.Column("note", sa.String(500), nullable=False),
        sa.Column("given_at", INSTANT, nullable=False),
        sa.Column("changed_at", INSTANT, nullable=True),
        sa.CheckConstraint(
            "seen IN ('all', 'hem', 'unsure', 'bad_picture')", name=op.f("ck_judgement_seen_known")
        ),
        sa.ForeignKeyConstraint(
            ["item_id"], ["review_item.id"], name=op.f("fk_judgement_item_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f(JUDGE), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_judgement")),
        sa.UniqueConstraint("item_id", "account_id", name=op.f("uq_judgement_item_id")),
    )
    with op.batch_alter_table("judgement", copy_from=before) as table:
        table.alter_column("account_id", nullable=True)
        table.drop_constraint(op.f(JUDGE), type_="foreignkey")
        table.create_foreign_key(
            op.f(JUDGE), "account", ["account_id"], ["id"], ondelete="SET NULL"
        )
