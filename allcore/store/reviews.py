"""Blind review: the queue of cells of each model, and the judgements of their images.

The store holds judgements, never a verdict: `allcore.review.agreement` derives it from the label,
the model's answer and the first two judgements. Judgements do not change the data.
"""

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from sqlalchemy import delete, func, insert, select
from sqlalchemy.orm import Session

from allcore import logs
from allcore.errors import StoreError
from allcore.labels import CLASS_NAMES
from allcore.store import accounts, text_rules
from allcore.store.database import Database
from allcore.store.models import Account, JudgementRow, PredictionRow, ReviewItemRow, copy_row

REASONS = {
    "error": "error",
    "suspicious": "suspicious label",
    "chosen": "chosen by hand",
    "control": "control: the model was right",
    "flagged": "flagged by who asked",
}
"""Reasons for queueing a cell, by stored key, with display text."""
JUDGEMENTS = {**CLASS_NAMES, "unsure": "can't tell", "bad_picture": "bad picture"}
"""Possible judgements of an image, by stored key, with display text."""
INFORMED_REASONS = ("chosen", "flagged")
"""Reasons that disqualify the person who queued the cell from judging it."""
UPLOAD = "upload:"  # prefix of the id of an uploaded image, before its digest
CELL = "#"  # in such an id between the digest of a field and the number of a cell in it
DECIDING_JUDGEMENTS = 2  # number of judgements that decide; further ones are stored as well
MAX_NOTE, MAX_QUEUED = 500, 20_000
_CHUNK = 10_000  # variables of one statement; SQLite takes 32,766
# The last two ranges contain bidirectional control characters.
_UNSTORABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff\u202a-\u202e\u2066-\u2069]")


@dataclass(frozen=True)
class ReviewItem:
    """A queued cell at the time of reading."""

    of: str
    image_id: str
    reason: str  # a key of REASONS
    added_by: str | None  # username; None where the account was deleted
    at: datetime  # aware, in UTC
    uploaded_by: frozenset[str] = frozenset()  # usernames; for uploaded images only

    @property
    def uploaded(self) -> bool:
        """True if it is an uploaded image, which has no data set and no label."""
        return self.reason == "flagged"

    def open_to(self, username: str) -> bool:
        """True if this account may judge the cell.

        The person who chose it by hand has seen its label; the uploader has seen the model's
        answer.
        """
        if username in self.uploaded_by:
            return False
        return self.reason not in INFORMED_REASONS or self.added_by != username


@dataclass(frozen=True)
class Judgement:
    """An account's judgement of one cell's image at the time of reading."""

    of: str
    image_id: str
    account_id: int  # below 0, and unique to this judgement, where the account was deleted
    username: str  # empty where the account was deleted
    seen: str  # a key of JUDGEMENTS
    note: str  # may be empty
    given_at: datetime  # aware, in UTC
    changed_at: datetime | None  # of the last change


def upload_id(sha256: str, cell: int | None = None) -> str:
    """Id of an uploaded image in the queues, or of a cell of an uploaded field by its number."""
    return f"{UPLOAD}{sha256}" if cell is None else f"{UPLOAD}{sha256}{CELL}{cell}"


def upload_digest(image_id: str) -> str:
    """Digest of the uploaded file of an id of ``upload_id``."""
    return image_id.removeprefix(UPLOAD).partition(CELL)[0]


def queue_cells(database: Database, username: str, *, of: str, reasons: Mapping[str, str]) -> int:
    """Add cells to a queue; cells already in it stay unchanged.

    Args:
        of: the model's name or the file's key, the same text for `items`.
        reasons: a key of `REASONS` by image id; 1 to 20,000.

    Returns:
        The number of added cells.

    Raises:
        StoreError: a rule is broken, or there is no such account.
    """
    of, reasons = text_rules.scope_key(of), _checked_reasons(reasons)
    with database.alone() as session:
        account = accounts.existing(session, username)
        known = set(session.scalars(select(ReviewItemRow.image_id).where(ReviewItemRow.of == of)))
        # Shuffled, so that the order of the rows does not reveal the reasons.
        new = sorted(
            reasons.keys() - known, key=lambda key: hashlib.sha256(f"{of}\0{key}".encode()).digest()
        )
        now = datetime.now(UTC)
        rows = [
            {"of": of, "image_id": key, "reason": reasons[key], "added_by": account.id, "at": now}
            for key in new
        ]
        if rows:
            session.execute(insert(ReviewItemRow), rows)
        logs.event("cells queued for review", account=account.id, cells=len(new))
        return len(new)


def queues(database: Database) -> dict[str, int]:
    """Return the number of cells of each queue by its `of`, in alphabetical order."""
    query = select(ReviewItemRow.of, func.count()).group_by(ReviewItemRow.of)
    with database.read() as session:
        return {of: int(count) for of, count in session.execute(query.order_by(ReviewItemRow.of))}


def items(database: Database, *, of: str, image_id: str | None = None) -> tuple[ReviewItem, ...]:
    """Return the cells of a queue, or the one with an id."""
    row = ReviewItemRow
    query = (
        # Columns instead of row objects, which are ten times slower.
        select(row.of, row.image_id, row.reason, Account.username, row.at)
        .join(Account, row.added_by == Account.id, isouter=True)
        .where(row.of == of)
        .order_by(row.id)
    )
    if image_id is not None:
        query = query.where(row.image_id == image_id)
    with database.read() as session:
        queue = [ReviewItem(*columns) for columns in session.execute(query)]
        owners = _uploaders(session, [item.image_id for item in queue if item.uploaded])
    return tuple(
        replace(item, uploaded_by=frozenset(owners[item.image_id])) if item.uploaded else item
        for item in queue
    )


