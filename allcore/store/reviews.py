"""Blind review: which cells wait to be judged, and what each account saw in their pictures.

The store keeps what people see, never a verdict: `allcore.review.agreement` derives that from the
label, the model's call and the first two judgements. Nothing here changes the data.
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
from allcore.store.models import Account, JudgementRow, PredictionRow, ReviewItemRow

REASONS = {
    "error": "error",
    "suspicious": "suspicious label",
    "chosen": "chosen by hand",
    "control": "control: the model was right",
    "flagged": "flagged by who asked",
}
"""Why a cell was queued: how it is kept, and how pages write it."""
JUDGEMENTS = {**CLASS_NAMES, "unsure": "can't tell", "bad_picture": "bad picture"}
"""What a person may see in a picture: how it is kept, and how pages write it."""
INFORMED_REASONS = ("chosen", "flagged")
"""Reasons that who queued a cell for knows too much to judge it."""
UPLOAD = "upload:"
"""What the id of a picture that somebody uploaded begins with; its digest follows."""
DECIDING_JUDGEMENTS = 2
"""So many accounts' judgements decide; later ones are kept beside them."""
MAX_NOTE, MAX_QUEUED = 500, 20_000
_CHUNK = 10_000  # variables of one statement; SQLite takes 32,766
# The last two ranges turn the order around in which the text after them is shown.
_UNKEPT = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff\u202a-\u202e\u2066-\u2069]")


@dataclass(frozen=True)
class ReviewItem:
    """A queued cell as it was when it was read."""

    of: str
    image_id: str
    reason: str  # a key of REASONS
    added_by: str | None  # username; None where the account is gone
    at: datetime  # aware, in UTC
    asked_by: frozenset[str] = frozenset()  # usernames; of uploaded pictures alone

    @property
    def uploaded(self) -> bool:
        """Whether it is a picture that somebody asked about: no data set has it, or a label."""
        return self.reason == "flagged"

    def open_to(self, username: str) -> bool:
        """Whether this account may judge it.

        Who chose it by hand had its label in sight, who asked about it the model's answer.
        """
        if username in self.asked_by:
            return False
        return self.reason not in INFORMED_REASONS or self.added_by != username


@dataclass(frozen=True)
class Judgement:
    """What one account saw in one cell's picture, as it was when it was read."""

    of: str
    image_id: str
    account_id: int  # below 0, and of this judgement alone, where the account is gone
    username: str  # empty where the account is gone
    seen: str  # a key of SEEN
    note: str  # empty where none was given
    given_at: datetime  # aware, in UTC
    changed_at: datetime | None  # when it was last given again


def queue_cells(database: Database, username: str, *, of: str, reasons: Mapping[str, str]) -> int:
    """Put cells into a queue; those that are in it stay as they are.

    Args:
        database: where to keep them.
        username: of the account that puts them there.
        of: the model's name or the file's key, the same text for `items`.
        reasons: a key of `REASONS` by image id; 1 to 20,000.

    Returns:
        How many were new.

    Raises:
        StoreError: a rule is broken, or there is no such account.
    """
    of, wanted = text_rules.scope_key(of), _wanted(reasons)
    with database.alone() as session:
        account = accounts.existing(session, username)
        known = set(session.scalars(select(ReviewItemRow.image_id).where(ReviewItemRow.of == of)))
        new = [image_id for image_id in wanted if image_id not in known]
        now = datetime.now(UTC)
        rows = [
            {"of": of, "image_id": each, "reason": wanted[each], "added_by": account.id, "at": now}
            for each in _shuffled(of, new)
        ]
        if rows:
            session.execute(insert(ReviewItemRow), rows)
        logs.event("cells queued for review", account=account.id, cells=len(new))
        return len(new)


def queues(database: Database) -> dict[str, int]:
    """How many cells each queue holds, by its `of`, in the order of the alphabet."""
    query = select(ReviewItemRow.of, func.count()).group_by(ReviewItemRow.of)
    with database.read() as session:
        return {of: int(count) for of, count in session.execute(query.order_by(ReviewItemRow.of))}


def items(database: Database, *, of: str, image_id: str | None = None) -> tuple[ReviewItem, ...]:
    """Read a queue, or the one cell of it that has this id."""
    row = ReviewItemRow
    query = (
        # Columns, not rows as objects, which take ten times as long.
        select(row.of, row.image_id, row.reason, Account.username, row.at)
        .join(Account, row.added_by == Account.id, isouter=True)
        .where(row.of == of)
        .order_by(row.id)
    )
    if image_id is not None:
        query = query.where(row.image_id == image_id)
    with database.read() as session:
        found = [ReviewItem(*each) for each in session.execute(query)]
        asked = _asked(session, [item.image_id for item in found if item.uploaded])
    return tuple(
        replace(item, asked_by=frozenset(asked[item.image_id])) if item.uploaded else item
        for item in found
    )


def judgements(
    database: Database, *, of: str, image_id: str | None = None
) -> tuple[Judgement, ...]:
    """Read what everybody saw in the cells of a queue, or in one; the first given first."""
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
        return tuple(Judgement(*found) for found in session.execute(query))


