from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import exc, text

from allcore.errors import StoreError
from allcore.settings import Settings
from allcore.store import database as databases
from allcore.store import reviews
from allcore.store.database import Database
from allcore.store.reviews import Judgement, ReviewItem
from tests import forking
from tests.store.people import add


@pytest.fixture
def people(database: Database) -> Database:
    for name in ("ada", "bob", "carl"):
        add(database, name)
    return database


def put(database: Database, username: str, *cells: str, of: str = "model", **reasons: str) -> int:
    wanted = dict.fromkeys(cells, "error") | reasons
    return reviews.queue_cells(database, username, of=of, reasons=wanted)


def judge(
    database: Database,
    username: str,
    cell: str,
    seen: str = "all",
    *,
    of: str = "model",
    note: str = "",
) -> Judgement:
    return reviews.judge(database, username, of=of, image_id=cell, seen=seen, note=note)


def seen(database: Database, *, of: str = "model") -> list[tuple[str, str, str]]:
    found = reviews.judgements(database, of=of)
    return [(each.image_id, each.username, each.seen) for each in found]


def queued(database: Database, *, of: str = "model") -> dict[str, ReviewItem]:
    return {item.image_id: item for item in reviews.items(database, of=of)}


def test_put__keeps_who_why_and_when(people: Database) -> None:
    wanted = {"细胞 1": "error", "b": "suspicious", "c": "chosen", "d": "control"}
    assert reviews.queue_cells(people, "ADA", of="model", reasons=wanted) == 4
    kept = queued(people)
    assert {name: item.reason for name, item in kept.items()} == wanted
    assert {item.added_by for item in kept.values()} == {"ada"}
    at = kept["b"].at
    assert at.utcoffset() == timedelta(0)
    assert abs(datetime.now(UTC) - at) < timedelta(minutes=1)


def test_put__the_same_cell_once_a_queue(people: Database) -> None:
    assert put(people, "ada", "a", "b") == 2
    assert put(people, "bob", "b", "c", a="chosen") == 1
    assert put(people, "bob", "a", of="other") == 1
    kept = queued(people)
    assert {name: (item.reason, item.added_by) for name, item in kept.items()} == {
        "a": ("error", "ada"),
        "b": ("error", "ada"),
        "c": ("error", "bob"),
    }
    assert reviews.queues(people) == {"model": 3, "other": 1}


def test_put__the_rows_follow_no_reason(people: Database) -> None:
    """Numbers of rows must not tell errors from controls."""
    errors, controls = [f"e{n}" for n in range(20)], [f"c{n}" for n in range(20)]
    put(people, "ada", *errors, **dict.fromkeys(controls, "control"))
    order = [item.reason for item in reviews.items(people, of="model")]
    assert 3 < order[:20].count("control") < 17


@pytest.mark.parametrize(
    ("of", "cells", "words"),
    [
        ("model", {}, "no cells to queue"),
        ("model", {"a": "odd"}, "no reason 'odd'; use one of: error, suspicious"),
        ("model", {"": "error"}, "image id"),
        ("model", {"x" * 301: "error"}, "image id"),
        ("", {"a": "error"}, "data or model"),
        ("model", dict.fromkeys(map(str, range(20_001)), "error"), "At most 20,000 cells"),
    ],
)
def test_put__broken_rules(people: Database, of: str, cells: dict[str, str], words: str) -> None:
    with pytest.raises(StoreError, match=words):
        reviews.queue_cells(people, "ada", of=of, reasons=cells)
    assert reviews.queues(people) == {}


def test_put__no_such_account(people: Database) -> None:
    with pytest.raises(StoreError, match="no account named 'nobody'"):
        put(people, "nobody", "a")


def test_put__processes_queue_the_same_cells(config: Settings) -> None:
    add(databases.connect(config), "ada")
    with forking.CONTEXT.Pool(3) as pool:
        new = pool.map(_put_ten, [config] * 3)
    assert sum(new) == 10
    assert reviews.queues(databases.connect(config)) == {"model": 10}


def test_items__of_one_cell(people: Database) -> None:
    put(people, "ada", "a", "b")
    assert [item.image_id for item in reviews.items(people, of="model", image_id="b")] == ["b"]
    assert reviews.items(people, of="model", image_id="c") == ()
    assert reviews.items(people, of="other") == ()


def test_judge__gives_what_was_kept(people: Database) -> None:
    put(people, "ada", "a")
    kept = judge(people, "BOB", "a", "hem", note=" two cells\r\ntouch; 50 % \u00a0ß ")
    assert (kept.of, kept.image_id, kept.username, kept.seen) == ("model", "a", "bob", "hem")
    assert kept.note == "two cells\ntouch; 50 % \u00a0ß"
    assert kept.given_at.utcoffset() == timedelta(0)
    assert kept.changed_at is None
    assert reviews.judgements(people, of="model") == (kept,)


def test_judge__again_replaces_and_keeps_its_place(people: Database) -> None:
    put(people, "ada", "a")
    first = judge(people, "ada", "a", "all", note="first")
    judge(people, "bob", "a", "unsure")
    again = judge(people, "ada", "a", "hem", note="second")
    assert seen(people) == [("a", "ada", "hem"), ("a", "bob", "unsure")]
    assert (again.note, again.given_at) == ("second", first.given_at)
    assert again.changed_at is not None
    assert again.changed_at >= first.given_at


