import hashlib
import os
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import delete, select, text

from allcore.errors import StoreError
from allcore.inference.results import Prediction
from allcore.settings import Settings
from allcore.store import (
    admin_settings,
    batches,
    deletion,
    flags,
    history,
    pictures,
    reviews,
    storage,
)
from allcore.store.database import Database
from allcore.store.history import HistoryAnswer, HistoryQuery
from allcore.store.models import Account, PredictionRow, StoredPictureRow
from tests.store.people import add

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
BLAST = Prediction("all", 0.87, 1.9, 0.5, ood_score=0.4)
NORMAL = Prediction("hem", 0.12, -2.0, 0.5)
REFUSED = Prediction("refused", None, None, 0.5, "It is out of focus.", "focused", 0.6, 1.5)


@pytest.fixture
def people(database: Database, config: Settings, monkeypatch: pytest.MonkeyPatch) -> Database:
    monkeypatch.setenv("ALLSCOPE_HOME", str(config.home))
    for name in ("ada", "bob", "carl"):
        add(database, name, role="admin" if name == "carl" else "user", password=None)
    return database


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def answer(
    name: str = "cell.bmp",
    prediction: Prediction = BLAST,
    *,
    data: bytes = b"cell",
    model: str = "net",
    subject: str | None = None,
) -> HistoryAnswer:
    return HistoryAnswer(name, digest(data), model, "f" * 64, 1, prediction, subject)


def names(
    database: Database, username: str = "ada", query: HistoryQuery | None = None
) -> list[str]:
    return [each.answer.name for each in history.search(database, username, query).rows]


def keep_pictures(database: Database, *, days: int = 30) -> None:
    admin_settings.change(database, "carl", {"keep_pictures": True, "picture_days": days})


def test_add__keeps_all_of_an_answer(people: Database) -> None:
    given = [answer("a/细胞.bmp", subject="H12"), answer("b.bmp", NORMAL), answer("c", REFUSED)]
    ids = history.add(people, "ADA", given, at=NOW)
    found = history.search(people, "ada")
    assert found.total == 3
    assert [each.id for each in found.rows] == list(reversed(ids))
    refused, *rest = found.rows
    assert [each.answer for each in rest] == [given[1], given[0]]
    assert refused.answer.prediction.withheld is None  # the probability of a refused picture
    assert (refused.answer.prediction.check, refused.answer.prediction.ood_score) == (
        "focused",
        1.5,
    )
    assert {each.at for each in found.rows} == {NOW}
    assert history.find(people, "ada", ids[0]) == rest[1]


def test_add__names_that_cannot_be_kept_as_they_are(people: Database) -> None:
    history.add(people, "ada", [answer("x\0\n\udcff" + "y" * 400 + ".bmp")])
    [kept] = names(people)
    assert len(kept) == history.MAX_NAME
    assert kept.startswith("…")
    assert kept.endswith("y.bmp")
    history.add(people, "ada", [answer("x\0\n\udcff")])
    assert names(people)[0] == "x\ufffd\ufffd\ufffd"


def test_add__nothing_and_nobody(people: Database) -> None:
    assert history.add(people, "ada", []) == ()
    with pytest.raises(StoreError, match="no account named 'nobody'"):
        history.add(people, "nobody", [answer()])


def test_add__five_thousand_at_once(people: Database) -> None:
    many = [answer(f"{number}.bmp", data=str(number).encode()) for number in range(5000)]
    ids = history.add(people, "ada", many)
    assert len(set(ids)) == 5000
    assert history.search(people, "ada", limit=1).total == 5000
    assert history.find(people, "ada", ids[4711]).answer.name == "4711.bmp"  # type: ignore[union-attr]
    assert history.delete_entries(people, "ada", ids) == 5000


