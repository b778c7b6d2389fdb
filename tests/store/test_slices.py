import contextlib
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from allcore.errors import StoreError
from allcore.settings import Settings
from allcore.store import database as databases
from allcore.store import slices
from allcore.store.database import Database
from tests import forking
from tests.store.people import add

IDS = ("UID_11_10_1_all", "UID_H2_3_1_hem")


def keep(database: Database, username: str, name: str, *, of: str = "digest") -> slices.SavedSlice:
    return slices.save(database, username, of=of, name=name, image_ids=IDS)


def test_save__gives_what_was_kept(database: Database) -> None:
    add(database, "ada")
    kept = slices.save(
        database, "Ada", of="digest", name="  dark \u00a0 cells ", image_ids=[*IDS, IDS[0]]
    )
    assert (kept.of, kept.name, kept.image_ids) == ("digest", "dark cells", IDS)
    assert kept.created_at.utcoffset() == timedelta(0)
    assert abs(datetime.now(UTC) - kept.created_at) < timedelta(minutes=1)
    assert slices.list_of(database, "ADA", of="digest") == (kept,)


def test_save__the_most_images(database: Database) -> None:
    add(database, "ada")
    ids = [f"UID_{number // 300}_{number}_1_all" for number in range(slices.MAX_IMAGES)]
    slices.save(database, "ada", of="digest", name="many", image_ids=ids)
    with database.read() as session:
        packed = session.scalar(text("SELECT image_ids FROM saved_slice"))
    assert slices.list_of(database, "ada", of="digest")[0].image_ids == tuple(ids)
    assert len(bytes(packed)) < 150_000
    with pytest.raises(StoreError, match=r"at most 20,000 images, but 20,001 are selected"):
        slices.save(database, "ada", of="digest", name="more", image_ids=[*ids, "another"])


def test_save__unusual_characters(database: Database) -> None:
    add(database, "ada")
    kept = slices.save(
        database, "ada", of="Modèle 1", name="Größe 'x' %_;--", image_ids=["细胞 1", '"\\,[']
    )
    assert slices.list_of(database, "ada", of="Modèle 1") == (kept,)


def test_save__name_taken_only_in_the_same_place(database: Database) -> None:
    add(database, "ada")
    add(database, "bob")
    keep(database, "ada", "dark")
    keep(database, "bob", "dark")
    keep(database, "ada", "dark", of="other")
    with pytest.raises(StoreError, match="a slice named 'dark' here already; choose another"):
        keep(database, "ada", " dark ")
    assert len(slices.list_of(database, "ada", of="digest")) == 1


@pytest.mark.parametrize("name", ["", "  ", "x" * 81, "a\0b", "a\x07b"])
def test_save__bad_names(database: Database, name: str) -> None:
    add(database, "ada")
    with pytest.raises(StoreError, match="1 to 80 characters"):
        keep(database, "ada", name)
    assert slices.list_of(database, "ada", of="digest") == ()


def test_save__the_longest_name(database: Database) -> None:
    add(database, "ada")
    assert keep(database, "ada", f" {'ä' * 80} ").name == "ä" * 80


@pytest.mark.parametrize("image_ids", [[""], ["x" * 301], ["a\0b"], ["\udc80"]])
def test_save__bad_image_ids(database: Database, image_ids: list[str]) -> None:
    add(database, "ada")
    with pytest.raises(StoreError, match="image id"):
        slices.save(database, "ada", of="digest", name="dark", image_ids=image_ids)


def test_save__an_empty_selection(database: Database) -> None:
    add(database, "ada")
    with pytest.raises(StoreError, match="no images in this selection"):
        slices.save(database, "ada", of="digest", name="none", image_ids=[])


@pytest.mark.parametrize("of", ["", "x" * 201])
def test_save__bad_key_of_the_data(database: Database, of: str) -> None:
    add(database, "ada")
    with pytest.raises(StoreError, match="name of the data or model"):
        keep(database, "ada", "dark", of=of)


def test_save__no_such_account(database: Database) -> None:
    with pytest.raises(StoreError, match="no account named 'nobody'"):
        keep(database, "nobody", "dark")


def test_save__processes_want_one_name(config: Settings) -> None:
    add(databases.connect(config), "ada")
    with forking.CONTEXT.Pool(3) as pool:
        kept = pool.map(_keep_ten, [config] * 3)
    assert sum(kept) == 10
    assert len(slices.list_of(databases.connect(config), "ada", of="digest")) == 10


def test_list_of__only_ones_own_in_the_order_made(database: Database) -> None:
    add(database, "ada")
    add(database, "bob")
    for username, name, of in [
        ("ada", "z", "digest"),
        ("bob", "b", "digest"),
        ("ada", "a", "digest"),
        ("ada", "c", "other"),
    ]:
        keep(database, username, name, of=of)
    listed = slices.list_of(database, "ada", of="digest")
    assert [kept.name for kept in listed] == ["z", "a"]
    assert slices.list_of(database, "nobody", of="digest") == ()


def test_delete__only_ones_own(database: Database) -> None:
    add(database, "ada")
    add(database, "bob")
    kept, other = keep(database, "ada", "dark"), keep(database, "ada", "small")
    with pytest.raises(StoreError, match="not there any more"):
        slices.delete(database, "bob", kept.id)
    assert slices.list_of(database, "ada", of="digest") == (kept, other)
    slices.delete(database, "ada", kept.id)
    assert slices.list_of(database, "ada", of="digest") == (other,)
    with pytest.raises(StoreError, match="not there any more"):
        slices.delete(database, "ada", kept.id)


def test_account_row__takes_its_slices_with_it(database: Database) -> None:
    add(database, "ada")
    add(database, "bob")
    keep(database, "ada", "dark")
    kept = keep(database, "bob", "dark")
    with database.write() as session:
        session.execute(text("DELETE FROM account WHERE username = 'ada'"))
    with database.read() as session:
        assert session.scalars(text("SELECT id FROM saved_slice")).all() == [kept.id]


def _keep_ten(config: Settings) -> int:
    opened, kept = databases.connect(config), 0
    for number in range(10):
        with contextlib.suppress(StoreError):
            keep(opened, "ada", f"slice {number}")
            kept += 1
    return kept


def test_tag__adds_to_the_tag_of_this_name(database: Database) -> None:
    add(database, "ada")
    add(database, "bob")
    slices.tag(database, "ada", name=" dark ", image_ids=IDS[:1])
    tag = slices.tag(database, "ada", name="dark", image_ids=IDS)
    assert (tag.of, tag.name, tag.image_ids) == (slices.TAGS, "dark", IDS)
    own = keep(database, "ada", "dark")
    assert slices.list_of(database, "ada", of="digest") == (tag, own)  # tags hold for every model
    assert slices.list_of(database, "ada", of="other") == (tag,)
    assert slices.list_of(database, "bob", of="digest") == ()


def test_tag__bad_input(database: Database) -> None:
    add(database, "ada")
    with pytest.raises(StoreError, match="A tag's name has 1 to 80 characters"):
        slices.tag(database, "ada", name=" ", image_ids=IDS)
    with pytest.raises(StoreError, match="no images in this selection"):
        slices.tag(database, "ada", name="none", image_ids=[])
