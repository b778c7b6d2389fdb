"""Saved slices and tags: named selections of images of a model's predictions or a data set."""

import json
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import exc, select

from allcore import logs
from allcore.errors import StoreError
from allcore.store import accounts, text_rules
from allcore.store.database import Database
from allcore.store.models import Account, SliceRow, copy_row

MAX_NAME, MAX_IMAGES = 80, 20_000
TAGS = "#tags"
"""``of`` of tags: slices of images, which hold for every model."""


@dataclass(frozen=True)
class SavedSlice:
    """A named selection at the time of reading."""

    id: int
    of: str
    name: str
    image_ids: tuple[str, ...]  # in the order of the caller, without duplicates
    created_at: datetime  # aware, in UTC


def save(
    database: Database, username: str, *, of: str, name: str, image_ids: Iterable[str]
) -> SavedSlice:
    """Save a selection under a name.

    Args:
        username: of the account; nobody else sees the slice.
        of: the data's digest or the model's name, the same text for `list_of`.
        name: 1 to 80 characters, unique in this account for this `of`.
        image_ids: 1 to 20,000; duplicates are stored once.

    Raises:
        StoreError: a rule is broken, the name is taken, or there is no such account.
    """
    of, image_ids = text_rules.scope_key(of), _checked_ids(image_ids)
    name = text_rules.title(name, MAX_NAME, "A slice's name has {}; change it.")
    row = SliceRow(of=of, name=name, image_ids=_pack(image_ids), created_at=datetime.now(UTC))
    try:
        with database.write() as session:
            row.account_id = accounts.existing(session, username).id
            session.add(row)
            session.flush()
            logs.event("slice kept", account=row.account_id, images=len(image_ids))
            return _slice_of(row)
    except exc.IntegrityError:
        raise StoreError(
            f"You have a slice named '{name}' here already; choose another name."
        ) from None


def tag(database: Database, username: str, *, name: str, image_ids: Iterable[str]) -> SavedSlice:
    """Add images to the account's tag of this name, which is created where there is none.

    Raises:
        StoreError: as `save`.
    """
    name = text_rules.title(name, MAX_NAME, "A tag's name has {}; change it.")
    with database.alone() as session:
        account = accounts.existing(session, username)
        row = session.scalar(
            select(SliceRow).where(
                SliceRow.account_id == account.id, SliceRow.of == TAGS, SliceRow.name == name
            )
        )
        known = () if row is None else _slice_of(row).image_ids
        packed = _pack(_checked_ids((*known, *image_ids)))
        if row is None:
            row = SliceRow(
                account_id=account.id, of=TAGS, name=name, image_ids=packed,
                created_at=datetime.now(UTC),
            )  # fmt: skip
            session.add(row)
        else:
            row.image_ids = packed
        session.flush()
        logs.event("images tagged", account=account.id)
        return _slice_of(row)


def list_of(database: Database, username: str, *, of: str) -> tuple[SavedSlice, ...]:
    """Return an account's slices of one data set or model and its tags, in order of creation."""
    query = (
        select(SliceRow)
        .join(Account)
        .where(Account.username == text_rules.lookup_name(username), SliceRow.of.in_([of, TAGS]))
        .order_by(SliceRow.id)
    )
    with database.read() as session:
        return tuple(_slice_of(row) for row in session.scalars(query))


def delete(database: Database, username: str, slice_id: int) -> None:
    """Delete one of the account's own slices; a StoreError where it has no such slice."""
    with database.write() as session:
        gone = "This slice is not there any more; reload the page."
        row = accounts.own_row(session, username, SliceRow, slice_id, gone)
        session.delete(row)
        logs.event("slice deleted", account=row.account_id)


def _checked_ids(image_ids: Iterable[str]) -> tuple[str, ...]:
    unique = tuple(dict.fromkeys(text_rules.image_id(image) for image in image_ids))
    if not unique:
        raise StoreError("There are no images in this selection; select some first.")
    if len(unique) > MAX_IMAGES:
        raise StoreError(
            f"A slice has at most {MAX_IMAGES:,} images, but {len(unique):,} are selected; "
            "select fewer."
        )
    return unique


def _pack(image_ids: tuple[str, ...]) -> bytes:
    return zlib.compress(json.dumps(image_ids, separators=(",", ":")).encode())


def _slice_of(row: SliceRow) -> SavedSlice:
    image_ids = tuple(json.loads(zlib.decompress(row.image_ids)))
    return copy_row(SavedSlice, row, image_ids=image_ids)
