"""Flags: answers that an account reports as wrong. The image joins the model's review queue.

Of a cell in a smear field the cell alone joins, as the model saw it.
"""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import String, cast, delete, func, select
from sqlalchemy.orm import Session

from allcore import logs
from allcore.errors import StoreError
from allcore.store import accounts, reviews
from allcore.store.database import Database
from allcore.store.models import JudgementRow, PredictionRow, ReviewItemRow, copy_row


@dataclass(frozen=True)
class Flag:
    """A flagged answer, without the account and the file name."""

    image_id: str  # of the item in the review queue
    verdict: str
    p_all: float | None  # calibrated probability of an ALL blast; None where refused
    threshold: float
    note: str
    at: datetime  # time of the flag, aware, in UTC


def flag(database: Database, username: str, prediction_id: int, note: str = "") -> None:
    """Flag an answer as wrong, or change the note; its image enters the model's review queue.

    Reviewers then see a stored image, without its name and the account.

    Raises:
        StoreError: the account has no such answer, its image could not be read, or the note can't
            be stored.
    """
    note, now = reviews.clean_note(note), datetime.now(UTC)
    with database.alone() as session:
        row = _own(session, username, prediction_id)
        if not row.image_sha256:
            raise StoreError("The file could not be read, so there is no picture to review.")
        row.flagged_at, row.flag_note = row.flagged_at or now, note
        image_id = reviews.upload_id(row.image_sha256, row.cell)
        queued = select(ReviewItemRow.id).where(
            ReviewItemRow.of == row.model, ReviewItemRow.image_id == image_id
        )
        if session.scalar(queued) is None:
            item = {"of": row.model, "image_id": image_id, "reason": "flagged"}
            session.add(ReviewItemRow(**item, added_by=row.account_id, at=now))
        logs.event("answer flagged", account=row.account_id, prediction=row.id)


def unflag(database: Database, username: str, prediction_id: int) -> None:
    """Remove a flag; the image leaves the queue unless it is judged or flagged by others."""
    with database.alone() as session:
        row = _own(session, username, prediction_id)
        row.flagged_at, row.flag_note = None, ""
        session.flush()
        sweep(session)


def list_of(database: Database, model: str) -> tuple[Flag, ...]:
    """Return all flagged answers of a model, earliest flag first."""
    row = PredictionRow
    query = select(row).where(row.model == model, row.flagged_at.is_not(None))
    with database.read() as session:
        return tuple(
            copy_row(
                Flag,
                answer,
                image_id=reviews.upload_id(answer.image_sha256, answer.cell),
                note=answer.flag_note,
                at=answer.flagged_at,
            )
            for answer in session.scalars(query.order_by(row.flagged_at, row.id))
        )


def cut_of(database: Database, model: str, image_id: str) -> dict[str, Any] | None:
    """Return the facts of a flagged cell's cut, for reviewers; None for a whole image."""
    row, (_, _, cell) = PredictionRow, image_id.partition(reviews.CELL)
    if not cell:
        return None
    query = select(row.cut).where(
        row.model == model,
        row.flagged_at.is_not(None),
        row.image_sha256 == reviews.upload_digest(image_id),
        row.cell == int(cell),
    )
    with database.read() as session:
        cut = session.scalar(query.order_by(row.id).limit(1))
    facts: dict[str, Any] = json.loads(cut) if cut else {}
    return facts


def sweep(session: Session) -> None:
    """Delete flagged items without a judgement from the queues once no flag is left."""
    item = ReviewItemRow
    judged = select(JudgementRow.id).where(JudgementRow.item_id == item.id).exists()
    row, start = PredictionRow, len(reviews.UPLOAD) + 1
    digest = func.substr(item.image_id, start, 64)  # uses the index
    cell = func.coalesce(reviews.CELL + cast(row.cell, String), "")
    same_cell = cell == func.substr(item.image_id, start + 64)
    same_image = (row.image_sha256 == digest) & same_cell & (row.model == item.of)
    flagged = select(row.id).where(same_image, row.flagged_at.is_not(None)).exists()
    session.execute(delete(item).where(item.reason == "flagged", ~judged, ~flagged))


def _own(session: Session, username: str, prediction_id: int) -> PredictionRow:
    gone = "This answer is not there any more; reload the page."
    return accounts.own_row(session, username, PredictionRow, prediction_id, gone)
