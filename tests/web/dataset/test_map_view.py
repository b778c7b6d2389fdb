"""The Map view as a user meets it, on a drawn set with a made map."""

import dataclasses
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from allcore import model_folder
from allcore.audit.index import build, catalogue, embeddings, jobs, store
from allcore.data import readers
from allcore.labels import CLASS_NAMES
from allcore.synthetic import demo
from allcore.web import datasets
from allcore.web.accounts import Visitor
from allcore.web.components import charts
from allcore.web.dataset import browse_filters, map_view
from allcore.web.dataset.context import OWN_SPLIT, DatasetContext
from allcore.web.dataset.held_out_answers import ImagePredictions
from tests.page_runs import open_page, page_text, sign_in

CELLS, WITHOUT = 40, 3
WEST = "-5,-5_0.5,-5_0.5,5_-5,5"
"""An area that holds the cells of the western half."""


@pytest.fixture(scope="module")
def indexed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a drawn set, and its index without embeddings."""
    home = tmp_path_factory.mktemp("home")
    demo.ensure_demo(home / "demo", cells=CELLS, subjects=8)
    build.build_index(home / "demo", home=home)
    return home


@pytest.fixture
def root(home: Path, indexed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A signed-in user, a demonstration set without an index and no model."""
    shutil.copytree(indexed / "demo", home / "demo")
    monkeypatch.setenv("ALLSCOPE_MODELS", str(tmp_path / "models"))
    sign_in(monkeypatch)
    return home / "demo"


@pytest.fixture
def mapped(root: Path, indexed: Path, home: Path) -> pd.DataFrame:
    """The same with an index whose map has blasts in the west; the table of the catalogue."""
    index = store.read(indexed / "demo", indexed)
    known = catalogue.load(root, readers.read(root)).table
    labels = known.set_index("image_id")["label"]
    west = labels.loc[index.table["image_id"]].to_numpy() == "all"
    y = np.linspace(-1, 1, len(index))
    x = np.where(west, 0.0, 1.0) + 0.1 * np.sin(np.arange(len(index)))
    x[:WITHOUT] = np.nan
    table = index.table.assign(map_x=x.astype(np.float32), map_y=y.astype(np.float32))
    store.write(store.folder(root), dataclasses.replace(index, table=table))
    return catalogue.load(root, readers.read(root)).table


def opened(**controls: str) -> AppTest:
    """The view with some of its controls set by the address."""
    return open_page("dataset", state={"view": "map"}, address=controls)


def west_of(table: pd.DataFrame) -> pd.DataFrame:
    return table[table["map_x"] < 0.5]


