"""The Dataset page as a whole; its views have tests of their own."""

import shutil
from pathlib import Path

import pandas as pd
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from allcore.data import readers
from allcore.notice import RESEARCH_USE
from allcore.synthetic import demo
from allcore.web.components import views
from allcore.web.dataset import browse_filters, cell_window, selection
from allcore.web.dataset.views import VIEWS
from tests.page_runs import open_page, page_text, sign_in

PAGE = Path(__file__).parents[2] / "pages" / "dataset.py"


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("drawn") / "demo"
    demo.ensure_demo(folder, cells=60, subjects=8)
    return folder


@pytest.fixture
def ready(home: Path, drawn: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A signed-in user, a small demonstration set and no model."""
    st.cache_resource.clear()  # data sets of one name and age are not told apart
    shutil.copytree(drawn, home / "demo")
    monkeypatch.setenv("ALLSCOPE_MODELS", str(tmp_path / "models"))
    sign_in(monkeypatch)
    return home / "demo"


def opened(view: str = "browse", **controls: object) -> AppTest:
    """The page in one view, with values of its controls."""
    return open_page("dataset", state={views.KEY: view, **controls})


def shown(page: AppTest) -> str:
    """What the page says of how many images it shows."""
    return next((part.value for part in page.caption if " to " in part.value), "")


@pytest.mark.parametrize("view", VIEWS)
def test_page__shows_the_demonstration_set_in_every_view(ready: Path, view: str) -> None:
    page = opened(view)
    assert page.title[0].value == "Dataset"
    assert RESEARCH_USE in page_text(page)
    assert any("Synthetic" in part.value for part in page.markdown)
    assert not page.error


def test_page__counts_first(ready: Path) -> None:
    page = opened("overview")
    assert "**60 images.**" in page_text(page)
    assert "data set's own" in page_text(page)


def test_browse__filters_and_counts(ready: Path) -> None:
    table = readers.read(ready).table
    subject = table["subject"].iloc[0]
    expected = (table["subject"] == subject).sum()
    page = opened(subjects=[subject])
    assert shown(page) == f"1 to {expected} of {expected} images"
    assert f"Subject {subject}" in page_text(page)
    page.text_input(key=browse_filters.TEXT).set_value("no such name").run()
    assert "No image meets all filters" in page_text(page)
    next(button for button in page.button if button.label == "Clear all filters").click().run()
    assert shown(page) == "1 to 48 of 60 images"


def test_browse__an_account_s_name_is_no_filter(ready: Path) -> None:
    """The sign-in keeps what it knows under keys of its own, such as name and email."""
    assert shown(opened(name="ada", username="ada", email="ada@x")) == "1 to 48 of 60 images"


def test_browse__second_page_until_something_else_is_asked(ready: Path) -> None:
    page = opened(page=2)
    assert shown(page) == "49 to 60 of 60 images"
    page.text_input(key=browse_filters.TEXT).set_value(".png").run()
    assert shown(page) == "1 to 48 of 60 images"


def test_browse__only_the_cells_of_a_finding(ready: Path) -> None:
    ids = readers.read(ready).table["image_id"].iloc[[3, 5]].tolist()
    page = opened(dataset_ids=[*ids, "gone"], dataset_ids_said="Near duplicates")
    assert shown(page) == "1 to 2 of 2 images"
    assert "Only 2 cells: Near duplicates (1 are not in this data set)" in page_text(page)
    assert page.query_params[browse_filters.ONLY] == [*ids, "gone"]
    page.button(key="all_only").click().run()
    assert shown(page) == "1 to 48 of 60 images"
    assert browse_filters.ONLY not in page.query_params


def test_browse__what_another_data_set_held_is_dropped(ready: Path) -> None:
    page = opened(subjects=["of another set"], sort="area", measure="area", range=(1.0, 2.0))
    assert shown(page) == "1 to 48 of 60 images"


def test_browse__table(ready: Path) -> None:
    page = opened(layout="table")
    table = page.dataframe[0].value
    assert len(table) == 48
    assert table["picture"].str.startswith("data:image/webp;base64,").all()
    assert set(table["label"]) <= {"ALL blast", "normal", "no label"}


def test_browse__picture_not_on_this_machine(ready: Path) -> None:
    readers.read(ready).paths()[0].unlink()
    table = opened(layout="table").dataframe[0].value
    assert table["picture"].isna().tolist() == [True] + [False] * 47


def test_browse__compares_what_was_chosen(ready: Path) -> None:
    ids = readers.read(ready).table["image_id"].iloc[[0, 7]].tolist()
    page = opened(layout="compare")
    assert "Select 2 to 8 cells" in page_text(page)
    page.query_params[selection.SELECTED] = [*ids, "gone"]
    page.run()
    assert not page.exception
    body = "".join(str(part.proto.body) for part in page.get("html"))
    assert body.count("<figure>") == body.count("data:image/png") == 2
    assert all(image_id in body for image_id in ids)


def test_cell__opens_from_its_address(ready: Path) -> None:
    first = readers.read(ready).table.iloc[0]
    page = AppTest.from_file(str(PAGE), default_timeout=120)
    page.query_params["cell"] = first["image_id"]
    page.run()
    assert not page.exception
    body = "".join(str(part.proto.body) for part in page.get("html"))
    assert str(first["path"]) in body and str(first["image_id"]) in body
    assert cell_window.NO_FEATURES in page_text(page)


def test_cell__an_address_of_no_cell(ready: Path) -> None:
    page = AppTest.from_file(str(PAGE), default_timeout=120)
    page.query_params["cell"] = "<b>gone</b>"
    page.run()
    assert not page.exception
    assert "is not in this data set" in page.warning[0].value


def test_page__connected_folder_is_missing(
    ready: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALLSCOPE_DATA", str(tmp_path / "gone"))
    page = opened()
    assert "There is no data set at" in page.error[0].value
    page.selectbox[0].set_value("Synthetic demonstration set").run()
    assert not page.error
    assert shown(page) == "1 to 48 of 60 images"


def test_page__connected_folder_without_pictures(
    ready: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "empty").mkdir()
    monkeypatch.setenv("ALLSCOPE_DATA", str(tmp_path / "empty"))
    assert "layout" in opened().error[0].value


@pytest.mark.parametrize("layout", ["pictures", "table", "compare"])
def test_page__escapes_what_files_are_called(
    ready: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, layout: str
) -> None:
    folder = tmp_path / "named"
    folder.mkdir()
    rows = {
        "image_id": ["<b>x</b>", "y"], "path": ["<u>.png", "y.png"], "label": ["all", "hem"],
        "subject": ["<i>1", "<i>1"],
    }  # fmt: skip
    pd.DataFrame(rows).to_csv(folder / "manifest.csv", index=False)
    monkeypatch.setenv("ALLSCOPE_DATA", str(folder))
    page = AppTest.from_file(str(PAGE), default_timeout=120)
    page.session_state[views.KEY] = browse_filters.BROWSE
    page.session_state[browse_filters.LAYOUT] = layout
    page.session_state[browse_filters.SUBJECTS] = ["<i>1"]
    page.query_params["cell"] = "<b>x</b>"
    page.query_params[selection.SELECTED] = ["<b>x</b>", "y"]
    page.run()
    assert not page.exception
    body = "".join(str(part.proto.body) for part in page.get("html"))
    body += "".join(part.value for part in (*page.markdown, *page.subheader))
    assert "&lt;b&gt;x" in body and "&lt;u&gt;.png" in body
    assert not any(markup in body for markup in ("<b>x", "<i>1", "<u>"))
    assert "SYNTHETIC" not in body


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
    assert "The split is that of tiny" in page_text(opened("overview"))
    assert set(opened(layout="table").dataframe[0].value["split"]) == {"validation"}


def test_page__model_without_a_split(ready: Path, tiny_model: Path) -> None:
    page = opened()
    assert "restore the model folder" in page.warning[0].value
    assert shown(page) == "1 to 48 of 60 images"


def test_page__asks_to_sign_in(home: Path) -> None:
    page = AppTest.from_file(str(PAGE), default_timeout=60).run()
    assert not page.exception
    assert not page.get("bidi_component")
    assert not (home / "demo").exists()