def judgements(
    database: Database, *, of: str, image_id: str | None = None
) -> tuple[Judgement, ...]:
    """Return all judgements of a queue, or of one cell, earliest first."""
    row, item = JudgementRow, ReviewItemRow
    query = (
        select(
            item.of,
            item.image_id,
            func.coalesce(row.account_id, -row.id),
            func.coalesce(Account.username, ""),
            row.seen,
            row.note,
            row.given_at,
            row.changed_at,
        )
        .join(item, row.item_id == item.id)
        .join(Account, row.account_id == Account.id, isouter=True)
        .where(item.of == of)
        .order_by(row.id)
    )
    if image_id is not None:
        query = query.where(item.image_id == image_id)
    with database.read() as session:
        return tuple(Judgement(*columns) for columns in session.execute(query))


def judge(
    database: Database, username: str, *, of: str, image_id: str, seen: str, note: str = ""
) -> Judgement:
    """Store an account's judgement of a cell's image; it replaces an earlier one.

    A changed judgement keeps its position in the order.

    Args:
        seen: a key of `JUDGEMENTS`.
        note: at most 500 characters.

    Raises:
        StoreError: a rule is broken, the cell is no longer queued, the account chose it by hand
            and so has seen its label, or there is no such account.
    """
    note = clean_note(note)
    if seen not in JUDGEMENTS:
        raise StoreError(f"There is no judgement '{seen}'; use one of: {', '.join(JUDGEMENTS)}.")
    with database.alone() as session:
        account = accounts.existing(session, username)
        item = _judgeable(session, account, of=of, image_id=image_id)
        query = select(JudgementRow).where(
            JudgementRow.account_id == account.id, JudgementRow.item_id == item.id
        )
        row, now = session.scalars(query).one_or_none(), datetime.now(UTC)
        if row is None:
            row = JudgementRow(item_id=item.id, account_id=account.id, given_at=now)
        else:
            row.changed_at = now
        row.seen, row.note = seen, note
        session.add(row)
        session.flush()
        logs.event("cell judged", account=account.id, item=item.id)
        return copy_row(Judgement, row, of=of, image_id=image_id, username=account.username)


def withdraw(
    database: Database, username: str, *, of: str, image_ids: Iterable[str] | None = None
) -> int:
    """Take unjudged cells that this account has queued out again: all, or at most 20,000 by id.

    Flagged answers stay: `flags.unflag` removes them.

    Returns:
        The number of removed cells.

    Raises:
        StoreError: there is no such account.
    """
    judged = select(JudgementRow.item_id)
    with database.alone() as session:
        account = accounts.existing(session, username)
        statement = delete(ReviewItemRow).where(
            ReviewItemRow.of == of,
            ReviewItemRow.added_by == account.id,
            ReviewItemRow.reason != "flagged",
            ReviewItemRow.id.not_in(judged),
        )
        if image_ids is not None:
            statement = statement.where(ReviewItemRow.image_id.in_(list(image_ids)))
        count = len(session.scalars(statement.returning(ReviewItemRow.id)).all())
        logs.event("cells taken out of review", account=account.id, cells=count)
        return count


def clean_note(text: str) -> str:
    """Return a note without surrounding spaces; a StoreError where it can't be stored."""
    note = "\n".join(text.strip().splitlines())
    if len(note) > MAX_NOTE:
        raise StoreError(
            f"A note has at most {MAX_NOTE} characters, but this one has {len(note):,}; shorten it."
        )
    if _UNSTORABLE.search(note):
        raise StoreError("The note has characters that can't be kept; type it as plain text.")
    return note


def _checked_reasons(reasons: Mapping[str, str]) -> dict[str, str]:
    checked = {text_rules.image_id(image_id): reason for image_id, reason in reasons.items()}
    for reason in checked.values():
        if reason not in REASONS:
            raise StoreError(f"There is no reason '{reason}'; use one of: {', '.join(REASONS)}.")
    if not checked:
        raise StoreError("There are no cells to queue; choose some first.")
    if len(checked) > MAX_QUEUED:
        raise StoreError(
            f"At most {MAX_QUEUED:,} cells are queued at once, but these are {len(checked):,}; "
            "choose fewer."
        )
    return checked


def _judgeable(session: Session, account: Account, *, of: str, image_id: str) -> ReviewItemRow:
    query = select(ReviewItemRow).where(ReviewItemRow.of == of, ReviewItemRow.image_id == image_id)
    item = session.scalars(query).one_or_none()
    if item is None:
        raise StoreError("This cell is no longer in the queue; reload the page.")
    if item.reason == "chosen" and item.added_by == account.id:
        raise StoreError(
            "You chose this cell with its label in sight, so two others must judge it; skip it."
        )
    if item.reason == "flagged" and (
        item.added_by == account.id or account.username in _uploaders(session, [image_id])[image_id]
    ):
        raise StoreError(
            "You know the model's answer to this picture, so two others must judge it; skip it."
        )
    return item


def _uploaders(session: Session, image_ids: Sequence[str]) -> dict[str, set[str]]:
    """Usernames of who uploaded the file of each id, and so knows the answers to all its cells."""
    of_digest = defaultdict[str, set[str]](set)
    digests = sorted({upload_digest(image_id) for image_id in image_ids})
    for start in range(0, len(digests), _CHUNK):
        query = (
            select(PredictionRow.image_sha256, Account.username)
            .join(Account, PredictionRow.account_id == Account.id)
            .where(PredictionRow.image_sha256.in_(digests[start : start + _CHUNK]))
            .distinct()
        )
        for sha256, username in session.execute(query):
            of_digest[sha256].add(username)
    return {image_id: of_digest[upload_digest(image_id)] for image_id in image_ids}