def judge(
    database: Database, username: str, *, of: str, image_id: str, seen: str, note: str = ""
) -> Judgement:
    """Keep what an account sees in a cell's picture, in place of what it said before.

    A judgement that is given again keeps its place in the order.

    Args:
        database: where to keep it.
        username: of the account that judges.
        of: the queue.
        image_id: the queued cell.
        seen: a key of `SEEN`.
        note: what the person adds, at most 500 characters.

    Raises:
        StoreError: a rule is broken, the cell is no longer queued, the account chose it by hand
            and so knows its label, or there is no such account.
    """
    kept_note = clean_note(note)
    if seen not in JUDGEMENTS:
        raise StoreError(f"There is no judgement '{seen}'; use one of: {', '.join(JUDGEMENTS)}.")
    with database.alone() as session:
        account = accounts.existing(session, username)
        item = _judgeable(session, account, of=of, image_id=image_id)
        row = _row_of(session, account, item)
        row.seen, row.note = seen, kept_note
        session.add(row)
        session.flush()
        logs.event("cell judged", account=account.id, item=item.id)
        return _judgement_of(row, item, account)


def withdraw(
    database: Database, username: str, *, of: str, image_ids: Iterable[str] | None = None
) -> int:
    """Take cells that this account has queued, and nobody has judged, back out of the queue.

    Flagged answers stay: their flag is taken back by `flags.unflag`.

    Args:
        database: where they are kept.
        username: of the account.
        of: the queue.
        image_ids: which of them, at most 20,000; None for all.

    Returns:
        How many were taken out.

    Raises:
        StoreError: there is no such account.
    """
    judged = select(JudgementRow.item_id)
    with database.alone() as session:
        account = accounts.existing(session, username)
        taken = delete(ReviewItemRow).where(
            ReviewItemRow.of == of,
            ReviewItemRow.added_by == account.id,
            ReviewItemRow.reason != "flagged",
            ReviewItemRow.id.not_in(judged),
        )
        if image_ids is not None:
            taken = taken.where(ReviewItemRow.image_id.in_(list(image_ids)))
        count = len(session.scalars(taken.returning(ReviewItemRow.id)).all())
        logs.event("cells taken out of review", account=account.id, cells=count)
        return count


def clean_note(text: str) -> str:
    """Give a note as it is kept, without spaces around it.

    Raises:
        StoreError: too long, or with characters that can't be kept.
    """
    note = "\n".join(text.strip().splitlines())
    if len(note) > MAX_NOTE:
        raise StoreError(
            f"A note has at most {MAX_NOTE} characters, but this one has {len(note):,}; shorten it."
        )
    if _UNKEPT.search(note):
        raise StoreError("The note has characters that can't be kept; type it as plain text.")
    return note


def _wanted(reasons: Mapping[str, str]) -> dict[str, str]:
    wanted = {text_rules.image_id(image_id): reason for image_id, reason in reasons.items()}
    for reason in wanted.values():
        if reason not in REASONS:
            raise StoreError(f"There is no reason '{reason}'; use one of: {', '.join(REASONS)}.")
    if not wanted:
        raise StoreError("There are no cells to queue; choose some first.")
    if len(wanted) > MAX_QUEUED:
        raise StoreError(
            f"At most {MAX_QUEUED:,} cells are queued at once, but these are {len(wanted):,}; "
            "choose fewer."
        )
    return wanted


def _shuffled(of: str, image_ids: Iterable[str]) -> list[str]:
    """In an order that says nothing of the reasons, for the numbers of the rows follow it."""
    return sorted(image_ids, key=lambda each: hashlib.sha256(f"{of}\0{each}".encode()).digest())


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
        item.added_by == account.id or account.username in _asked(session, [image_id])[image_id]
    ):
        raise StoreError(
            "You know the model's answer to this picture, so two others must judge it; skip it."
        )
    return item


def _asked(session: Session, image_ids: Sequence[str]) -> dict[str, set[str]]:
    """Usernames of who has asked about each of these uploaded pictures."""
    digests = [image_id.removeprefix(UPLOAD) for image_id in image_ids]
    asked = defaultdict[str, set[str]](set)
    for at in range(0, len(digests), _CHUNK):
        query = (
            select(PredictionRow.image_sha256, Account.username)
            .join(Account, PredictionRow.account_id == Account.id)
            .where(PredictionRow.image_sha256.in_(digests[at : at + _CHUNK]))
            .distinct()
        )
        for sha256, username in session.execute(query):
            asked[f"{UPLOAD}{sha256}"].add(username)
    return asked


def _row_of(session: Session, account: Account, item: ReviewItemRow) -> JudgementRow:
    """Read the account's judgement of the cell as one that changes now, or begin one."""
    query = select(JudgementRow).where(
        JudgementRow.account_id == account.id, JudgementRow.item_id == item.id
    )
    found, now = session.scalars(query).one_or_none(), datetime.now(UTC)
    if found is None:
        return JudgementRow(item_id=item.id, account_id=account.id, given_at=now)
    found.changed_at = now
    return found


def _judgement_of(row: JudgementRow, item: ReviewItemRow, account: Account) -> Judgement:
    """Copy a row into what may leave the session."""
    return Judgement(
        of=item.of,
        image_id=item.image_id,
        account_id=account.id,
        username=account.username,
        seen=row.seen,
        note=row.note,
        given_at=row.given_at,
        changed_at=row.changed_at,
    )
