"""Batches: images uploaded together; their answers outlive the session."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import case, distinct, func, select
from sqlalchemy.orm import Session

from allcore import logs
from allcore.store import accounts, text_rules
from allcore.store.database import Database
from allcore.store.models import Account, BatchRow, PredictionRow, copy_row

END_STATES = ("done", "cancelled", "failed")
MAX_SILENCE = timedelta(minutes=2)
"""Time without a heartbeat after which a running batch counts as interrupted."""
MAX_NAME = 200


@dataclass(frozen=True)
class Batch:
    """A batch at the time of reading."""

    id: int
    name: str
    model: str
    model_sha256: str
    total: int
    answered: int  # pictures with an answer; a smear field counts once
    state: str  # "running", one of `END_STATES`, or "interrupted", which is derived at read time
    started_at: datetime  # aware, in UTC, as all times here
    ended_at: datetime | None

    @property
    def incomplete(self) -> bool:
        """True if it ended before all images were answered."""
        return self.state not in ("running", "done") and self.answered < self.total


def begin(
    database: Database, username: str, *, name: str, model: str, model_sha256: str, total: int
) -> int:
    """Begin a batch and return its id; a StoreError where the model's name can't be stored."""
    now = datetime.now(UTC)
    with database.write() as session:
        row = BatchRow(
            account_id=accounts.existing(session, username).id,
            name=text_rules.printable(name, MAX_NAME),
            model=text_rules.scope_key(model),
            model_sha256=model_sha256,
            total=total,
            state="running",
            started_at=now,
            touched_at=now,
        )
        session.add(row)
        session.flush()
        logs.event("batch begun", account=row.account_id, batch=row.id, pictures=total)
        return row.id


def end(database: Database, username: str, batch_id: int, *, state: str = "done") -> None:
    """End a batch in one of `END_STATES`; its answers stay.

    Raises:
        StoreError: the account has no such batch, or it was deleted.
        ValueError: the state is not an end state.
    """
    if state not in END_STATES:
        raise ValueError(f"a batch ends as one of {', '.join(END_STATES)}, not as {state}")
    with database.write() as session:
        row = own(session, username, batch_id)
        row.state, row.ended_at = state, datetime.now(UTC)
        logs.event("batch ended", account=row.account_id, batch=row.id, state=state)


def resume(database: Database, username: str, batch_id: int) -> None:
    """Mark a batch as running again; a StoreError where the account has no such batch."""
    with database.write() as session:
        row = own(session, username, batch_id)
        row.state, row.ended_at, row.touched_at = "running", None, datetime.now(UTC)
        logs.event("batch resumed", account=row.account_id, batch=row.id)


def names(database: Database, username: str) -> dict[int, str]:
    """Return the names of all batches of an account by id."""
    query = select(BatchRow.id, BatchRow.name).join(Account)
    query = query.where(Account.username == text_rules.lookup_name(username))
    with database.read() as session:
        return {row[0]: row[1] for row in session.execute(query)}


def own(session: Session, username: str, batch_id: int) -> BatchRow:
    """Return the row of one of the account's batches; a StoreError where it has no such batch."""
    return accounts.own_row(
        session, username, BatchRow, batch_id, "This batch is not there any more; reload the page."
    )


def list_of(
    database: Database, username: str, *, limit: int | None = 20, now: datetime | None = None
) -> tuple[Batch, ...]:
    """Return an account's batches, latest first."""
    row = PredictionRow
    alone, of_fields = case((row.cell.is_(None), 1)), case((row.cell.is_not(None), row.name))
    answered = (
        select(func.count(alone) + func.count(distinct(of_fields)))
        .where(PredictionRow.batch_id == BatchRow.id)
        .correlate(BatchRow)
        .scalar_subquery()
    )
    query = (
        select(BatchRow, answered)
        .join(Account)
        .where(Account.username == text_rules.lookup_name(username))
        .order_by(BatchRow.started_at.desc(), BatchRow.id.desc())
        .limit(limit)
    )
    at = now or datetime.now(UTC)
    with database.read() as session:
        return tuple(
            copy_row(Batch, row, answered=count, state=_state(row, at))
            for row, count in session.execute(query)
        )


def _state(row: BatchRow, now: datetime) -> str:
    is_silent = row.state == "running" and now - row.touched_at > MAX_SILENCE
    return "interrupted" if is_silent else row.state