def test_search__each_filter(people: Database) -> None:
    batch = batches.begin(people, "ada", name="x.zip", model="net", model_sha256="f", total=9)
    history.add(people, "ada", [answer("one_%.bmp", subject="H7")], at=NOW)
    history.add(people, "ada", [answer("two.bmp", NORMAL)], at=NOW + timedelta(days=1))
    [third] = history.add(
        people,
        "ada",
        [answer("three.bmp", REFUSED, data=b"3", model="other")],
        batch=batch,
        at=NOW + timedelta(days=2),
    )
    flags.flag(people, "ada", third)
    day = timedelta(days=1)
    for query, expected in (
        (HistoryQuery(), ["three.bmp", "two.bmp", "one_%.bmp"]),
        (HistoryQuery(text=" ONE"), ["one_%.bmp"]),
        (HistoryQuery(text="_%"), ["one_%.bmp"]),
        (HistoryQuery(text="h7"), ["one_%.bmp"]),
        (HistoryQuery(text=digest(b"3")[:9].upper()), ["three.bmp"]),
        (HistoryQuery(verdict="hem"), ["two.bmp"]),
        (HistoryQuery(model="other"), ["three.bmp"]),
        (HistoryQuery(since=NOW + day), ["three.bmp", "two.bmp"]),
        (HistoryQuery(until=NOW + day), ["one_%.bmp"]),
        (HistoryQuery(batch=batch), ["three.bmp"]),
        (HistoryQuery(batch=batch + 1), []),
        (HistoryQuery(flagged=True), ["three.bmp"]),
        (HistoryQuery(text="t", verdict="hem", until=NOW + 2 * day), ["two.bmp"]),
    ):
        assert names(people, query=query) == expected, query
    assert history.models(people, "ada") == ("net", "other")


def test_search__pages(people: Database) -> None:
    history.add(people, "ada", [answer(str(number)) for number in range(7)])
    found = history.search(people, "ada", offset=2, limit=3)
    assert [each.answer.name for each in found.rows] == ["4", "3", "2"]
    assert found.total == 7
    assert len(history.search(people, "ada", limit=None).rows) == 7


def test_another_account__sees_and_changes_nothing(people: Database) -> None:
    keep_pictures(people)
    batch = batches.begin(people, "ada", name="x.zip", model="net", model_sha256="f", total=1)
    [mine] = history.add(
        people, "ada", [answer()], batch=batch, picture_bytes={digest(b"cell"): b"cell"}
    )
    for other in ("bob", "carl"):
        assert history.search(people, other).total == 0
        assert history.search(people, other, HistoryQuery(batch=batch)).total == 0
        assert history.find(people, other, mine) is None
        assert history.models(people, other) == ()
        assert batches.list_of(people, other) == ()
        assert pictures.read(people, other, digest(b"cell")) is None
        assert history.delete_entries(people, other, [mine]) == 0
        assert history.delete_matching(people, other, HistoryQuery()) == 0
        for act in (
            lambda name=other: flags.flag(people, name, mine),
            lambda name=other: flags.unflag(people, name, mine),
            lambda name=other: batches.end(people, name, batch),
            lambda name=other: history.delete_batch(people, name, batch),
            lambda name=other: history.add(people, name, [answer()], batch=batch),
        ):
            with pytest.raises(StoreError, match="not there any more"):
                act()
    assert names(people) == ["cell.bmp"]
    assert pictures.read(people, "ada", digest(b"cell")) == b"cell"


def test_delete__takes_the_picture_with_the_last_answer_about_it(people: Database) -> None:
    keep_pictures(people)
    kept = {digest(b"cell"): b"cell"}
    first, second = history.add(people, "ada", [answer("a"), answer("b")], picture_bytes=kept)
    history.add(people, "bob", [answer("c")], picture_bytes=kept)
    assert history.delete_entries(people, "ada", [first]) == 1
    assert pictures.read(people, "ada", digest(b"cell")) == b"cell"
    assert history.delete_entries(people, "ada", [second, second, 999]) == 1
    assert pictures.read(people, "ada", digest(b"cell")) is None
    assert pictures.read(people, "bob", digest(b"cell")) == b"cell"
    assert len([path for path in pictures.root().rglob("*") if path.is_file()]) == 1


def test_delete_matching__leaves_the_rest(people: Database) -> None:
    history.add(people, "ada", [answer("a"), answer("b", NORMAL), answer("c", NORMAL)])
    assert history.delete_matching(people, "ada", HistoryQuery(verdict="hem")) == 2
    assert names(people) == ["a"]


