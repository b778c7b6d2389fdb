import multiprocessing
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import exc, text

from allcore.errors import StoreError
from allcore.settings import Settings
from allcore.store import database as databases
from allcore.store import reviews
from allcore.store.database import Database
from tests.store.people import add


def mark(
    database: Database,
    username: str,
    image_id: str = "cell 1",
    mark: str = "label_wrong",
    *,
    of: str = "model",
    note: str = "",
) -> reviews.Review:
    return reviews.put(database, username, of=of, image_id=image_id, mark=mark, note=note)


def test_put__gives_what_was_kept(database: Database) -> None:
    ada = add(database, "ada")
    kept = mark(database, "ADA", "细胞 1", "bad_picture", note=" two cells\r\ntouch; 50 % \u00a0ß ")
    assert (kept.account_id, kept.username) == (ada.id, "ada")
    assert (kept.of, kept.image_id, kept.mark) == ("model", "细胞 1", "bad_picture")
    assert kept.note == "two cells\ntouch; 50 % \u00a0ß"
    assert kept.at.utcoffset() == timedelta(0)
    assert abs(datetime.now(UTC) - kept.at) < timedelta(minutes=1)
    assert reviews.of_cells(database, "Ada", of="model") == (kept,)


def test_put__replaces_ones_own_mark_only(database: Database) -> None:
    add(database, "ada")
    add(database, "bob")
    mark(database, "ada", note="first")
    of_bob = mark(database, "bob", mark="model_wrong")
    elsewhere = mark(database, "ada", of="other")
    second = mark(database, "ada", mark="bad_picture", note="second")
    assert reviews.of_cells(database, "ada", of="model") == (second,)
    assert reviews.of_cells(database, "bob", of="model") == (of_bob,)
    assert reviews.of_cells(database, "ada", of="other") == (elsewhere,)


@pytest.mark.parametrize("known", reviews.MARKS)
def test_put__every_mark(database: Database, known: str) -> None:
    add(database, "ada")
    assert mark(database, "ada", mark=known).mark == known


def test_put__an_unknown_mark(database: Database) -> None:
    add(database, "ada")
    with pytest.raises(StoreError, match=r"no mark 'odd'; use one of: label_wrong, model_wrong"):
        mark(database, "ada", mark="odd")
    assert reviews.of_cells(database, None, of="model") == ()


def test_put__the_longest_note(database: Database) -> None:
    add(database, "ada")
    assert len(mark(database, "ada", note=f" {'ä' * 500} ").note) == 500
    with pytest.raises(StoreError, match="at most 500 characters, but this one has 501; shorten"):
        mark(database, "ada", note="ä" * 501)


@pytest.mark.parametrize("note", ["a\0b", "a\x1bb", "\ud800"])
def test_put__a_note_that_no_database_keeps(database: Database, note: str) -> None:
    add(database, "ada")
    with pytest.raises(StoreError, match="can't be kept"):
        mark(database, "ada", note=note)


@pytest.mark.parametrize(
    ("image_id", "of", "words"),
    [("", "model", "image id"), ("x" * 301, "model", "image id"), ("cell 1", "", "data or model")],
)
def test_put__bad_keys(database: Database, image_id: str, of: str, words: str) -> None:
    add(database, "ada")
    with pytest.raises(StoreError, match=words):
        mark(database, "ada", image_id, of=of)


def test_put__no_such_account(database: Database) -> None:
    with pytest.raises(StoreError, match="no account named 'nobody'"):
        mark(database, "nobody")


def test_put__processes_mark_the_same_cells(config: Settings) -> None:
    add(databases.connect(config), "ada")
    with multiprocessing.get_context("spawn").Pool(3) as pool:
        pool.map(_mark_ten, [config] * 3)
    kept = reviews.of_cells(databases.connect(config), "ada", of="model")
    assert sorted(review.image_id for review in kept) == [f"cell {number}" for number in range(10)]


def test_of_cells__of_all_accounts_the_last_given_last(database: Database) -> None:
    add(database, "ada")
    add(database, "bob")
    for username, image_id in [("ada", "cell 2"), ("bob", "cell 2"), ("ada", "cell 1")]:
        mark(database, username, image_id)
    mark(database, "ada", "cell 2", "model_wrong")
    everybody = reviews.of_cells(database, None, of="model")
    assert [(review.username, review.image_id) for review in everybody] == [
        ("bob", "cell 2"),
        ("ada", "cell 1"),
        ("ada", "cell 2"),
    ]
    assert reviews.of_cells(database, "nobody", of="model") == ()
    assert reviews.of_cells(database, None, of="other") == ()


def test_remove__ones_own_mark_only(database: Database) -> None:
    add(database, "ada")
    add(database, "bob")
    mark(database, "ada")
    kept = (mark(database, "ada", "cell 2"), mark(database, "bob"))
    elsewhere = mark(database, "ada", of="other")
    for _ in range(2):
        reviews.remove(database, "Ada", of="model", image_id="cell 1")
    assert reviews.of_cells(database, None, of="model") == kept
    assert reviews.of_cells(database, None, of="other") == (elsewhere,)


def test_remove__no_such_account(database: Database) -> None:
    with pytest.raises(StoreError, match="no account named 'nobody'"):
        reviews.remove(database, "nobody", of="model", image_id="cell 1")


def test_account_row__takes_its_marks_with_it(database: Database) -> None:
    add(database, "ada")
    add(database, "bob")
    mark(database, "ada")
    kept = mark(database, "bob")
    with database.write() as session:
        session.execute(text("DELETE FROM account WHERE username = 'ada'"))
    assert reviews.of_cells(database, None, of="model") == (kept,)


def test_table__knows_the_same_marks(database: Database) -> None:
    add(database, "ada")
    mark(database, "ada")
    with pytest.raises(exc.IntegrityError), database.write() as session:
        session.execute(text("UPDATE review SET mark = 'odd'"))


def _mark_ten(config: Settings) -> None:
    opened = databases.connect(config)
    for number in range(10):
        mark(opened, "ada", f"cell {number}")
