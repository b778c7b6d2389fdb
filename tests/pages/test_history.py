import hashlib
import io
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from allcore import model_folder, site_profile
from allcore.inference.predictor import Predictor
from allcore.inference.results import Prediction
from allcore.inference.upload import Rgb
from allcore.notice import RESEARCH_USE
from allcore.store import accounts as stored
from allcore.store import admin_settings, batches, flags, history, pictures, reviews
from allcore.store.history import HistoryAnswer
from allcore.web import accounts
from allcore.web.accounts import Visitor
from allcore.web.history import listing
from tests import validated
from tests.page_runs import open_page, page_text

PAGE = Path(__file__).parents[2] / "pages" / "history.py"
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
BLAST = Prediction("all", 0.87, 1.9, 0.5)
NORMAL = Prediction("hem", 0.12, -2.0, 0.5)
REFUSED = Prediction("refused", None, None, 0.5, "It is out of focus.", "focused")


class Who:
    """Who is signed in; a test may let somebody else take the seat."""

    name = "ada"


@pytest.fixture
def who(home: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> Who:
    seat = Who()
    monkeypatch.setattr(accounts, "visitor", lambda: Visitor(seat.name, "A Person", "user"))
    for name in ("ada", "bob", "boss"):
        role = "admin" if name == "boss" else "user"
        stored.create(accounts.store(), username=name, display_name=name, password=None, role=role)
    return seat


@pytest.fixture
def asked(who: Who) -> Who:
    """Three answers of one's own on three days, two in a batch; one answer of somebody else's."""
    batch = batches.begin(
        accounts.store(), "ada", name="cells_*.zip", model="tiny", model_sha256="f", total=3
    )
    add("first.bmp", BLAST, batch=batch)
    add("second.bmp", NORMAL, batch=batch, days=1)
    add("third_*.bmp", REFUSED, days=2, model="other")
    add("of bob.bmp", BLAST, by="bob")
    batches.end(accounts.store(), "ada", batch, state="cancelled")
    return who


def add(
    name: str,
    prediction: Prediction,
    *,
    data: bytes | None = None,
    by: str = "ada",
    batch: int | None = None,
    days: int = 0,
    model: str = "tiny",
    profile: str | None = None,
) -> int:
    content = name.encode() if data is None else data
    digest = hashlib.sha256(content).hexdigest()
    given = HistoryAnswer(name, digest, model, "f" * 64, 1, prediction, profile=profile)
    [number] = history.add(
        accounts.store(),
        by,
        [given],
        batch=batch,
        picture_bytes={digest: content},
        at=NOON + timedelta(days=days),
    )
    return number


def keep_pictures() -> None:
    admin_settings.change(accounts.store(), "boss", {"keep_pictures": True})


def files(page: AppTest) -> list[str]:
    return list(page.dataframe[0].value["File"]) if page.dataframe else []


def at(**address: str) -> AppTest:
    """The page under an address."""
    page = AppTest.from_file(str(PAGE), default_timeout=60)
    for key, value in address.items():
        page.query_params[key] = value
    page.run()
    assert not page.exception
    return page


def press(page: AppTest, key: str) -> AppTest:
    page.button(key=key).click().run()
    assert not page.exception
    return page


def bmp(rgb: Rgb) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(rgb).save(buffer, "BMP")
    return buffer.getvalue()


def test_page__nothing_asked_yet(who: Who) -> None:
    add("of bob.bmp", BLAST, by="bob")
    page = open_page("history")
    assert page.title[0].value == "History"
    assert RESEARCH_USE in page_text(page)
    assert "You have asked nothing yet" in page_text(page)
    assert "Check a picture" in page_text(page)
    assert not page.dataframe


def test_page__lists_ones_own_the_last_first(asked: Who) -> None:
    page = open_page("history")
    table = page.dataframe[0].value
    assert list(table["File"]) == ["third_*.bmp", "second.bmp", "first.bmp"]
    assert list(table["Verdict"]) == ["refused", "normal", "ALL blast"]
    assert list(table["Batch"]) == ["", "cells_*.zip", "cells_*.zip"]
    assert list(table["Time"]) == ["2026-03-03 12:00", "2026-03-02 12:00", "2026-03-01 12:00"]
    assert "1 to 3 of 3 answers" in page_text(page)
    assert "Answers are kept until you delete them; pictures are not kept." in page_text(page)
    assert "**cells_*.zip**: cancelled, 2 of 3 answers, by tiny" in page_text(page)
    assert "Go on with the other 1" in page_text(page)
    asked.name = "bob"
    assert files(open_page("history")) == ["of bob.bmp"]


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ({"text": "SEC"}, ["second.bmp"]),
        ({"verdict": "ALL blast"}, ["first.bmp"]),
        ({"model": "other"}, ["third_*.bmp"]),
        ({"since": "2026-03-02"}, ["third_*.bmp", "second.bmp"]),
        ({"until": "2026-03-02"}, ["second.bmp", "first.bmp"]),
        ({"since": "2026-03-02", "until": "2026-03-02"}, ["second.bmp"]),
        ({"flagged": "true"}, []),
        ({"batch": "1"}, ["second.bmp", "first.bmp"]),
        ({"batch": "nonsense"}, ["third_*.bmp", "second.bmp", "first.bmp"]),
        ({"batch": "99999999999999999999"}, ["third_*.bmp", "second.bmp", "first.bmp"]),
        ({"batch": "77"}, []),
        ({"verdict": "whatever", "model": "gone"}, ["third_*.bmp", "second.bmp", "first.bmp"]),
    ],
)
def test_page__filters_from_the_address(
    asked: Who, address: dict[str, str], expected: list[str]
) -> None:
    page = at(**address)
    assert files(page) == expected
    if not expected:
        assert "No answer meets all filters" in page_text(page)


