"""All tables of version 0.1.0, and the triggers that make the audit log append-only.

The tables are written out, since `allcore.store.models` changes with later revisions.
"""

from functools import partial
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001_initial"
down_revision = None

NAMING = {
    "ix": "ix_%(column_0_label)s",
    "uq": "uq_%(table_name)s_%(column_0_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
}
INSTANT = sa.DateTime(timezone=True)
ROLES = "role IN ('demo', 'user', 'reviewer', 'admin')"
REASONS = "reason IN ('error', 'suspicious', 'chosen', 'control', 'flagged')"
REFUSAL = "the audit log only grows"

metadata = sa.MetaData(naming_convention=NAMING)
optional = sa.Column
required = partial(sa.Column, nullable=False)


def table(name: str, *parts: sa.Column[Any] | sa.Constraint | sa.Index, key: bool = True) -> None:
    """Declare a table, by default with a numeric primary key."""
    number = [sa.Column("id", sa.Integer, primary_key=True)] if key else []
    sa.Table(name, metadata, *number, *parts)


def account(name: str = "account_id", *, index: bool = False) -> sa.Column[Any]:
    """Declare a reference to an account; the row is deleted with it."""
    return required(name, sa.ForeignKey("account.id", ondelete="CASCADE"), index=index)


def former_account(name: str) -> sa.Column[Any]:
    """Declare a reference to an account; the row outlives it."""
    return optional(name, sa.ForeignKey("account.id", ondelete="SET NULL"))