def test_delete__an_ended_batch_goes_with_its_last_answer(people: Database) -> None:
    ended, running = (
        batches.begin(people, "ada", name=name, model="net", model_sha256="f", total=1)
        for name in ("ended.zip", "running.zip")
    )
    for batch in (ended, running):
        history.add(people, "ada", [answer(), answer()], batch=batch)
    batches.end(people, "ada", ended)
    [last, *_] = history.search(people, "ada", HistoryQuery(batch=ended)).rows
    history.delete_entries(people, "ada", [last.id])
    assert len(batches.list_of(people, "ada")) == 2
    history.delete_matching(people, "ada", HistoryQuery())
    assert [each.name for each in batches.list_of(people, "ada")] == ["running.zip"]


def test_delete_batch__and_what_is_added_later(people: Database) -> None:
    batch = batches.begin(people, "ada", name="x.zip", model="net", model_sha256="f", total=3)
    history.add(people, "ada", [answer("in"), answer("in")], batch=batch)
    history.add(people, "ada", [answer("out")])
    assert history.delete_batch(people, "ada", batch) == 2
    assert names(people) == ["out"]
    with pytest.raises(StoreError, match="batch is not there any more"):
        history.add(people, "ada", [answer("late")], batch=batch)


def test_batches__state_and_count(people: Database) -> None:
    batch = batches.begin(
        people, "ada", name="cells.zip", model="net", model_sha256="f" * 64, total=3
    )
    history.add(people, "ada", [answer(), answer()], batch=batch)
    [found] = batches.list_of(people, "ada")
    assert found is not None
    assert (found.name, found.state, found.answered, found.total) == ("cells.zip", "running", 2, 3)
    batches.end(people, "ada", batch, state="cancelled")
    [ended] = batches.list_of(people, "ada")
    assert ended.state == "cancelled"
    assert batches.names(people, "ada") == {batch: "cells.zip"}
    assert batches.names(people, "bob") == {}
    assert ended.ended_at is not None
    with pytest.raises(ValueError, match="not as interrupted"):
        batches.end(people, "ada", batch, state="interrupted")


def test_batches__silent_ones_are_interrupted(people: Database) -> None:
    batch = batches.begin(people, "ada", name="x", model="net", model_sha256="f", total=3)
    soon = datetime.now(UTC) + timedelta(seconds=110)
    later = datetime.now(UTC) + timedelta(seconds=130)
    assert [each.state for each in batches.list_of(people, "ada", now=soon)] == ["running"]
    assert [each.state for each in batches.list_of(people, "ada", now=later)] == ["interrupted"]
    batches.end(people, "ada", batch)
    assert [each.state for each in batches.list_of(people, "ada", now=later)] == ["done"]


def test_batches__answers_are_signs_of_life(people: Database) -> None:
    batch = batches.begin(people, "ada", name="x", model="net", model_sha256="f", total=3)
    with people.write() as session:
        session.execute(text("UPDATE batch SET touched_at = '2020-01-01 00:00:00'"))
    assert [each.state for each in batches.list_of(people, "ada")] == ["interrupted"]
    history.add(people, "ada", [answer()], batch=batch)
    assert [each.state for each in batches.list_of(people, "ada")] == ["running"]


def test_batches__an_incomplete_one_is_resumed(people: Database) -> None:
    batch = batches.begin(people, "ada", name="x", model="net", model_sha256="f", total=2)
    assert not batches.list_of(people, "ada")[0].incomplete
    history.add(people, "ada", [answer()], batch=batch)
    batches.end(people, "ada", batch, state="failed")
    assert batches.list_of(people, "ada")[0].incomplete
    with pytest.raises(StoreError, match="batch is not there any more"):
        batches.resume(people, "bob", batch)
    batches.resume(people, "ada", batch)
    [found] = batches.list_of(people, "ada")
    assert (found.state, found.ended_at) == ("running", None)
    history.add(people, "ada", [answer()], batch=batch)
    batches.end(people, "ada", batch)
    assert not batches.list_of(people, "ada")[0].incomplete