def test_show__a_set_that_is_not_indexed_is_indexed_from_here(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[Path] = []
    monkeypatch.setattr(jobs, "start", started.append)
    page = opened()
    assert "The map will be here once this data set is indexed" in page_text(page)
    assert not page.get("plotly_chart")
    next(button for button in page.button if button.label == "Index now").click().run()
    assert started == [root]


def test_show__an_index_without_embeddings(root: Path, indexed: Path) -> None:
    store.write(store.folder(root), store.read(indexed / "demo", indexed))
    page = opened()
    assert map_view.NO_EMBEDDINGS in page_text(page)
    assert not page.get("plotly_chart")


def test_show__the_map_says_what_has_no_place(mapped: pd.DataFrame) -> None:
    page = opened()
    assert len(page.get("plotly_chart")) == 1
    assert f"{CELLS - WITHOUT} cells on the map; {WITHOUT} images without a place" in page_text(
        page
    )
    assert "selected" not in page_text(page)


@pytest.mark.parametrize("colour", ["label", "subject", "copies", "area", "objects"])
def test_show__coloured_by_what_differs(mapped: pd.DataFrame, colour: str) -> None:
    page = opened()
    chosen = page.selectbox(key=map_view.COLOUR)
    if colour == "objects" and mapped["objects"].nunique() < 2:
        assert "Objects in the picture" not in chosen.options
        return
    chosen.set_value(colour).run()
    assert not page.exception
    assert len(page.get("plotly_chart")) == 1


def test_show__an_area_in_the_address_becomes_counts_and_a_gallery(mapped: pd.DataFrame) -> None:
    page = opened(area=WEST)
    selection = west_of(mapped)
    assert f"{len(selection)} cells selected" in page_text(page)
    assert (
        f"ALL blast: {len(selection)} of {selection['subject'].nunique()} subjects."
        in page_text(page)
    )
    assert f"1 to {map_view.PER_PAGE} of {len(selection)} cells" in page_text(page)
    assert len(page.dataframe[0].value) == selection["subject"].nunique()


def test_show__an_area_without_cells(mapped: pd.DataFrame) -> None:
    page = opened(area="50,50_60,50_60,60")
    assert "0 cells selected" in page_text(page)
    assert "1 to" not in page_text(page)


def test_show__open_in_browse_takes_the_selection_along(mapped: pd.DataFrame) -> None:
    page = opened(area=WEST)
    next(button for button in page.button if button.label == "Open in Browse").click().run()
    assert not page.exception
    assert page.session_state["view"] == "browse"
    ids = page.session_state[browse_filters.IDS]
    assert list(ids) == west_of(mapped)["image_id"].tolist()


def test_show__clear_forgets_the_area(mapped: pd.DataFrame) -> None:
    page = opened(area=WEST)
    next(button for button in page.button if button.label == "Clear the selection").click().run()
    assert "selected" not in page_text(page)
    assert "area" not in page.query_params


def test_class_sentence__escapes_what_people_call_things() -> None:
    rows = pd.DataFrame({"image_id": ["a", "b"], "label": ["all", "no *label*"], "subject": "s"})
    assert (
        map_view.class_sentence(rows)
        == "ALL blast: 1 of 1 subject; no \\*label\\*: 1 of 1 subject."
    )


def test_show__cells_beside_another_class_while_nothing_is_selected(mapped: pd.DataFrame) -> None:
    page = opened()
    nearest = embeddings.nearest_on_map(mapped)
    label = mapped["label"].to_numpy()
    mixed = int(((nearest >= 0) & (label != label[nearest])).sum())
    assert map_view.SELECT in page_text(page)
    assert ("of the other class" in page_text(page)) == (mixed > 0)


def test_sources_near__the_cell_and_those_around_it(mapped: pd.DataFrame, root: Path) -> None:
    known = catalogue.load(root, readers.read(root))
    context = DatasetContext(Visitor("ada", "Ada", "user"), "drawn", known, OWN_SPLIT)
    points = known.table[["map_x", "map_y"]].to_numpy(dtype=float)
    placed = known.table["image_id"][np.isfinite(points).all(axis=1)]
    near = map_view.sources_near(context, points, placed.iloc[0])
    assert next(iter(near)) == placed.iloc[0]
    assert 1 < len(near) <= 16
    assert map_view.sources_near(context, points, "gone") == {}


def test_subject_table__share_of_each_subject() -> None:
    table = pd.DataFrame(
        {"image_id": list("abcde"), "label": ["all"] * 3 + ["hem"] * 2, "subject": list("11122")}
    )
    selection = map_view.subject_table(table, table.iloc[[0, 1, 3]])
    assert selection.to_dict("list") == {
        "subject": ["1", "2"],
        "label": [CLASS_NAMES["all"], CLASS_NAMES["hem"]],
        "selected": [2, 1],
        "of": [3, 2],
        "share": [pytest.approx(200 / 3), 50.0],
    }


def test_training_note__says_what_the_network_has_seen(
    mapped: pd.DataFrame, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = catalogue.load(root, readers.read(root))
    assert known.about is not None
    of_model = dataclasses.replace(known, about=dataclasses.replace(known.about, model="one"))
    context = DatasetContext(Visitor("ada", "Ada", "user"), "drawn", of_model, OWN_SPLIT)
    assert map_view.training_note(context) == ""  # no such model is installed
    monkeypatch.setattr(model_folder, "names", lambda: ["one"])
    parts = pd.Series("train", index=known.table["image_id"])
    parts.iloc[: len(parts) // 2] = "test"
    monkeypatch.setattr(datasets, "model_split", lambda manifest, model: parts)
    assert "trained on 50 % of these cells" in map_view.training_note(context)
    monkeypatch.setattr(
        datasets, "model_split", lambda manifest, model: parts.replace("train", "test")
    )
    assert map_view.training_note(context) == ""


def test_map_colour__right_and_wrong_by_the_threshold(mapped: pd.DataFrame, root: Path) -> None:
    known = catalogue.load(root, readers.read(root))
    probability = pd.Series(0.6, index=known.table.index)
    probability[0] = np.nan
    colour = map_view.map_colour(known, ImagePredictions(probability, 0.5), "right")
    assert pd.isna(colour.values[0])
    expected = np.where(known.table["label"][1:] == "all", "right", "wrong")
    assert colour.values[1:].tolist() == expected.tolist()


def test_csv__the_selection_without_what_only_the_index_needs(
    mapped: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    tables: list[pd.DataFrame] = []
    monkeypatch.setattr(map_view, "show_csv_download", lambda table, *_, **__: tables.append(table))
    opened(area=WEST)
    saved = charts.csv_bytes(tables[0]).decode()
    assert len(tables[0]) == len(west_of(mapped))
    assert {"image_id", "subject", "label", "area", "map_x"} <= set(tables[0])
    assert not {"family", "mtime_ns", "indexed"} & set(tables[0])
    assert "Research use only" in saved
