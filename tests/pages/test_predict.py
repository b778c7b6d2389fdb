import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from allcore import model_folder
from allcore.data.cells import Rgb
from allcore.inference import examples
from allcore.inference.examples import ExamplePicture
from allcore.notice import RESEARCH_USE
from allcore.reports import prediction_json
from allcore.store import accounts as people
from allcore.store import database, history
from allcore.store.database import Database
from allcore.web import accounts, resources
from allcore.web.accounts import Visitor
from allcore.web.predict import session
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
    assert not page.metric


def test_page__says_that_a_model_has_no_gate(page: AppTest) -> None:
    assert "has no gate of its own" in page_text(page)


def test_page__answers_one_cell_and_keeps_the_answer(
    page: AppTest, store: Database, cell_image: Rgb
) -> None:
    drop(page, ("cell.bmp", bmp(cell_image)))
    assert page.metric[0].value in {"ALL blast", "Normal"}
    said = page_text(page)
    assert "on cpu" in said
    assert "Turned and mirrored" in said
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
    assert made.prediction.words == page.metric[0].value


def test_page__refuses_with_a_reason(page: AppTest) -> None:
    drop(page, ("notes.bmp", b"only text"))
    assert page.metric[0].value == "Refused: not readable"
    assert "not a readable BMP" in page_text(page).replace("\\", "")
    assert not page.get("plotly_chart")
    assert not page.toggle  # there is nothing to withhold


def test_page__offers_to_cut_what_is_not_cut_out(page: AppTest) -> None:
    drop(page, ("white.bmp", bmp(np.full((100, 100, 3), 255, np.uint8))))
    assert page.metric[0].value == "Refused: not one cell on black"
    assert "Cut it out here?" in page_text(page)
    assert len(page.get("image")) == 1


def test_page__flags_an_answer(page: AppTest, store: Database, cell_image: Rgb) -> None:
    drop(page, ("cell.bmp", bmp(cell_image)))
    page.run()  # the answer is kept a moment after it is shown
    page.text_area[0].set_value("I see a blast")
    next(each for each in page.button if each.label == "Flag it").click().run()
    assert not page.exception
    assert "You flagged this answer as wrong" in page_text(page)
    assert history.search(store, "ada").rows[0].flag_note == "I see a blast"
    next(each for each in page.button if each.label == "Take it back").click().run()
    assert history.search(store, "ada").rows[0].flagged_at is None


def test_page__keeps_the_rest_of_a_drop(page: AppTest, cell_image: Rgb) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr("deep/../../turned.bmp", bmp(np.rot90(cell_image).copy()))
        file.writestr("empty.png", b"")
    drop(page, ("cell.bmp", bmp(cell_image)), ("x.bmp", b""), ("more.zip", buffer.getvalue()))
    table = page.dataframe[0].value
    assert list(table["File"]) == [
        "cell.bmp",
        "x.bmp",
        "more.zip/deep/turned.bmp",
        "more.zip/empty.png",
    ]
    assert [verdict == "refused" for verdict in table["Answer"]] == [False, True, False, True]
    assert page.subheader[0].value.startswith("4 pictures: ")
    assert page.subheader[0].value.endswith(", 2 refused")


def test_page__takes_the_drop_back(page: AppTest, cell_image: Rgb) -> None:
    drop(page, ("cell.bmp", bmp(cell_image)))
    page.file_uploader[0].set_value(None)
    page.run()
    assert not page.metric
    assert "Drop one picture or many" in page.info[0].value
    assert session.last("1 ada") is None


def test_page__shows_who_comes_back_what_was_asked_before(
    page: AppTest, cell_image: Rgb, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another session of the account, as when a browser was closed, and nobody else's."""
    drop(page, ("cell.bmp", bmp(cell_image)))
    verdict = page.metric[0].value
    again = opened(monkeypatch, ADA)
    assert again.metric[0].value == verdict
    assert "What you asked last" in page_text(again)
    for another in (Visitor("bob", "Bob", "user", 2), Visitor("ada", "Ada", "user", 3)):
        other = opened(monkeypatch, another)
        assert not other.metric
    again = opened(monkeypatch, ADA)
    next(each for each in again.button if each.label == "Put it away").click().run()
    assert not again.metric


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
    example = ExamplePicture("Clear blast", path, "Look at its nucleus.")
    monkeypatch.setattr(examples, "is_ready", lambda _: True)
    monkeypatch.setattr(examples, "examples", lambda _: (example,))
    page = opened(monkeypatch, visitor)
    assert len(page.file_uploader) == (0 if visitor.role == "demo" else 1)
    page.pills[0].set_value("Clear blast").run()
    assert not page.exception
    assert page.metric[0].label.replace("\\", "") == "Clear blast (drawn by this program)"
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
