import base64
import hashlib
import io
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from allcore.data.cells import Rgb
from allcore.inference.results import Prediction
from allcore.inference.segmentation import Cut
from allcore.notice import RESEARCH_USE
from allcore.store import accounts as stored
from allcore.store import admin_settings, flags, history, reviews
from allcore.store.history import HistoryAnswer
from allcore.web import accounts
from allcore.web.accounts import Visitor
from allcore.web.review import queue
from benchmarks import synthetic_smears
from tests.conftest import draw_cell
from tests.page_runs import open_page, page_text

PAGE = Path(__file__).parents[2] / "pages" / "review.py"
CELLS = [f"UID_H{number}_7_{number}_hem" for number in range(3)] + [
    f"UID_{number}_7_{number}_all" for number in range(3)
]
REASONS = dict(zip(CELLS, ["error", "suspicious", "control"] * 2, strict=True))


class Who:
    """Who is signed in; a test may let somebody else take the seat."""

    name = "ada"


@pytest.fixture
def who(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Who:
    """Three accounts, six cells with pictures, and no model."""
    folder = tmp_path / "cells"
    folder.mkdir()
    for seed, name in enumerate(CELLS):
        Image.fromarray(draw_cell(seed=seed)).save(folder / f"{name}.png")
    rows = {"image_id": CELLS, "path": [f"{name}.png" for name in CELLS]}
    pd.DataFrame(rows).to_csv(folder / "manifest.csv", index=False)
    monkeypatch.setenv("ALLSCOPE_DATA", str(folder))
    monkeypatch.setenv("ALLSCOPE_MODELS", str(tmp_path / "models"))
    seat = Who()
    monkeypatch.setattr(accounts, "visitor", lambda: Visitor(seat.name, "A Person", "reviewer"))
    for name in ("ada", "bob", "carl"):
        stored.create(accounts.store(), username=name, display_name=name, password=None)
    return seat


@pytest.fixture
def queued(who: Who) -> Who:
    reviews.queue_cells(accounts.store(), "carl", of="some-model", reasons=REASONS)
    return who


def opened() -> AppTest:
    return open_page("review")


def press(page: AppTest, label: str) -> AppTest:
    next(button for button in page.button if button.label == label).click().run()
    assert not page.exception
    return page


def words(page: AppTest) -> str:
    bars = "\n".join(part.proto.text for part in page.get("progress"))
    return f"{page_text(page)}\n{bars}"


def sent(page: AppTest) -> str:
    """Everything that goes to the browser, as text."""
    return "\n".join(str(getattr(node, "proto", "")) for node in page._tree)


def shown_pixels(page: AppTest) -> Rgb:
    """The picture on the page."""
    [source] = re.findall(r"data:image/png;base64,([A-Za-z0-9+/=]+)", sent(page))
    picture = Image.open(io.BytesIO(base64.b64decode(source)))
    assert picture.info == {}
    return np.asarray(picture)


def shown(page: AppTest) -> str:
    """The id of the cell whose picture is on the page."""
    pixels = shown_pixels(page)
    [name] = [
        name for seed, name in enumerate(CELLS) if np.array_equal(pixels, draw_cell(seed=seed))
    ]
    return name


def stored_judgements() -> dict[tuple[str, str], str]:
    judgements = reviews.judgements(accounts.store(), of="some-model")
    return {(item.image_id, item.username): item.seen for item in judgements}


def test_page__sends_nothing_that_tells_which_cell_it_is(queued: Who) -> None:
    page = opened()
    for _ in CELLS:
        cell = shown(page)
        # Without the pixels, which `shown` has read.
        everything = re.sub(r"base64,[A-Za-z0-9+/=]+", "", sent(page))
        subject = cell.split("_")[1]
        assert "UID" not in everything
        assert cell not in everything
        assert "_hem" not in everything
        assert "_all" not in everything
        assert not re.search(rf"subject {subject}\b|\b{subject}_7", everything, re.IGNORECASE)
        assert "probability" not in everything
        assert "suspicious" not in everything.replace("suspicious labels in its view", "")
        assert 'alt=\\"Picture of the cell to judge\\"' in everything
        press(page, "Can't tell")
    assert len(stored_judgements()) == 6


def test_page__keeps_a_judgement_and_goes_on(queued: Who) -> None:
    page = opened()
    assert page.title[0].value == "Review"
    assert RESEARCH_USE in words(page)
    assert "0 of 6 judged by you" in words(page)
    first = shown(page)
    page.text_area[0].set_value("dark").run()
    assert shown(page) == first
    press(page, "Normal")
    assert stored_judgements() == {(first, "ada"): "hem"}
    assert reviews.judgements(accounts.store(), of="some-model")[0].note == "dark"
    assert "1 of 6 judged by you" in words(page)
    assert shown(page) != first
    assert page.text_area[0].value == ""


@pytest.mark.parametrize(
    ("label", "seen"),
    [
        ("ALL blast", "all"),
        ("Normal", "hem"),
        ("Can't tell", "unsure"),
        ("Bad picture", "bad_picture"),
    ],
)
def test_page__four_answers_by_key_too(queued: Who, label: str, seen: str) -> None:
    page = opened()
    button = next(button for button in page.button if button.label == label)
    assert button.proto.shortcut == str(list(reviews.JUDGEMENTS).index(seen) + 1)
    cell = shown(page)
    press(page, label)
    assert stored_judgements() == {(cell, "ada"): seen}


def test_page__back_changes_what_was_said(queued: Who) -> None:
    page = opened()
    first = shown(page)
    page.text_area[0].set_value("dark").run()
    press(page, "Normal")
    second = shown(page)
    press(page, "ALL blast")
    assert shown(press(page, "Back to the last")) == second
    assert shown(press(page, "Back to the last")) == first
    assert "You said: **normal**" in words(page)
    assert page.text_area[0].value == "dark"
    press(page, "Bad picture")
    assert stored_judgements() == {(first, "ada"): "bad_picture", (second, "ada"): "all"}
    assert shown(page) not in (first, second)


def test_page__skipped_cells_come_again_last(queued: Who) -> None:
    page = opened()
    first = shown(page)
    order = [first]
    press(page, "Skip")
    for _ in CELLS[1:]:
        order.append(shown(page))
        press(page, "Normal")
    assert sorted(order) == sorted(CELLS)
    assert shown(page) == first
    press(page, "Skip")
    assert shown(page) == first


def test_page__all_judged(queued: Who) -> None:
    for name in CELLS:
        reviews.judge(accounts.store(), "ada", of="some-model", image_id=name, seen="all")
    page = opened()
    assert "6 of 6 judged by you" in words(page)
    assert "judged every cell that waits" in words(page)
    assert "base64" not in sent(page)
    press(page, "Back to the last")
    assert shown(page) == CELLS[-1]


def test_page__the_cell_on_the_table_stays_when_others_are_faster(queued: Who) -> None:
    page = opened()
    first = shown(page)
    for name in ("bob", "carl"):
        reviews.judge(accounts.store(), name, of="some-model", image_id=first, seen="all")
    page.run()
    assert shown(page) == first
    press(page, "Normal")
    assert stored_judgements()[first, "ada"] == "hem"


def test_page__cells_that_two_have_judged_only_when_asked_for(queued: Who) -> None:
    for cell in CELLS[1:]:
        for name in ("bob", "carl"):
            reviews.judge(accounts.store(), name, of="some-model", image_id=cell, seen="all")
    page = opened()
    assert shown(page) == CELLS[0]
    press(page, "Normal")
    assert "judged every cell that waits" in words(page)
    page.toggle(key="review_more").set_value(True).run()
    assert shown(page) in CELLS[1:]


def test_page__a_cell_chosen_by_oneself_is_left_to_others(who: Who) -> None:
    reviews.queue_cells(accounts.store(), "ada", of="some-model", reasons={CELLS[0]: "chosen"})
    page = opened()
    assert "1 cell that you chose by hand: left to others" in words(page)
    assert "base64" not in sent(page)
    who.name = "bob"
    assert shown(opened()) == CELLS[0]


def test_page__nothing_queued(who: Who) -> None:
    page = opened()
    assert "No cell is queued for review yet" in words(page)
    assert "Evaluation" in words(page)
    assert not page.text_area


def test_page__pictures_not_on_this_machine(queued: Who, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ALLSCOPE_DATA")
    page = opened()
    assert "connect their data set" in words(page)
    assert "Without a picture on this machine: 6 cells" in words(page)
    assert not page.text_area


def test_page__some_pictures_not_on_this_machine(queued: Who) -> None:
    reviews.queue_cells(accounts.store(), "carl", of="some-model", reasons={"elsewhere": "error"})
    page = opened()
    for _ in CELLS:
        shown(page)
        press(page, "Normal")
        assert "Without a picture on this machine: 1 cell." in words(page)
    assert "No picture of a connected data set" in words(page)
    reviews.judge(accounts.store(), "ada", of="some-model", image_id="elsewhere", seen="all")
    assert "judged every cell that waits" in words(page.run())


def test_page__a_picture_that_cannot_be_read(who: Who, tmp_path: Path) -> None:
    reviews.queue_cells(accounts.store(), "carl", of="some-model", reasons={CELLS[0]: "error"})
    (tmp_path / "cells" / f"{CELLS[0]}.png").write_bytes(b"nonsense")
    page = opened()
    assert "can't be read: skip" in words(page)
    assert "UID" not in sent(page)


def test_page__says_that_right_cells_are_among_them_only_where_they_are(who: Who) -> None:
    reviews.queue_cells(accounts.store(), "carl", of="some-model", reasons={CELLS[0]: "error"})
    assert "that the model got right" not in words(opened())
    reviews.queue_cells(accounts.store(), "carl", of="some-model", reasons={CELLS[1]: "control"})
    assert "that the model got right" in words(opened())


def test_page__two_queues(queued: Who) -> None:
    reviews.queue_cells(accounts.store(), "carl", of="other", reasons={CELLS[0]: "error"})
    page = opened()
    assert page.selectbox(key="review_queue").options == ["other", "some-model"]
    assert "0 of 1 judged by you" in words(page)
    page.selectbox(key="review_queue").set_value("some-model").run()
    assert "0 of 6 judged by you" in words(page)


def test_desk__order_hangs_on_account_and_queue(who: Who) -> None:
    cells = {f"c{number}": "error" if number < 20 else "control" for number in range(40)}
    store = accounts.store()
    for of in ("one", "two"):
        reviews.queue_cells(store, "carl", of=of, reasons=cells)
    orders = {
        (of, name): queue.reviewer_queue(reviews.items(store, of=of), (), name).waiting
        for of in ("one", "two")
        for name in ("ada", "bob")
    }
    assert len(set(orders.values())) == 4
    for order in orders.values():
        assert sorted(order) == sorted(cells)
        assert 3 < sum(cells[item] == "control" for item in order[:20]) < 17
    again = queue.reviewer_queue(reviews.items(store, of="one"), (), "ada").waiting
    assert again == orders["one", "ada"]


def flagged(by: str, seed: int) -> str:
    """Let somebody flag the answer to a picture that is no cell of the data set."""
    buffer = io.BytesIO()
    Image.fromarray(draw_cell(seed=seed)).save(buffer, "PNG")
    digest = hashlib.sha256(buffer.getvalue()).hexdigest()
    answer = HistoryAnswer(
        "secret-name.png", digest, "some-model", "f", 1, Prediction("all", 0.9, 2.2, 0.5)
    )
    images = {digest: buffer.getvalue()}
    [number] = history.add(accounts.store(), by, [answer], picture_bytes=images)
    flags.flag(accounts.store(), by, number, "dark nucleus")
    return f"upload:{digest}"


@pytest.fixture
def keeping(who: Who) -> Who:
    """Pictures are kept."""
    stored.create(accounts.store(), username="boss", display_name="B", password=None, role="admin")
    admin_settings.change(accounts.store(), "boss", {"keep_pictures": True})
    return who


def test_page__the_kept_picture_of_a_flagged_answer(keeping: Who) -> None:
    item = flagged("carl", seed=0)
    page = opened()
    assert shown(page) == CELLS[0]  # drawn alike
    everything = re.sub(r"base64,[A-Za-z0-9+/=]+", "", sent(page))
    for secret in ("secret-name", "dark nucleus", "upload:", item[-12:], "0.9", "flagged"):
        assert secret not in everything, secret
    press(page, "Normal")
    assert stored_judgements() == {(item, "ada"): "hem"}


def test_page__a_flagged_cell_of_a_field_alone(keeping: Who) -> None:
    field = synthetic_smears.field(240, 320, red=0)
    field, _ = synthetic_smears.with_cell(field, 120, 160, radius=60)
    buffer = io.BytesIO()
    Image.fromarray(field).save(buffer, "PNG")
    digest = hashlib.sha256(buffer.getvalue()).hexdigest()
    cut = Cut().applied(field)
    answer = HistoryAnswer(
        "f.png", digest, "some-model", "f", 1, Prediction("all", 0.9, 2.2, 0.5), cell=1,
        cut=cut.facts,
    )  # fmt: skip
    store, images = accounts.store(), {digest: buffer.getvalue()}
    [number] = history.add(store, "carl", [answer], picture_bytes=images)
    flags.flag(store, "carl", number)
    page = opened()
    assert np.array_equal(shown_pixels(page), cut.rgb)
    press(page, "Normal")
    assert stored_judgements() == {(f"upload:{digest}#1", "ada"): "hem"}


def test_page__the_picture_of_a_flagged_answer_was_not_kept(who: Who) -> None:
    flagged("carl", seed=0)
    page = opened()
    assert "The picture was not kept: 1 flagged answer" in words(page)
    assert "ALLSCOPE_DATA" not in words(page)
    assert "base64" not in sent(page)
    assert not page.text_area


def test_page__who_asked_leaves_it_to_others(keeping: Who) -> None:
    flagged("ada", seed=0)
    page = opened()
    assert "1 picture that you asked about: left to others" in words(page)
    assert "base64" not in sent(page)


def test_page__asks_to_sign_in(home: Path) -> None:
    page = AppTest.from_file(str(PAGE), default_timeout=60).run()
    assert not page.exception
    assert page.title[0].value == "Sign in"