table(
    "account",
    required("username", sa.String(64), unique=True),
    required("display_name", sa.String(100)),
    optional("email", sa.String(254), unique=True),
    optional("password_hash", sa.String(100)),
    required("role", sa.String(16)),
    required("active", sa.Boolean),
    required("waiting", sa.Boolean),
    required("session_version", sa.Integer),
    required("created_at", INSTANT),
    optional("last_sign_in", INSTANT),
    optional("toured_at", INSTANT),
    sa.CheckConstraint("username = lower(username)", name="username_lower"),
    sa.CheckConstraint("email = lower(email)", name="email_lower"),
    sa.CheckConstraint(ROLES, name="role_known"),
)
table(
    "sign_in_attempt",
    required("username", sa.String(64)),
    required("address", sa.String(64)),
    required("at", INSTANT, index=True),
    sa.Index("ix_sign_in_attempt_username_at", "username", "at"),
    sa.Index("ix_sign_in_attempt_address_at", "address", "at"),
)
table(
    "one_time_code",
    required("code_hash", sa.String(64), unique=True),
    required("purpose", sa.String(16)),
    optional("account_id", sa.ForeignKey("account.id", ondelete="CASCADE"), index=True),
    required("created_at", INSTANT),
    required("expires_at", INSTANT),
    optional("used_at", INSTANT),
    sa.CheckConstraint("purpose IN ('setup', 'reset')", name="purpose_known"),
)
table(
    "session",
    required("key_hash", sa.String(64), unique=True),
    account(index=True),
    required("version", sa.Integer),
    required("began_at", INSTANT),
    required("used_at", INSTANT, index=True),
    required("address", sa.String(64)),
    optional("ended_at", INSTANT),
)
table(
    "invitation",
    required("code_hash", sa.String(64), unique=True),
    required("role", sa.String(16)),
    required("note", sa.String(100)),
    former_account("made_by"),
    required("created_at", INSTANT),
    required("expires_at", INSTANT),
    optional("used_at", INSTANT),
    former_account("used_by"),
    sa.CheckConstraint(ROLES, name="role_known"),
)
table(
    "identity",
    required("issuer", sa.String(500)),
    required("subject", sa.String(255)),
    account(index=True),
    required("linked_at", INSTANT),
    required("token_at", INSTANT),
    sa.UniqueConstraint("issuer", "subject"),
)
table(
    "saved_slice",
    account(),
    required("of", sa.String(200)),
    required("name", sa.String(80)),
    required("image_ids", sa.LargeBinary),
    required("created_at", INSTANT),
    sa.UniqueConstraint("account_id", "of", "name"),
)
table(
    "data_set",
    required("name", sa.String(80), unique=True),
    required("path", sa.String(2000), unique=True),
    former_account("added_by"),
    required("added_at", INSTANT),
)
table(
    "review_item",
    required("of", sa.String(200)),
    required("image_id", sa.String(300)),
    required("reason", sa.String(16)),
    former_account("added_by"),
    required("at", INSTANT),
    sa.UniqueConstraint("of", "image_id"),
    sa.CheckConstraint(REASONS, name="reason_known"),
)
table(
    "judgement",
    required("item_id", sa.ForeignKey("review_item.id", ondelete="CASCADE")),
    former_account("account_id"),
    required("seen", sa.String(16)),
    required("note", sa.String(500)),
    required("given_at", INSTANT),
    optional("changed_at", INSTANT),
    sa.UniqueConstraint("item_id", "account_id"),
    sa.CheckConstraint("seen IN ('all', 'hem', 'unsure', 'bad_picture')", name="seen_known"),
)
table(
    "batch",
    account(),
    required("name", sa.String(200)),
    required("model", sa.String(200)),
    required("model_sha256", sa.String(64)),
    required("total", sa.Integer),
    required("state", sa.String(16)),
    required("started_at", INSTANT),
    required("touched_at", INSTANT),
    optional("ended_at", INSTANT),
    sa.CheckConstraint("state IN ('running', 'done', 'cancelled', 'failed')", name="state_known"),
    sa.Index("ix_batch_account_id_started_at", "account_id", "started_at"),
)
table(
    "prediction",
    account(),
    optional("batch_id", sa.ForeignKey("batch.id", ondelete="CASCADE"), index=True),
    required("at", INSTANT),
    required("name", sa.String(300)),
    required("image_sha256", sa.String(64)),
    required("model", sa.String(200)),
    required("model_sha256", sa.String(64)),
    required("preprocessing_version", sa.Integer),
    required("threshold", sa.Double),
    required("verdict", sa.String(16)),
    optional("p_all", sa.Double),
    optional("logit", sa.Double),
    required("reason", sa.String(1000)),
    optional("rung", sa.String(16)),
    optional("strangeness", sa.Double),
    optional("subject", sa.String(200)),
    optional("flagged_at", INSTANT, index=True),
    required("flag_note", sa.String(500)),
    sa.CheckConstraint("verdict IN ('all', 'hem', 'refused')", name="verdict_known"),
    sa.Index("ix_prediction_account_id_at", "account_id", "at"),
    sa.Index("ix_prediction_account_id_name", "account_id", "name"),
    sa.Index("ix_prediction_account_id_verdict", "account_id", "verdict", "at"),
    sa.Index("ix_prediction_account_id_image_sha256", "account_id", "image_sha256"),
    sa.Index("ix_prediction_image_sha256", "image_sha256"),
)
table(
    "kept_picture",
    required("account_id", sa.ForeignKey("account.id", ondelete="CASCADE"), primary_key=True),
    required("sha256", sa.String(64), primary_key=True),
    required("size", sa.Integer),
    required("kept_at", INSTANT),
    required("kept_until", INSTANT),
    key=False,
)
table(
    "setting",
    required("key", sa.String(64), primary_key=True),
    required("value", sa.String(4000)),
    former_account("changed_by"),
    required("changed_at", INSTANT),
    key=False,
)
table(
    "audit",
    required("at", INSTANT, index=True),
    optional("account_id", sa.Integer),
    required("username", sa.String(64)),
    required("what", sa.String(64)),
    required("target", sa.String(300)),
    required("address", sa.String(200)),
    required("detail", sa.String(4000)),
    sa.Index("ix_audit_username_at", "username", "at"),
    sa.Index("ix_audit_what_at", "what", "at"),
)


def upgrade() -> None:
    metadata.create_all(op.get_bind(), checkfirst=False)
    if op.get_bind().dialect.name == "sqlite":
        for change in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER audit_no_{change.lower()} BEFORE {change} ON audit "
                f"BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END"
            )
        return
    op.execute(
        "CREATE OR REPLACE FUNCTION audit_only_grows() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{REFUSAL}'; END $$"
    )
    op.execute(
        "CREATE TRIGGER audit_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON audit "
        "FOR EACH STATEMENT EXECUTE FUNCTION audit_only_grows()"
    )
