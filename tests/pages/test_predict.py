import hashlib
import io
import re
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from allcore import model_folder, site_profile
from allcore.data.cells import Rgb
from allcore.inference import examples, smear
from allcore.inference.examples import ExamplePicture
from allcore.inference.results import Prediction
from allcore.notice import RESEARCH_USE
from allcore.reports import prediction_json
from allcore.store import accounts as people
from allcore.store import batches, database, history, reviews
from allcore.store.database import Database
from allcore.store.history import HistoryAnswer
from allcore.web import accounts, resources
from allcore.web.accounts import Visitor
from allcore.web.predict import session
from benchmarks import synthetic_smears
from tests import validated
from tests.conftest import draw_cell
from tests.page_runs import page_text

PAGE = Path(__file__).parents[2] / "pages" / "predict.py"
ADA = Visitor("ada", "Ada", "user", 1)


@pytest.fixture
def store(home: Path) -> Database:
    opened = database.connect()
    people.create(
        opened, username="ada", display_name="Ada", email="a@example.org",
        password="correct horse 7 battery",
    )  # fmt: skip
    return opened


@pytest.fixture(autouse=True)
def no_examples(monkeypatch: pytest.MonkeyPatch) -> None:
    """A home without synthetic cells, which take a while to draw."""
    monkeypatch.setattr(examples, "is_ready", lambda _: True)
    monkeypatch.setattr(examples, "examples", lambda _: ())