def test_page__filters_by_its_controls_and_clears_them(asked: Who) -> None:
    page = open_page("history")
    page.text_input(key="text").set_value("nowhere").run()
    assert not page.dataframe
    next(each for each in page.button if each.label == "Clear all filters").click().run()
    assert len(files(page)) == 3
    page.selectbox(key="verdict").set_value("hem").run()
    assert files(page) == ["second.bmp"]
    page.toggle(key="flagged").set_value(True).run()
    assert not page.dataframe


def test_page__a_batch_and_back(asked: Who) -> None:
    page = press(open_page("history"), "batch_1")
    assert files(page) == ["second.bmp", "first.bmp"]
    assert page.query_params["batch"] == "1"
    assert "Only the batch cells_*.zip" in page_text(page)
    assert len(files(press(page, "all_answers"))) == 3


def test_page__a_batch_of_somebody_else(asked: Who) -> None:
    asked.name = "bob"
    page = at(batch="1")
    assert "batch of this address is not there any more" in page_text(page)
    assert not page.dataframe
    assert "cells_" not in page_text(page)


def test_page__deletes_a_batch_that_has_no_answer(who: Who) -> None:
    batch = batches.begin(
        accounts.store(), "ada", name="empty.zip", model="tiny", model_sha256="f", total=3
    )
    page = at(batch=str(batch))
    assert "Only the batch empty.zip" in page_text(page)
    press(page, "delete_batch")
    assert batches.list_of(accounts.store(), "ada") == ()
    assert "You have asked nothing yet" in page_text(page)
    assert "The batch is deleted, with 0 answers." in page_text(page)


def test_page__turns_pages(who: Who, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "PER_PAGE", 2)
    for number in range(5):
        add(f"{number}.bmp", BLAST, days=number)
    assert files(at()) == ["4.bmp", "3.bmp"]
    page = at(page="3")
    assert files(page) == ["0.bmp"]
    assert "5 to 5 of 5 answers" in page_text(page)
    page.text_input(key="text").set_value("bmp").run()
    assert files(page) == ["4.bmp", "3.bmp"]  # another question begins at its first page
    assert files(at(page="9")) == ["4.bmp", "3.bmp"]