def test_pictures__only_where_allowed(people: Database) -> None:
    kept = {digest(b"cell"): b"cell"}
    history.add(people, "ada", [answer()], picture_bytes=kept)
    assert not pictures.allowed(people)
    assert not pictures.root().exists()
    keep_pictures(people)
    assert pictures.allowed(people)
    history.add(people, "ada", [answer()], picture_bytes=kept)
    assert pictures.read(people, "ada", digest(b"cell")) == b"cell"
    [path] = [path for path in pictures.root().rglob("*") if path.is_file()]
    assert path.name == digest(b"cell")
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_pictures__a_digest_that_is_a_path(people: Database) -> None:
    keep_pictures(people)
    with pytest.raises(StoreError, match="SHA-256"):
        history.add(people, "ada", [answer()], picture_bytes={"../../../etc/passwd": b""})
    assert history.search(people, "ada").total == 0


def test_pictures__a_file_that_has_gone(people: Database) -> None:
    keep_pictures(people)
    history.add(people, "ada", [answer()], picture_bytes={digest(b"cell"): b"cell"})
    for path in pictures.root().rglob("*"):
        if path.is_file():
            path.unlink()
    assert pictures.read(people, "ada", digest(b"cell")) is None
    history.delete_matching(people, "ada", HistoryQuery())


def test_purge__pictures_by_their_time(people: Database) -> None:
    keep_pictures(people, days=30)
    now = datetime.now(UTC)
    history.add(people, "ada", [answer()], picture_bytes={digest(b"cell"): b"cell"})
    admin_settings.change(people, "carl", {"picture_days": 300})  # for new pictures only
    deletion.delete_expired(people, now=now + timedelta(days=29))
    assert pictures.read(people, "ada", digest(b"cell")) == b"cell"
    deletion.delete_expired(people, now=now + timedelta(days=31))
    assert pictures.read(people, "ada", digest(b"cell")) is None
    assert not [path for path in pictures.root().rglob("*") if path.is_file()]
    assert names(people) == ["cell.bmp"]


def test_purge__a_shorter_time_holds_for_all(people: Database) -> None:
    keep_pictures(people, days=30)
    history.add(people, "ada", [answer()], picture_bytes={digest(b"cell"): b"cell"})
    with people.write() as session:
        row = session.scalars(select(StoredPictureRow)).one()
        row.kept_at -= timedelta(days=10)
    assert pictures.read(people, "ada", digest(b"cell")) == b"cell"
    admin_settings.change(people, "carl", {"picture_days": 9})
    assert pictures.read(people, "ada", digest(b"cell")) is None  # before anyone purges
    deletion.delete_expired(people)
    assert storage.usage_by_account(people)[0].pictures == 0


def test_purge__all_pictures_where_they_are_no_longer_allowed(people: Database) -> None:
    keep_pictures(people)
    history.add(people, "ada", [answer()], picture_bytes={digest(b"cell"): b"cell"})
    admin_settings.change(people, "carl", {"keep_pictures": False})
    assert pictures.read(people, "ada", digest(b"cell")) is None
    deletion.delete_expired(people)
    assert not [path for path in pictures.root().rglob("*") if path.is_file()]


def test_purge__answers_only_where_they_have_a_time(people: Database) -> None:
    batch = batches.begin(people, "ada", name="x", model="net", model_sha256="f", total=1)
    now = datetime.now(UTC)
    history.add(people, "ada", [answer("old")], batch=batch, at=now - timedelta(days=99))
    history.add(people, "ada", [answer("new")])
    deletion.delete_expired(people)
    assert names(people) == ["new", "old"]
    admin_settings.change(people, "carl", {"history_days": 90})
    deletion.delete_expired(people)
    assert names(people) == ["new"]
    assert len(batches.list_of(people, "ada")) == 1  # it may still be running
    deletion.delete_expired(people, now=now + timedelta(days=91))
    assert names(people) == []
    assert batches.list_of(people, "ada") == ()