@pytest.fixture
def page(store: Database, tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    resources._service.clear()
    resources._predictor.clear()
    session._runs.clear()
    return opened(monkeypatch, ADA)


def opened(monkeypatch: pytest.MonkeyPatch, visitor: Visitor) -> AppTest:
    monkeypatch.setattr(accounts, "visitor", lambda: visitor)
    page = AppTest.from_file(str(PAGE), default_timeout=60).run()
    assert not page.exception
    return page


def bmp(rgb: Rgb) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(rgb).save(buffer, "BMP")
    return buffer.getvalue()


def verdict(page: AppTest) -> str:
    """The words of the verdict block; empty without one."""
    drawn = " ".join(each.proto.body for each in page.get("html"))
    found = re.search(r'class="verdict".*?</span> (.*?)</div>', drawn)
    return found[1] if found else ""


def drop(page: AppTest, *files: tuple[str, bytes]) -> AppTest:
    page.file_uploader[0].set_value([(name, data, "") for name, data in files])
    page.run()
    for _ in range(30):  # each run waits a second for the job
        if "Answered in" in page_text(page) or " s each) on " in page_text(page):
            break
        page.run()
    assert not page.exception
    return page


def test_page__says_what_to_do_first(page: AppTest) -> None:
    assert page.title[0].value == "Predict"
    assert RESEARCH_USE in page_text(page)
    assert "Drop one picture or many" in page.info[0].value
    assert not verdict(page)


def test_page__says_that_a_model_has_no_gate(page: AppTest) -> None:
    assert "has no gate of its own" in page_text(page)


def test_page__answers_one_cell_and_keeps_the_answer(
    page: AppTest, store: Database, cell_image: Rgb
) -> None:
    drop(page, ("cell.bmp", bmp(cell_image)))
    assert verdict(page) in {"ALL blast", "Normal"}
    said = page_text(page)
    assert "on cpu" in said
    assert "Test-time augmentation" in said
    assert [button.label for button in page.get("download_button")] == [
        "Report as PDF", "Report as JSON",
    ]  # fmt: skip
    kept = history.search(store, "ada").rows
    assert [each.answer.name for each in kept] == ["cell.bmp"]


def test_page__gives_a_report_that_can_be_read(page: AppTest, cell_image: Rgb) -> None:
    drop(page, ("cell.bmp", bmp(cell_image)))
    service = resources.service(model_folder.resolve("tiny"))
    answer = service.predictor.predict([cell_image])[0]
    made = prediction_json.make_report(service.predictor, answer, bmp(cell_image), name="cell.bmp")
    assert prediction_json.read_report(made.to_json()).file.content == bmp(cell_image)
    assert made.prediction.words == verdict(page)


def test_page__refuses_with_a_reason(page: AppTest) -> None:
    drop(page, ("notes.bmp", b"only text"))
    assert verdict(page) == "Refused: not readable"
    assert any("not a readable BMP" in each.proto.body for each in page.get("html"))
    assert not page.get("plotly_chart")
    assert not page.toggle  # there is nothing to withhold


def test_page__answers_every_white_cell_of_a_field(page: AppTest, store: Database) -> None:
    picture = synthetic_smears.field(360, 480, seed=1)
    for y, x in ((120, 120), (230, 340)):
        picture, _ = synthetic_smears.with_cell(picture, y, x, radius=60)
    drop(page, ("field.bmp", bmp(picture)))
    assert page.subheader[0].value.startswith("2 white cells: ")
    page.run()
    kept = [entry.answer for entry in history.search(store, "ada").rows]
    assert sorted(answer.title for answer in kept) == ["field.bmp, cell 1", "field.bmp, cell 2"]
    assert {answer.mark for answer in kept} == {smear.UNVALIDATED}
    assert [batch.answered for batch in batches.list_of(store, "ada")] == [1]
    next(each for each in page.button if each.label == "Flag it").click().run()
    assert "You flagged this answer as wrong" in page_text(page)
    [flagged] = history.search(store, "ada", history.HistoryQuery(flagged=True)).rows
    [item] = reviews.items(store, of="tiny")
    assert item.image_id == reviews.upload_id(flagged.answer.image_sha256, flagged.answer.cell)


def test_page__says_what_a_picture_without_a_cell_is(page: AppTest) -> None:
    drop(page, ("white.bmp", bmp(np.full((100, 100, 3), 255, np.uint8))))
    assert verdict(page) == "Refused: not one cell on black"
    drawn = " ".join(each.proto.body for each in page.get("html"))
    assert "The picture is empty or far out of focus" in drawn


def test_page__refuses_whole_slides_by_their_name(page: AppTest) -> None:
    drop(page, ("slide.svs", b"II*\0"))
    drawn = " ".join(each.proto.body for each in page.get("html"))
    assert "Whole-slide images (.svs) are not read" in drawn


def test_page__flags_an_answer(page: AppTest, store: Database, cell_image: Rgb) -> None:
    drop(page, ("cell.bmp", bmp(cell_image)))
    page.run()  # the answer is kept a moment after it is shown
    page.text_area[0].set_value("I see a blast")
    next(each for each in page.button if each.label == "Flag it").click().run()
    assert not page.exception
    assert "You flagged this answer as wrong" in page_text(page)
    assert history.search(store, "ada").rows[0].flag_note == "I see a blast"
    next(each for each in page.button if each.label == "Remove the flag").click().run()
    assert history.search(store, "ada").rows[0].flagged_at is None


def test_page__keeps_the_rest_of_a_drop(page: AppTest, cell_image: Rgb) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr("deep/../../turned.bmp", bmp(np.rot90(cell_image).copy()))
        file.writestr("empty.png", b"")
    drop(page, ("cell.bmp", bmp(cell_image)), ("x.bmp", b""), ("more.zip", buffer.getvalue()))
    page.segmented_control(key="batch view").set_value("Table").run()
    table = page.dataframe[0].value
    assert list(table["File"]) == [
        "cell.bmp",
        "x.bmp",
        "more.zip/deep/turned.bmp",
        "more.zip/empty.png",
    ]
    assert [words.startswith("Refused") for words in table["Predicted"]] == [
        False,
        True,
        False,
        True,
    ]
    assert page.subheader[0].value.startswith("4 pictures: ")
    assert page.subheader[0].value.endswith(", 2 refused")


def test_page__goes_on_with_a_batch(page: AppTest, store: Database, cell_image: Rgb) -> None:
    """Of the batch in the address only the pictures without an answer are predicted."""
    answered, other = bmp(cell_image), bmp(np.rot90(cell_image).copy())
    info = model_folder.read_info(model_folder.folder("tiny"))
    batch = batches.begin(
        store, "ada", name="2 pictures", model="tiny", model_sha256=info.weights_sha256, total=2
    )
    before = Prediction("all", 0.9, 2.0, 0.5)
    digest = hashlib.sha256(answered).hexdigest()
    answer = HistoryAnswer("a.bmp", digest, "tiny", info.weights_sha256, 1, before)
    history.add(store, "ada", [answer], batch=batch)
    batches.end(store, "ada", batch, state="failed")
    page.query_params["batch"] = str(batch)
    page.run()
    assert "1 of 2 pictures are answered" in page_text(page)
    drop(page, ("a.bmp", answered), ("b.bmp", other))
    page.run()
    [found] = batches.list_of(store, "ada")
    assert (found.id, found.answered, found.state) == (batch, 2, "done")
    names = [each.answer.name for each in history.search(store, "ada").rows]
    assert sorted(names) == ["a.bmp", "b.bmp"]


def test_page__takes_the_drop_back(page: AppTest, cell_image: Rgb) -> None:
    drop(page, ("cell.bmp", bmp(cell_image)))
    page.file_uploader[0].set_value(None)
    page.run()
    assert not verdict(page)
    assert "Drop one picture or many" in page.info[0].value
    assert session.last("1 ada") is None


def test_page__shows_who_comes_back_what_was_asked_before(
    page: AppTest, cell_image: Rgb, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another session of the account, as when a browser was closed, and nobody else's."""
    drop(page, ("cell.bmp", bmp(cell_image)))
    before = verdict(page)
    again = opened(monkeypatch, ADA)
    assert verdict(again) == before
    assert "What you asked last" in page_text(again)
    for another in (Visitor("bob", "Bob", "user", 2), Visitor("ada", "Ada", "user", 3)):
        other = opened(monkeypatch, another)
        assert not verdict(other)
    again = opened(monkeypatch, ADA)
    next(each for each in again.button if each.label == "Put it away").click().run()
    assert not verdict(again)


@pytest.mark.parametrize("visitor", [ADA, Visitor(role="demo")], ids=["user", "demo"])
def test_page__answers_an_example(
    page: AppTest,
    store: Database,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    visitor: Visitor,
) -> None:
    path = tmp_path / "drawn.png"
    Image.fromarray(draw_cell(seed=3)).save(path)
    example = ExamplePicture("High probability", path, "Look at its nucleus.")
    monkeypatch.setattr(examples, "is_ready", lambda _: True)
    monkeypatch.setattr(examples, "examples", lambda _: (example,))
    page = opened(monkeypatch, visitor)
    assert len(page.file_uploader) == (0 if visitor.role == "demo" else 1)
    assert ("Drop one picture" in page.info[0].value) == (visitor.role == "user")
    page.query_params["example"] = "High probability"
    page.run()
    assert not page.exception
    drawn = " ".join(each.proto.body for each in page.get("html"))
    assert "High probability (drawn by this program)" in drawn
    assert "Look at its nucleus" in page_text(page)
    kept = history.search(store, "ada").total
    assert kept == (0 if visitor.role == "demo" else 1)


def test_page__says_that_no_model_is_installed(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALLSCOPE_MODELS", str(tmp_path / "none"))
    assert "No model is installed" in page_text(opened(monkeypatch, ADA))


def test_page__says_that_the_weights_are_damaged(
    home: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    resources._service.clear()
    resources._predictor.clear()
    (tiny_model / "weights.safetensors").write_bytes(b"damaged")
    assert "damaged" in opened(monkeypatch, ADA).error[0].value


def test_page__applies_a_site_profile_by_choice(
    page: AppTest, store: Database, cell_image: Rgb
) -> None:
    assert not [box for box in page.selectbox if box.label == "Site profile"]
    model = model_folder.resolve("tiny")
    profile = validated.profile(
        model_digest=model.digest, model_sha256=model.info.weights_sha256, bias=4.0, threshold=0.9
    )
    site_profile.save(profile)
    site_profile.save(validated.profile(name="Of another model"))
    page.run()
    [picker] = [box for box in page.selectbox if box.label == "Site profile"]
    assert (picker.options, picker.value) == (["none", "Laboratory A, version 1"], "none")
    drop(page, ("a.bmp", bmp(cell_image)))
    picker.set_value("Laboratory A@1").run()
    assert not page.exception
    assert "validated at Laboratory A" in page_text(page).replace("\\", "")
    answers = history.search(store, "ada").rows
    assert [row.answer.prediction.threshold for row in answers] == [0.9, 0.5]
    assert [row.answer.profile for row in answers] == ["Laboratory A@1", None]
    first, second = (row.answer.prediction.p_all for row in answers)
    assert second is not None and first == pytest.approx(profile.probability(second))