def test_page__one_answer_with_all_it_rests_on(asked: Who) -> None:
    page = at(asked="1")
    drawn = " ".join(each.proto.body for each in page.get("html"))
    assert "</span> ALL blast</div>" in drawn and "first.bmp" in drawn
    assert "0.87, at or above the threshold 0.50" in drawn
    said = page_text(page)
    assert f"weights {'f' * 12}" in said.replace("**", "")
    assert f"SHA-256 {hashlib.sha256(b'first.bmp').hexdigest()[:12]}" in said.replace("**", "")
    assert "Threshold: **0.500**" in said
    assert "The picture was not kept" in drawn


def test_page__a_refused_answer_shows_no_probability(asked: Who) -> None:
    page = at(asked="3")
    drawn = " ".join(each.proto.body for each in page.get("html"))
    assert "</span> Refused: out of focus</div>" in drawn
    assert "It is out of focus." in drawn and "Probability of ALL blast" not in drawn


@pytest.mark.parametrize("number", ["4", "77", "99999999999999999999"])
def test_page__an_answer_that_is_not_ones_own(asked: Who, number: str) -> None:
    page = at(asked=number)
    assert "verdict-block" not in " ".join(each.proto.body for each in page.get("html"))
    assert "of bob" not in page_text(page)


def test_page__flags_changes_and_takes_back(asked: Who) -> None:
    page = at(asked="1")
    page.text_area(key="note_1").set_value("dark nucleus")
    press(page, "flag")
    assert "flagged" in page_text(page)
    assert list(page.dataframe[0].value["Flagged"]) == [False, False, True]
    [item] = reviews.items(accounts.store(), of="tiny")
    assert item.reason == "flagged"
    assert flags.list_of(accounts.store(), "tiny")[0].note == "dark nucleus"
    assert "Your note: **dark nucleus**" in page_text(page)
    press(page, "unflag")
    assert reviews.queues(accounts.store()) == {}
    assert list(page.dataframe[0].value["Flagged"]) == [False, False, False]


def test_page__deletes_one(asked: Who) -> None:
    page = press(at(asked="1"), "delete_one")
    assert files(page) == ["third_*.bmp", "second.bmp"]
    assert "1 answer deleted" in page_text(page)
    assert "asked" not in page.query_params
    assert "verdict-block" not in " ".join(each.proto.body for each in page.get("html"))


def test_page__deletes_all_that_match(asked: Who) -> None:
    page = at(batch="1")
    assert "also on other pages of this list" in page_text(page)
    press(page, "delete_all")
    assert history.search(accounts.store(), "ada").total == 1
    assert history.search(accounts.store(), "bob").total == 1
    assert batches.list_of(accounts.store(), "ada") == ()


def test_rows_of__only_those_there_are(asked: Who) -> None:
    found = history.search(accounts.store(), "ada")
    assert listing.selected_entries([0, 2, 7], found) == [found.rows[0], found.rows[2]]


def test_page__asks_again_by_the_kept_picture(who: Who, tiny_model: Path, cell_image: Rgb) -> None:
    keep_pictures()
    data = bmp(cell_image)
    truth = Predictor.load(tiny_model, "cpu").predict([cell_image])[0]
    assert truth.p_all is not None
    before = Prediction("all" if truth.verdict == "hem" else "hem", 0.4321, 0.1, 0.25)
    number = add("cell.bmp", before, data=data)
    page = at(asked=str(number))
    assert "<img" in " ".join(each.proto.body for each in page.get("html"))
    assert not page.file_uploader
    press(page, "ask_again")
    both = page.dataframe[-1].value.set_index("")
    assert list(both.loc["Probability", ["Then", "Today"]]) == [
        "0.432",
        f"{truth.p_all:.3f}",
    ]
    changed = both["Changed"] == "changed"
    assert list(both.index[changed]) == [
        "Verdict",
        "Probability",
        "Threshold",
        "Weights",
    ]
    assert "Changed since: weights, threshold." in page_text(page)
    newest = history.search(accounts.store(), "ada", limit=1)
    assert newest.total == 2  # the second answer is kept as well
    info = model_folder.read_info(tiny_model)
    assert newest.rows[0].answer.model_sha256 == info.weights_sha256
    assert newest.rows[0].answer.prediction.verdict == truth.verdict
    again = at(asked=str(newest.rows[0].id))
    press(again, "ask_again")
    assert "still. Nothing of the model has changed." in page_text(again)


