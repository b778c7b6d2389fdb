"""Deleting an account: what goes with it, and what stays because others rely on it.

Its history, batches, slices, kept pictures, sessions and codes go. What it judged, queued for
review or connected stays without a name, and so do its lines of the audit log, with the name.
"""

from dataclasses import dataclass

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from allcore import logs
from allcore.store import accounts, audit, flags, pictures
from allcore.store.audit import By
from allcore.store.database import Database
from allcore.store.models import (
    BatchRow,
    DataSetRow,
    JudgementRow,
    KeptPictureRow,
    PredictionRow,
    ReviewItemRow,
    SliceRow,
)


@dataclass(frozen=True)
class Records:
    """How much hangs on an account, in numbers.

    Attributes:
        answers: of its history, which go.
        batches: which go.
        slices: which go.
        pictures: kept ones, which go with their files.
        judgements: which stay, without a name.
        queued: cells it has queued for review, which stay unless it alone called their answer
            wrong and nobody has judged them.
        data_sets: it has connected, which stay.
    """

    answers: int
    batches: int
    slices: int
    pictures: int
    judgements: int
    queued: int
    data_sets: int


def records(database: Database, username: str) -> Records:
    """Count what hangs on an account, to be said before it is deleted.

    Raises:
        StoreError: there is no such account.
    """
    with database.read() as session:
        return _records(session, accounts.existing(session, username).id)


def delete(database: Database, username: str, *, by: By | None = None) -> Records:
    """Delete an account with its own records, and give how many there were of each.

    Raises:
        StoreError: there is no such account, or the last active administrator would be gone.
    """
    with database.alone() as session:
        account = accounts.existing(session, username)
        number, found = account.id, _records(session, account.id)
        kept = select(KeptPictureRow.sha256).where(KeptPictureRow.account_id == number)
        places = [(number, sha256) for sha256 in session.scalars(kept)]
        audit.record_by(
            session, by, what="account deleted", on=account.username, detail=vars(found)
        )
        with accounts.keep_an_administrator(session):
            session.delete(account)
        flags.sweep(session)
        logs.event("account deleted", account=number)
    pictures.unlink(places)
    return found


def _records(session: Session, number: int) -> Records:
    def count(of: ColumnElement[bool]) -> int:
        return session.scalar(select(func.count()).where(of)) or 0

    return Records(
        answers=count(PredictionRow.account_id == number),
        batches=count(BatchRow.account_id == number),
        slices=count(SliceRow.account_id == number),
        pictures=count(KeptPictureRow.account_id == number),
        judgements=count(JudgementRow.account_id == number),
        queued=count(ReviewItemRow.added_by == number),
        data_sets=count(DataSetRow.added_by == number),
    )
