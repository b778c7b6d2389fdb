"""How much is kept of each account, in numbers only: what an administrator may know of history."""

from dataclasses import dataclass

from sqlalchemy import func, select

from allcore.store.database import Database
from allcore.store.models import Account, BatchRow, KeptPictureRow, PredictionRow


@dataclass(frozen=True)
class Usage:
    """What is kept of one account; no name of a file, no answer.

    Attributes:
        username: whose.
        predictions: answers.
        flagged: those of them that the account called wrong.
        batches: answered at once.
        pictures: that are kept.
        picture_bytes: of all these together.
    """

    username: str
    predictions: int
    flagged: int
    batches: int
    pictures: int
    picture_bytes: int


def by_account(database: Database) -> tuple[Usage, ...]:
    """Count for every account, by username."""
    asked, begun, kept = PredictionRow, BatchRow, KeptPictureRow
    queries = (
        select(asked.account_id, func.count(), func.count(asked.flagged_at)),
        select(begun.account_id, func.count()),
        select(kept.account_id, func.count(), func.sum(kept.size)),
    )
    tables = (asked.account_id, begun.account_id, kept.account_id)
    people = select(Account.id, Account.username).order_by(Account.username)
    with database.read() as session:
        counted = [
            {row[0]: [int(each) for each in row[1:]] for row in session.execute(query.group_by(by))}
            for query, by in zip(queries, tables, strict=True)
        ]
        return tuple(
            Usage(name, *_figures([part.get(number) for part in counted]))
            for number, name in session.execute(people)
        )


def _figures(parts: list[list[int] | None]) -> list[int]:
    """All figures of one account in a row, 0 where nothing was counted."""
    widths = (2, 1, 2)
    return [
        figure
        for part, width in zip(parts, widths, strict=True)
        for figure in (part or [0] * width)
    ]