def test_judge__more_than_two_are_kept(people: Database) -> None:
    put(people, "ada", "a", "b")
    put(people, "ada", "a", of="other")
    for name in ("carl", "ada", "bob"):
        judge(people, name, "a")
    judge(people, "bob", "b", "bad_picture")
    judge(people, "bob", "a", "unsure", of="other")
    assert [name for _, name, _ in seen(people)] == ["carl", "ada", "bob", "bob"]
    assert seen(people, of="other") == [("a", "bob", "unsure")]
    assert [each.seen for each in reviews.judgements(people, of="model", image_id="b")] == [
        "bad_picture"
    ]


@pytest.mark.parametrize("known", reviews.JUDGEMENTS)
def test_judge__every_answer(people: Database, known: str) -> None:
    put(people, "ada", "a")
    assert judge(people, "ada", "a", known).seen == known


def test_judge__an_unknown_answer(people: Database) -> None:
    put(people, "ada", "a")
    with pytest.raises(StoreError, match=r"no judgement 'label_wrong'; use one of: all, hem"):
        judge(people, "ada", "a", "label_wrong")
    assert seen(people) == []


def test_judge__a_cell_that_is_not_queued(people: Database) -> None:
    put(people, "ada", "a")
    for cell, of in (("b", "model"), ("a", "other")):
        with pytest.raises(StoreError, match="no longer in the queue"):
            judge(people, "ada", cell, of=of)


def test_judge__not_a_cell_chosen_by_oneself(people: Database) -> None:
    put(people, "ada", a="chosen")
    with pytest.raises(StoreError, match="with its label in sight"):
        judge(people, "ada", "a")
    judge(people, "bob", "a")
    assert seen(people) == [("a", "bob", "all")]
    [item] = reviews.items(people, of="model")
    assert [item.open_to(name) for name in ("ada", "bob")] == [False, True]


def test_judge__the_longest_note(people: Database) -> None:
    put(people, "ada", "a")
    assert len(judge(people, "ada", "a", note=f" {'ä' * 500} ").note) == 500
    with pytest.raises(StoreError, match="at most 500 characters, but this one has 501; shorten"):
        judge(people, "ada", "a", note="ä" * 501)


@pytest.mark.parametrize("note", ["a\0b", "a\x1bb", "\ud800", "a\u202eb"])
def test_judge__a_note_that_no_database_keeps(people: Database, note: str) -> None:
    put(people, "ada", "a")
    with pytest.raises(StoreError, match="can't be kept"):
        judge(people, "ada", "a", note=note)


def test_judge__no_such_account(people: Database) -> None:
    put(people, "ada", "a")
    with pytest.raises(StoreError, match="no account named 'nobody'"):
        judge(people, "nobody", "a")


def test_judge__processes_judge_the_same_cells(config: Settings) -> None:
    opened = databases.connect(config)
    add(opened, "ada")
    put(opened, "ada", *(f"cell {number}" for number in range(10)))
    with forking.CONTEXT.Pool(3) as pool:
        pool.map(_judge_ten, [config] * 3)
    assert len(reviews.judgements(opened, of="model")) == 10


def test_withdraw__ones_own_that_nobody_has_judged(people: Database) -> None:
    put(people, "ada", "a", "b", "c")
    put(people, "bob", "d")
    put(people, "ada", "a", of="other")
    judge(people, "bob", "a")
    assert reviews.withdraw(people, "Ada", of="model", image_ids=["b", "d", "a"]) == 1
    assert set(queued(people)) == {"a", "c", "d"}
    assert reviews.withdraw(people, "ada", of="model") == 1
    assert set(queued(people)) == {"a", "d"}
    assert set(queued(people, of="other")) == {"a"}
    assert reviews.withdraw(people, "ada", of="model") == 0
    assert seen(people) == [("a", "bob", "all")]


def test_account_row__leaves_its_judgements_and_its_queue(people: Database) -> None:
    put(people, "ada", "a", b="chosen")
    judge(people, "ada", "a")
    judge(people, "bob", "a")
    with people.write() as session:
        session.execute(text("DELETE FROM account WHERE username = 'ada'"))
    assert {name: item.added_by for name, item in queued(people).items()} == {"a": None, "b": None}
    assert seen(people) == [("a", "", "all"), ("a", "bob", "all")]
    judge(people, "bob", "b")


@pytest.mark.parametrize(
    "change", ["UPDATE judgement SET seen = 'odd'", "UPDATE review_item SET reason = 'odd'"]
)
def test_tables__know_the_same_words(people: Database, change: str) -> None:
    put(people, "ada", "a")
    judge(people, "ada", "a")
    with pytest.raises(exc.IntegrityError), people.write() as session:
        session.execute(text(change))


def _put_ten(config: Settings) -> int:
    return put(databases.connect(config), "ada", *(f"cell {number}" for number in range(10)))


def _judge_ten(config: Settings) -> None:
    opened = databases.connect(config)
    for number in range(10):
        judge(opened, "ada", f"cell {number}")
