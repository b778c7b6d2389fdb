"""Every prediction of an account, its batches and kept pictures, and settings of administrators."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

INSTANT = sa.DateTime(timezone=True)
REASON = "ck_review_item_reason_known"
REASONS = "reason IN ('error', 'suspicious', 'chosen', 'control', 'flagged')"


def upgrade() -> None:
    _batch()
    _prediction()
    _kept_picture()
    _setting()
    if op.get_bind().dialect.name == "sqlite":
        _flagged_on_sqlite()
    else:
        op.drop_constraint(op.f(REASON), "review_item", type_="check")
        op.create_check_constraint(op.f(REASON), "review_item", REASONS)


def _batch() -> None:
    op.create_table(
        "batch",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("account_id", sa.Integer, nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("model", sa.String(200), nullable=False),
        sa.Column("model_sha256", sa.String(64), nullable=False),
        sa.Column("total", sa.Integer, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("started_at", INSTANT, nullable=False),
        sa.Column("touched_at", INSTANT, nullable=False),
        sa.Column("ended_at", INSTANT, nullable=True),
        sa.CheckConstraint(
            "state IN ('running', 'done', 'cancelled', 'failed')",
            name=op.f("ck_batch_state_known"),
        ),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_batch_account_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_batch")),
    )
    op.create_index("ix_batch_account_id_started_at", "batch", ["account_id", "started_at"])


def _prediction() -> None:
    op.create_table(
        "prediction",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("account_id", sa.Integer, nullable=False),
        sa.Column("batch_id", sa.Integer, nullable=True),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("name", sa.String(300), nullable=False),
        sa.Column("image_sha256", sa.String(64), nullable=False),
        sa.Column("model", sa.String(200), nullable=False),
        sa.Column("model_sha256", sa.String(64), nullable=False),
        sa.Column("preprocessing_version", sa.Integer, nullable=False),
        sa.Column("threshold", sa.Double, nullable=False),
        sa.Column("verdict", sa.String(16), nullable=False),
        sa.Column("p_all", sa.Double, nullable=True),
        sa.Column("logit", sa.Double, nullable=True),
        sa.Column("reason", sa.String(1000), nullable=False),
        sa.Column("rung", sa.String(16), nullable=True),
        sa.Column("strangeness", sa.Double, nullable=True),
        sa.Column("subject", sa.String(200), nullable=True),
        sa.Column("flagged_at", INSTANT, nullable=True),
        sa.Column("flag_note", sa.String(500), nullable=False),
        sa.CheckConstraint(
            "verdict IN ('all', 'hem', 'refused')", name=op.f("ck_prediction_verdict_known")
        ),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["account.id"],
            name=op.f("fk_prediction_account_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["batch_id"], ["batch.id"], name=op.f("fk_prediction_batch_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_prediction")),
    )
    for name, columns in {
        "ix_prediction_account_id_at": ["account_id", "at"],
        "ix_prediction_account_id_name": ["account_id", "name"],
        "ix_prediction_account_id_verdict": ["account_id", "verdict", "at"],
        "ix_prediction_account_id_image_sha256": ["account_id", "image_sha256"],
        "ix_prediction_image_sha256": ["image_sha256"],
        "ix_prediction_batch_id": ["batch_id"],
        "ix_prediction_flagged_at": ["flagged_at"],
    }.items():
        op.create_index(op.f(name), "prediction", columns)


def _kept_picture() -> None:
    op.create_table(
        "kept_picture",
        sa.Column("account_id", sa.Integer, nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("size", sa.Integer, nullable=False),
        sa.Column("kept_at", INSTANT, nullable=False),
        sa.Column("kept_until", INSTANT, nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["account.id"],
            name=op.f("fk_kept_picture_account_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("account_id", "sha256", name=op.f("pk_kept_picture")),
    )


def _setting() -> None:
    op.create_table(
        "setting",
        sa.Column("key", sa.String(64), nullable=False),
        sa.Column("value", sa.String(4000), nullable=False),
        sa.Column("changed_by", sa.Integer, nullable=True),
        sa.Column("changed_at", INSTANT, nullable=False),
        sa.ForeignKeyConstraint(
            ["changed_by"], ["account.id"], name=op.f("fk_setting_changed_by"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_setting")),
    )


def _flagged_on_sqlite() -> None:
    """SQLite changes a rule by copying the table, and dropping the old one empties `judgement`.

    That it cascades can't be switched off within a transaction, so judgements wait aside.
    https://sqlite.org/foreignkeys.html#fk_schemacommands
    """
    op.execute("CREATE TEMPORARY TABLE judgement_aside AS SELECT * FROM judgement")
    before = sa.Table(
        "review_item",
        sa.MetaData(),
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("of", sa.String(200), nullable=False),
        sa.Column("image_id", sa.String(300), nullable=False),
        sa.Column("reason", sa.String(16), nullable=False),
        sa.Column("added_by", sa.Integer, nullable=True),
        sa.Column("at", INSTANT, nullable=False),
        sa.CheckConstraint(
            "reason IN ('error', 'suspicious', 'chosen', 'control')", name=op.f(REASON)
        ),
        sa.ForeignKeyConstraint(
            ["added_by"], ["account.id"], name=op.f("fk_review_item_added_by"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_review_item")),
        sa.UniqueConstraint("of", "image_id", name=op.f("uq_review_item_of")),
    )
    with op.batch_alter_table("review_item", copy_from=before) as table:
        table.drop_constraint(op.f(REASON), type_="check")
        table.create_check_constraint(op.f(REASON), REASONS)
    op.execute("INSERT INTO judgement SELECT * FROM judgement_aside")
    op.execute("DROP TABLE judgement_aside")