def test_purge__files_that_no_row_names(people: Database) -> None:
    keep_pictures(people)
    history.add(people, "ada", [answer()], picture_bytes={digest(b"cell"): b"cell"})
    for age in (10, 7200):
        lost = pictures.root() / "77" / digest(str(age).encode())
        lost.parent.mkdir(exist_ok=True)
        lost.write_bytes(b"lost")
        os.utime(lost, (time.time() - age, time.time() - age))
    deletion.delete_expired(people)
    left = {path.name for path in pictures.root().rglob("*") if path.is_file()}
    assert left == {digest(b"cell"), digest(b"10")}


def test_tidy__once_an_hour(people: Database) -> None:
    assert deletion.delete_expired_hourly(people, now=NOW)
    assert not deletion.delete_expired_hourly(people, now=NOW + timedelta(minutes=59))
    assert deletion.delete_expired_hourly(people, now=NOW + timedelta(minutes=61))


def test_account_that_is_deleted__takes_all_with_it(people: Database) -> None:
    keep_pictures(people)
    batch = batches.begin(people, "ada", name="x", model="net", model_sha256="f", total=1)
    history.add(people, "ada", [answer()], batch=batch, picture_bytes={digest(b"cell"): b"cell"})
    with people.write() as session:
        session.execute(delete(Account).where(Account.username == "ada"))
    with people.read() as session:
        assert session.scalars(select(PredictionRow)).all() == []
        assert session.scalars(select(StoredPictureRow)).all() == []
    assert batches.list_of(people, "ada") == ()


def test_usage__numbers_only(people: Database) -> None:
    keep_pictures(people)
    batches.begin(people, "ada", name="secret.zip", model="net", model_sha256="f", total=1)
    ids = history.add(
        people,
        "ada",
        [answer("secret.bmp"), answer("b", data=b"longer")],
        picture_bytes={digest(b"cell"): b"cell", digest(b"longer"): b"longer"},
    )
    flags.flag(people, "ada", ids[0], "secret note")
    ada, bob, carl = storage.usage_by_account(people)
    assert ada == storage.AccountUsage(
        "ada", predictions=2, flagged=1, batches=1, pictures=2, picture_bytes=10
    )
    assert bob == storage.AccountUsage("bob", 0, 0, 0, 0, 0)
    assert "secret" not in str((ada, bob, carl))


def test_flag__queues_the_picture_and_keeps_the_note(people: Database) -> None:
    [mine] = history.add(people, "ada", [answer()])
    flags.flag(people, "ada", mine, " dark nucleus ")
    flags.flag(people, "ada", mine, "changed")
    [item] = reviews.items(people, of="net")
    assert item.image_id == f"upload:{digest(b'cell')}"
    assert (item.reason, item.added_by) == ("flagged", "ada")
    assert item.uploaded
    asked = history.find(people, "ada", mine)
    assert asked is not None
    assert asked.flag_note == "changed"
    [flag] = flags.list_of(people, "net")
    assert (flag.image_id, flag.note, flag.verdict, flag.p_all) == (
        item.image_id,
        "changed",
        "all",
        0.87,
    )
    assert asked.flagged_at == flag.at


def test_flag__who_has_asked_does_not_judge(people: Database) -> None:
    [mine] = history.add(people, "ada", [answer()])
    history.add(people, "bob", [answer("another name")])
    flags.flag(people, "ada", mine)
    [item] = reviews.items(people, of="net")
    assert [item.open_to(name) for name in ("ada", "bob", "carl")] == [False, False, True]
    for name in ("ada", "bob"):
        with pytest.raises(StoreError, match="You know the model's answer"):
            reviews.judge(people, name, of="net", image_id=item.image_id, seen="all")
    reviews.judge(people, "carl", of="net", image_id=item.image_id, seen="all")