def test_page__asks_again_by_the_same_file_only(who: Who, cell_image: Rgb) -> None:
    data = bmp(cell_image)
    number = add("cell.bmp", BLAST, data=data)
    page = at(asked=str(number))
    assert not [each for each in page.button if each.key == "ask_again"]
    page.file_uploader[0].set_value([("cell.bmp", data + b"x", "")]).run()
    assert "its SHA-256 differs; drop the same file" in page_text(page)
    assert not [each for each in page.button if each.key == "ask_again"]
    page.file_uploader[0].set_value([("renamed.bmp", data, "")]).run()
    press(page, "ask_again")
    assert len(page.dataframe) == 2
    assert pictures.read(accounts.store(), "ada", hashlib.sha256(data).hexdigest()) is None


def test_page__asks_again_about_what_cannot_be_read(who: Who) -> None:
    keep_pictures()
    number = add("notes.bmp", REFUSED, data=b"only text")
    page = press(at(asked=str(number)), "ask_again")
    both = page.dataframe[-1].value.set_index("")
    assert list(both.loc["Verdict", ["Then", "Today"]]) == ["Refused", "Refused"]
    assert "not a readable BMP" in both.loc["Refused because", "Today"]


def test_page__the_export_holds_the_whole_list(asked: Who, monkeypatch: pytest.MonkeyPatch) -> None:
    from allcore.web.components import charts

    add("=cmd()", BLAST, days=3)
    tables: list[bytes] = []
    monkeypatch.setattr(
        listing, "show_csv_download", lambda table, **_: tables.append(charts.csv_bytes(table()))
    )
    monkeypatch.setattr(listing, "PER_PAGE", 2)
    open_page("history")
    table = pd.read_csv(io.BytesIO(tables[0]))
    assert list(table["file"]) == ["'=cmd()", "third_*.bmp", "second.bmp", "first.bmp"]
    assert set(table["notice"]) == {RESEARCH_USE}
    assert table["p_all"].isna().tolist() == [False, True, False, False]
    assert table["model_sha256"][0] == "f" * 64


def test_page__says_how_long_all_is_kept(asked: Who) -> None:
    admin_settings.change(
        accounts.store(), "boss", {"keep_pictures": True, "picture_days": 7, "history_days": 3650}
    )
    assert "Answers are kept for 3,650 days; pictures for 7 days at most." in page_text(
        open_page("history")
    )


def test_page__asks_to_sign_in(home: Path) -> None:
    assert open_page("history").title[0].value == "Sign in"


def test_page__a_batch_that_runs(asked: Who) -> None:
    batches.begin(accounts.store(), "ada", name="more.zip", model="tiny", model_sha256="f", total=9)
    page = open_page("history")
    assert "**more.zip**: running, 0 of 9 answers" in page_text(page)
    assert files(press(page, "batch_2")) == []
    assert "Only the batch more.zip" in page_text(page)


def test_page__names_the_site_profile_and_asks_again_with_it(
    who: Who, tiny_model: Path, cell_image: Rgb
) -> None:
    keep_pictures()
    model = model_folder.resolve("tiny")
    profile = site_profile.save(
        validated.profile(
            model_digest=model.digest, model_sha256=model.info.weights_sha256, threshold=0.33
        )
    )
    shipped = Predictor.load(tiny_model, "cpu")
    before = shipped.with_profile(profile).predict([cell_image])[0]
    number = add("cell.bmp", before, data=bmp(cell_image), profile=profile.key)
    page = at(asked=str(number))
    assert "Site profile: **Laboratory A@1**" in page_text(page).replace("\u2060", "")
    press(page, "ask_again")
    assert "still. Changed since: weights." in page_text(page)
    [again, first] = history.search(accounts.store(), "ada").rows
    assert again.answer.profile == first.answer.profile == "Laboratory A@1"
    assert again.answer.prediction.p_all == pytest.approx(before.p_all)
    site_profile.delete(profile)
    press(page, "ask_again")
    assert "site profile, threshold" in page_text(page)
    newest = history.search(accounts.store(), "ada").rows[0].answer
    assert newest.profile is None and newest.prediction.threshold == 0.5
