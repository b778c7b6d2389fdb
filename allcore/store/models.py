"""The tables, as typed SQLAlchemy 2 models."""

import dataclasses
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    Copy = TypeVar("Copy", bound=DataclassInstance)

NAMING = {
    "ix": "ix_%(column_0_label)s",
    "uq": "uq_%(table_name)s_%(column_0_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
}
"""Names of constraints, so that a migration can change them on any database."""


class UtcDateTime(sa.TypeDecorator[datetime]):
    """An aware datetime, stored in UTC even where SQLite drops the time zone."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Convert to UTC."""
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Restore the UTC time zone."""
        if value is None:
            return None
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)


class Base(DeclarativeBase):
    """Base of all tables."""

    metadata = sa.MetaData(naming_convention=NAMING)
    type_annotation_map = {datetime: UtcDateTime(), float: sa.Double()}  # noqa: RUF012


OwnerId = Annotated[int, mapped_column(sa.ForeignKey("account.id", ondelete="CASCADE"))]
"""Account of a row that is deleted with it."""
FormerId = Annotated[int | None, mapped_column(sa.ForeignKey("account.id", ondelete="SET NULL"))]
"""Account of a row that outlives it; None where the account was deleted."""


def copy_row(kind: "type[Copy]", row: Base, **changed: Any) -> "Copy":
    """Copy the columns of a row into a dataclass; `changed` are fields that are no columns."""
    names = {field.name for field in dataclasses.fields(kind)} - set(changed)
    return kind(**{name: getattr(row, name) for name in names}, **changed)


class Account(Base):
    """A person's account. Usernames and e-mail addresses are stored in lower case."""

    __tablename__ = "account"
    __table_args__ = (
        sa.CheckConstraint("username = lower(username)", name="username_lower"),
        sa.CheckConstraint("email = lower(email)", name="email_lower"),
        sa.CheckConstraint("role IN ('demo', 'user', 'reviewer', 'admin')", name="role_known"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    username: Mapped[str] = mapped_column(sa.String(64), unique=True)
    display_name: Mapped[str] = mapped_column(sa.String(100))
    email: Mapped[str | None] = mapped_column(sa.String(254), unique=True)
    password_hash: Mapped[str | None] = mapped_column(sa.String(100))
    """None until the first one-time code is redeemed."""
    role: Mapped[str] = mapped_column(sa.String(16))
    active: Mapped[bool] = mapped_column(default=True)
    waiting: Mapped[bool] = mapped_column(default=False)
    """True if the account awaits an administrator's approval."""
    session_version: Mapped[int] = mapped_column(default=1)
    """Incremented to end open sessions; a session of an older version is invalid."""
    created_at: Mapped[datetime]
    last_sign_in: Mapped[datetime | None]
    toured_at: Mapped[datetime | None]
    """Time at which the tour was shown; None where it has not been."""


class SignInAttempt(Base):
    """A failed sign-in attempt."""

    __tablename__ = "sign_in_attempt"
    __table_args__ = (
        sa.Index("ix_sign_in_attempt_username_at", "username", "at"),
        sa.Index("ix_sign_in_attempt_address_at", "address", "at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    name_hash: Mapped[str] = mapped_column("username", sa.String(64))
    """Hash of the typed name; empty for an attempt to register under a taken name."""
    address: Mapped[str] = mapped_column(sa.String(64))  # of the browser; empty where unknown
    at: Mapped[datetime] = mapped_column(index=True)


class OneTimeCode(Base):
    """A single-use code for the setup of the first administrator, or for a password reset."""

    __tablename__ = "one_time_code"
    __table_args__ = (sa.CheckConstraint("purpose IN ('setup', 'reset')", name="purpose_known"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    code_hash: Mapped[str] = mapped_column(sa.String(64), unique=True)
    purpose: Mapped[str] = mapped_column(sa.String(16))
    account_id: Mapped[OwnerId | None] = mapped_column(index=True)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class SessionRow(Base):
    """A signed-in session, open until it is ended or expires."""

    __tablename__ = "session"

    id: Mapped[int] = mapped_column(primary_key=True)
    key_hash: Mapped[str] = mapped_column(sa.String(64), unique=True)
    account_id: Mapped[OwnerId] = mapped_column(index=True)
    version: Mapped[int]
    """The account's session version at sign-in; the session is invalid once they differ."""
    began_at: Mapped[datetime]
    used_at: Mapped[datetime] = mapped_column(index=True)  # last use, accurate to a few minutes
    address: Mapped[str] = mapped_column(sa.String(64))
    ended_at: Mapped[datetime | None]


class InvitationRow(Base):
    """A single-use invitation code that creates an account."""

    __tablename__ = "invitation"
    __table_args__ = (
        sa.CheckConstraint("role IN ('demo', 'user', 'reviewer', 'admin')", name="role_known"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    code_hash: Mapped[str] = mapped_column(sa.String(64), unique=True)
    role: Mapped[str] = mapped_column(sa.String(16))
    note: Mapped[str] = mapped_column(sa.String(100))  # the author's note on the recipient
    made_by: Mapped[FormerId]  # None also where it was created on the command line
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    used_by: Mapped[FormerId]


class IdentityRow(Base):
    """A person's identity at a provider, and its account."""

    __tablename__ = "identity"
    __table_args__ = (sa.UniqueConstraint("issuer", "subject"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    issuer: Mapped[str] = mapped_column(sa.String(500))
    subject: Mapped[str] = mapped_column(sa.String(255))
    account_id: Mapped[OwnerId] = mapped_column(index=True)
    linked_at: Mapped[datetime]
    token_at: Mapped[datetime]  # issue time of the last accepted token; older tokens are invalid


class SliceRow(Base):
    """A named selection of images; its ids are JSON, compressed by zlib."""

    __tablename__ = "saved_slice"
    __table_args__ = (sa.UniqueConstraint("account_id", "of", "name"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[OwnerId]
    of: Mapped[str] = mapped_column(sa.String(200))  # digest of the data set or name of the model
    name: Mapped[str] = mapped_column(sa.String(80))
    image_ids: Mapped[bytes] = mapped_column(sa.LargeBinary())
    created_at: Mapped[datetime]


class DataSetRow(Base):
    """A folder or table on this machine, connected for all accounts."""

    __tablename__ = "data_set"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(sa.String(80), unique=True)
    path: Mapped[str] = mapped_column(sa.String(2000), unique=True)
    """Absolute, with links resolved at the time of connection."""
    added_by: Mapped[FormerId]
    added_at: Mapped[datetime]


class ReviewItemRow(Base):
    """A cell in a queue of the blind review."""

    __tablename__ = "review_item"
    __table_args__ = (
        sa.UniqueConstraint("of", "image_id"),
        sa.CheckConstraint(
            "reason IN ('error', 'suspicious', 'chosen', 'control', 'flagged')", name="reason_known"
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    of: Mapped[str] = mapped_column(sa.String(200))
    """The queue: name of a model or key of a file of predictions."""
    image_id: Mapped[str] = mapped_column(sa.String(300))
    reason: Mapped[str] = mapped_column(sa.String(16))
    added_by: Mapped[FormerId]
    at: Mapped[datetime]


class JudgementRow(Base):
    """An account's judgement of the image of a queued cell."""

    __tablename__ = "judgement"
    __table_args__ = (
        sa.UniqueConstraint("item_id", "account_id"),
        sa.CheckConstraint("seen IN ('all', 'hem', 'unsure', 'bad_picture')", name="seen_known"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    """In the order of the first judgements; a change keeps its position."""
    item_id: Mapped[int] = mapped_column(sa.ForeignKey("review_item.id", ondelete="CASCADE"))
    account_id: Mapped[FormerId]
    seen: Mapped[str] = mapped_column(sa.String(16))
    note: Mapped[str] = mapped_column(sa.String(500))
    given_at: Mapped[datetime]
    changed_at: Mapped[datetime | None]  # time of the last change; None without one


class BatchRow(Base):
    """Images that an account has uploaded together."""

    __tablename__ = "batch"
    __table_args__ = (
        sa.CheckConstraint(
            "state IN ('running', 'done', 'cancelled', 'failed')", name="state_known"
        ),
        sa.Index("ix_batch_account_id_started_at", "account_id", "started_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[OwnerId]
    name: Mapped[str] = mapped_column(sa.String(200))
    """Of the upload, such as "cells.zip" or "12 pictures"."""
    model: Mapped[str] = mapped_column(sa.String(200))
    model_sha256: Mapped[str] = mapped_column(sa.String(64))
    total: Mapped[int]
    state: Mapped[str] = mapped_column(sa.String(16))
    started_at: Mapped[datetime]
    touched_at: Mapped[datetime]
    """Last heartbeat; a running batch without one counts as interrupted."""
    ended_at: Mapped[datetime | None]


class PredictionRow(Base):
    """A model's answer for one image of an account, with all inputs needed to reproduce it."""

    __tablename__ = "prediction"
    __table_args__ = (
        sa.CheckConstraint("verdict IN ('all', 'hem', 'refused')", name="verdict_known"),
        sa.Index("ix_prediction_account_id_at", "account_id", "at"),
        sa.Index("ix_prediction_account_id_name", "account_id", "name"),
        sa.Index("ix_prediction_account_id_verdict", "account_id", "verdict", "at"),
        sa.Index("ix_prediction_account_id_image_sha256", "account_id", "image_sha256"),
        sa.Index("ix_prediction_image_sha256", "image_sha256"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[OwnerId]
    batch_id: Mapped[int | None] = mapped_column(
        sa.ForeignKey("batch.id", ondelete="CASCADE"), index=True
    )
    at: Mapped[datetime]
    name: Mapped[str] = mapped_column(sa.String(300))
    image_sha256: Mapped[str] = mapped_column(sa.String(64))
    """Of the file's bytes; empty where these could not be read."""
    model: Mapped[str] = mapped_column(sa.String(200))
    model_sha256: Mapped[str] = mapped_column(sa.String(64))
    preprocessing_version: Mapped[int]
    threshold: Mapped[float]
    verdict: Mapped[str] = mapped_column(sa.String(16))
    p_all: Mapped[float | None]
    logit: Mapped[float | None]
    reason: Mapped[str] = mapped_column(sa.String(1000))
    check: Mapped[str | None] = mapped_column("rung", sa.String(16))
    ood_score: Mapped[float | None] = mapped_column("strangeness")
    subject: Mapped[str | None] = mapped_column(sa.String(200))
    cell: Mapped[int | None]
    """Number of the cell in its smear field; None for a picture of one cell."""
    cut: Mapped[str | None] = mapped_column(sa.String(4000))
    """Facts of the cell's cut as JSON; None for a picture of one cell."""
    profile: Mapped[str | None] = mapped_column(sa.String(100))
    """Name and version of the site profile, as "Lab A@2"; None without one."""
    flagged_at: Mapped[datetime | None] = mapped_column(index=True)
    """Time at which the account flagged the answer as wrong; None where it has not."""
    flag_note: Mapped[str] = mapped_column(sa.String(500))


class StoredPictureRow(Base):
    """An image of a prediction, stored for a limited time as a file of this digest."""

    __tablename__ = "kept_picture"

    account_id: Mapped[OwnerId] = mapped_column(primary_key=True)
    sha256: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    size: Mapped[int]  # bytes of the file
    kept_at: Mapped[datetime]
    kept_until: Mapped[datetime]


class SettingRow(Base):
    """A setting that an administrator has changed; its value is JSON."""

    __tablename__ = "setting"

    key: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    value: Mapped[str] = mapped_column(sa.String(4000))
    changed_by: Mapped[FormerId]
    changed_at: Mapped[datetime]


class AuditRow(Base):
    """An entry of the audit log; the database refuses to update or delete it."""

    __tablename__ = "audit"
    __table_args__ = (
        sa.Index("ix_audit_username_at", "username", "at"),
        sa.Index("ix_audit_what_at", "what", "at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(index=True)
    account_id: Mapped[int | None]  # without a foreign key, since the entry outlives the account
    username: Mapped[str] = mapped_column(sa.String(64))  # of the account at the time
    action: Mapped[str] = mapped_column("what", sa.String(64))
    target: Mapped[str] = mapped_column(sa.String(300))
    address: Mapped[str] = mapped_column(sa.String(200))
    detail: Mapped[str] = mapped_column(sa.String(4000))  # JSON, or empty