def test_flag__cells_of_a_field_are_items_of_their_own(people: Database) -> None:
    cells = [replace(answer(), cell=number, cut={"candidate": number}) for number in (1, 12)]
    first, second = history.add(people, "ada", cells)
    history.add(people, "bob", [replace(answer(), cell=3, cut={})])
    flags.flag(people, "ada", first)
    flags.flag(people, "ada", second)
    ids = [f"upload:{digest(b'cell')}#{number}" for number in (1, 12)]
    assert [item.image_id for item in reviews.items(people, of="net")] == ids
    assert [flag.image_id for flag in flags.list_of(people, "net")] == ids
    assert [flags.cut_of(people, "net", each) for each in ids] == [one.cut for one in cells]
    assert flags.cut_of(people, "net", f"upload:{digest(b'cell')}") is None
    [item] = reviews.items(people, of="net", image_id=ids[0])
    assert [item.open_to(name) for name in ("ada", "bob", "carl")] == [False, False, True]
    flags.unflag(people, "ada", first)
    assert [item.image_id for item in reviews.items(people, of="net")] == ids[1:]


def test_flag__what_could_not_be_read(people: Database) -> None:
    [mine] = history.add(people, "ada", [HistoryAnswer("x", "", "net", "f", 1, REFUSED)])
    with pytest.raises(StoreError, match="no picture to review"):
        flags.flag(people, "ada", mine)
    assert reviews.queues(people) == {}


def test_flag__a_note_too_long(people: Database) -> None:
    [mine] = history.add(people, "ada", [answer()])
    with pytest.raises(StoreError, match="at most 500 characters"):
        flags.flag(people, "ada", mine, "x" * 501)
    assert flags.list_of(people, "net") == ()


def test_unflag__leaves_what_others_flagged_or_judged(people: Database) -> None:
    [ada], [bob] = (history.add(people, name, [answer()]) for name in ("ada", "bob"))
    flags.flag(people, "ada", ada)
    flags.flag(people, "bob", bob)
    flags.unflag(people, "ada", ada)
    assert len(reviews.items(people, of="net")) == 1
    flags.unflag(people, "bob", bob)
    assert reviews.items(people, of="net") == ()
    flags.flag(people, "ada", ada)
    [item] = reviews.items(people, of="net")
    reviews.judge(people, "carl", of="net", image_id=item.image_id, seen="all")
    flags.unflag(people, "ada", ada)
    assert len(reviews.items(people, of="net")) == 1
    assert flags.list_of(people, "net") == ()


def test_flag__goes_with_the_answer(people: Database) -> None:
    [mine] = history.add(people, "ada", [answer()])
    reviews.queue_cells(people, "bob", of="net", reasons={"other": "error"})
    flags.flag(people, "ada", mine)
    history.delete_entries(people, "ada", [mine])
    assert [item.image_id for item in reviews.items(people, of="net")] == ["other"]


def test_flagged_picture__only_of_who_flagged(people: Database) -> None:
    keep_pictures(people)
    kept = {digest(b"cell"): b"cell"}
    history.add(people, "bob", [answer()], picture_bytes=kept)
    [mine] = history.add(people, "ada", [answer()])
    flags.flag(people, "ada", mine)  # whose picture is not kept; bob's is not given away
    assert pictures.read_flagged(people, "net", digest(b"cell")) is None
    history.add(people, "ada", [answer()], picture_bytes=kept)
    assert pictures.read_flagged(people, "net", digest(b"cell")) == b"cell"
    assert pictures.read_flagged(people, "other", digest(b"cell")) is None
    flags.unflag(people, "ada", mine)
    assert pictures.read_flagged(people, "net", digest(b"cell")) is None


def test_withdraw__leaves_flagged_answers(people: Database) -> None:
    [mine] = history.add(people, "ada", [answer()])
    reviews.queue_cells(people, "ada", of="net", reasons={"other": "error"})
    flags.flag(people, "ada", mine)
    assert reviews.withdraw(people, "ada", of="net") == 1
    assert [item.reason for item in reviews.items(people, of="net")] == ["flagged"]


def test_kept_pictures__a_home_without_room(people: Database, tmp_path: Path) -> None:
    keep_pictures(people)
    pictures.root().parent.mkdir(parents=True, exist_ok=True)
    pictures.root().write_text("a file where the folder should be")
    with pytest.raises(StoreError, match="picture can't be kept"):
        history.add(people, "ada", [answer()], picture_bytes={digest(b"cell"): b"cell"})
    assert history.search(people, "ada").total == 0
