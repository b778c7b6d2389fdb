import shutil
from pathlib import Path

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from allcore.data import demo, readers
from allcore.notice import RESEARCH_USE
from allcore.web import accounts
from allcore.web.accounts import Visitor
from tests.pages.looking import opened, words

PAGE = Path(__file__).parents[2] / "pages" / "dataset.py"


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("drawn") / "demo"
    demo.ensure_demo(folder, cells=60, subjects=8)
    return folder


@pytest.fixture
def ready(home: Path, drawn: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A signed-in user, a small demonstration set and no model."""
    shutil.copytree(drawn, home / "demo")
    monkeypatch.setenv("ALLSCOPE_MODELS", str(tmp_path / "models"))
    monkeypatch.setattr(accounts, "visitor", lambda: Visitor("ada", "Ada", "user"))
    return home / "demo"


def grid(page: AppTest) -> str:
    """The gallery's markup, empty where none is drawn; the frame's style is no part of it."""
    bodies = [str(drawn.proto.body) for drawn in page.get("html")]
    return "".join(body for body in bodies if "stElementToolbar" not in body)


def test_page__shows_the_demonstration_set(ready: Path) -> None:
    page = opened(PAGE)
    assert page.title[0].value == "Dataset"
    assert RESEARCH_USE in words(page)
    assert "**60 images.**" in words(page)
    assert "drawn by ALLScope" in words(page)
    assert "data set's own" in words(page)
    assert len(page.get("plotly_chart")) == 2
    assert grid(page).count("<img") == 48
    assert grid(page).count('class="drawn">SYNTHETIC') == 48
    assert grid(page).count("100 px") == 48
    assert "1 to 48 of 60 images" in words(page)


def test_page__filters_and_counts(ready: Path) -> None:
    page = opened(PAGE)
    table = readers.read(ready).table
    subject = table["subject"].iloc[0]
    page.multiselect(key="dataset_subject").set_value([subject]).run()
    expected = (table["subject"] == subject).sum()
    assert grid(page).count("<img") == expected
    assert f"1 to {expected} of {expected} images" in words(page)
    page.multiselect(key="dataset_split").set_value([]).run()
    page.text_input(key="dataset_text").set_value("no such name").run()
    assert "No image meets all filters" in words(page)


def test_page__second_page(ready: Path) -> None:
    page = opened(PAGE)
    page.session_state["dataset_page_2"] = 2
    page.run()
    assert not page.exception
    assert "49 to 60 of 60 images" in words(page)
    assert grid(page).count("<img") == 12


def test_page__picture_not_on_this_machine(ready: Path) -> None:
    first = readers.read(ready).paths()[0]
    first.unlink()
    page = opened(PAGE)
    assert grid(page).count("picture not on this machine") == 1
    assert grid(page).count("<img") == 47
    assert "**60 images.**" in words(page)


def test_page__connected_folder_is_missing(
    ready: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALLSCOPE_DATA", str(tmp_path / "gone"))
    page = opened(PAGE)
    assert "There is no data set at" in page.error[0].value
    page.selectbox[0].set_value("Synthetic demonstration set").run()
    assert not page.error
    assert "**60 images.**" in words(page)


def test_page__connected_folder_without_pictures(
    ready: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "empty").mkdir()
    monkeypatch.setenv("ALLSCOPE_DATA", str(tmp_path / "empty"))
    assert "layout" in opened(PAGE).error[0].value


def test_page__escapes_what_files_are_called(
    ready: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "named"
    folder.mkdir()
    rows = {"image_id": ["<b>x</b>"], "path": ["x.png"], "label": ["all"], "subject": ["<i>1"]}
    pd.DataFrame(rows).to_csv(folder / "manifest.csv", index=False)
    monkeypatch.setenv("ALLSCOPE_DATA", str(folder))
    page = opened(PAGE)
    assert "&lt;b&gt;x" in grid(page)
    assert "<i>1" not in grid(page)
    assert "SYNTHETIC" not in grid(page)


def test_page__split_of_the_model(
    ready: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = readers.read(ready).table
    parts = table[["image_id"]].assign(split="validation")
    parts.to_csv(tiny_model / "split.csv", index=False)
    info = (tiny_model / "model.json").read_text()
    (tiny_model / "model.json").write_text(
        info.replace('"training": {}', '"training": {"split": {"kind": "image", "seed": 1}}')
    )
    page = opened(PAGE)
    assert "The split is that of tiny" in words(page)
    assert grid(page).count("validation</") + grid(page).count(", validation<") >= 48


def test_page__model_without_a_split(ready: Path, tiny_model: Path) -> None:
    page = opened(PAGE)
    assert "restore the model folder" in page.warning[0].value
    assert "**60 images.**" in words(page)


def test_page__asks_to_sign_in(home: Path) -> None:
    page = AppTest.from_file(str(PAGE), default_timeout=60).run()
    assert not page.exception
    assert not grid(page)
    assert not (home / "demo").exists()
