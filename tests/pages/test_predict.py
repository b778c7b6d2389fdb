import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from allcore.data import demo
from allcore.inference.upload import Rgb
from allcore.notice import RESEARCH_USE
from allcore.web import accounts, resources
from allcore.web.accounts import Visitor
from tests.pages.looking import words

PAGE = Path(__file__).parents[2] / "pages" / "predict.py"


@pytest.fixture
def page(home: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    monkeypatch.setattr(accounts, "visitor", lambda: Visitor("ada", "Ada", "user"))
    page = AppTest.from_file(str(PAGE), default_timeout=30).run()
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
        if any("Download" in button.label for button in page.get("download_button")) and not [
            button for button in page.button if button.label == "Cancel"
        ]:
            break
        page.run()
    assert not page.exception
    return page


def test_page__says_what_to_do_first(page: AppTest) -> None:
    assert page.title[0].value == "Predict"
    assert RESEARCH_USE in words(page)
    assert "Drop one picture or many" in page.info[0].value
    assert not page.metric


def test_page__answers_one_cell(page: AppTest, cell_image: Rgb) -> None:
    drop(page, ("cell.bmp", bmp(cell_image)))
    assert page.metric[0].value in {"ALL blast", "Normal"}
    said = words(page)
    assert "Answered in" in said
    assert "on cpu" in said
    assert len(page.get("plotly_chart")) == 1
    assert len(page.get("image")) == 2
    assert not page.dataframe


def test_page__refuses_with_a_reason(page: AppTest) -> None:
    drop(page, ("notes.bmp", b"only text"))
    assert page.metric[0].value == "Refused"
    assert "not a readable BMP" in words(page).replace("\\", "")
    assert not page.get("plotly_chart")


def test_page__shows_the_picture_it_refuses(page: AppTest) -> None:
    drop(page, ("white.bmp", bmp(np.full((100, 100, 3), 255, np.uint8))))
    assert page.metric[0].value == "Refused"
    assert len(page.get("image")) == 1


def test_page__keeps_the_rest_of_a_drop(page: AppTest, cell_image: Rgb) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr("deep/../../turned.bmp", bmp(np.rot90(cell_image).copy()))
        file.writestr("empty.png", b"")
    drop(page, ("cell.bmp", bmp(cell_image)), ("x.bmp", b""), ("more.zip", buffer.getvalue()))
    table = page.dataframe[0].value
    assert list(table["File"]) == ["cell.bmp", "x.bmp", "more.zip/turned.bmp", "more.zip/empty.png"]
    assert [verdict == "refused" for verdict in table["Verdict"]] == [False, True, False, True]
    assert page.subheader[0].value.startswith("4 pictures: ")
    assert page.subheader[0].value.endswith(", 2 refused")


def test_page__takes_the_drop_back(page: AppTest, cell_image: Rgb) -> None:
    drop(page, ("cell.bmp", bmp(cell_image)))
    page.file_uploader[0].set_value(None)
    page.run()
    assert not page.metric
    assert "Drop one picture or many" in page.info[0].value


def test_page__answers_a_synthetic_example(
    page: AppTest, cell_image: Rgb, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "drawn.png"
    Image.fromarray(cell_image).save(path)
    monkeypatch.setattr(demo, "is_drawn", lambda: True)
    monkeypatch.setattr(demo, "examples", lambda: [demo.Example("Typical blast", path)])
    page.run()
    page.pills[0].set_value("Typical blast").run()
    assert not page.exception
    assert page.metric[0].value in {"ALL blast", "Normal"}
    assert page.metric[0].label.replace("\\", "") == "Typical blast (synthetic)"


def test_page__says_that_no_model_is_installed(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALLSCOPE_MODELS", str(tmp_path / "none"))
    monkeypatch.setattr(accounts, "visitor", lambda: Visitor("ada", "Ada", "user"))
    page = AppTest.from_file(str(PAGE), default_timeout=30).run()
    assert not page.exception
    assert "No model is installed" in words(page)


def test_page__says_that_the_weights_are_damaged(
    home: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    resources._load.clear()
    (tiny_model / "weights.safetensors").write_bytes(b"damaged")
    monkeypatch.setattr(accounts, "visitor", lambda: Visitor("ada", "Ada", "user"))
    page = AppTest.from_file(str(PAGE), default_timeout=30).run()
    assert not page.exception
    assert "damaged" in page.error[0].value
