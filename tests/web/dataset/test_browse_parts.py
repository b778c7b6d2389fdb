"""What Browse and the cell's window say and draw, without a page around them."""

import math
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from allcore.audit.index.subject_profile import SubjectProfile
from allcore.data.cell_measurements import Measure
from allcore.web.dataset import (
    browse_comparison,
    browse_filters,
    browse_view,
    cell_window,
    image_cards,
)
from allcore.web.dataset.browse_comparison import ComparedImage

ROWS = pd.DataFrame(
    {
        "image_id": ["one", "<b>two</b>", "three"],
        "path": ["a/one.png", "<u>/two.png", "three.png"],
        "label": ["all", "hem", "no label"],
        "subject": ["1", "<i>H2</i>", "1"],
        "split": ["train", "test", "not in a split"],
        "error": ["", "It is dark.", ""],
        "copies": [2, 1, 2],
        "size_bytes": [608_054.0, math.nan, 12.0],
        "width": [450.0, 0.0, math.nan],
        "height": [450.0, 0.0, math.nan],
        "area": [21_340.4, math.nan, 10.0],
        "file_sha256": ["ab" * 32, None, None],
        "map_x": 0.0,
    }
)
FACTS = {"area": Measure("area", "Area", "px"), "focus": Measure("focus", "Focus", "grey levels")}


def test_make_cards__say_class_subject_and_what_stands_out() -> None:
    first, second, third = image_cards.make_cards(ROWS, synthetic=True, measure="area")
    assert (first.image_id, first.label, first.title) == ("one", "all", "ALL blast, 1")
    assert first.detail == "area 21,340 px, in 2 images, train, one"
    assert second.detail.startswith("can't be used")
    assert third.title == "no label, 1" and third.synthetic
    assert image_cards.make_cards(ROWS, synthetic=False, measure="subject")[0].detail == (
        "in 2 images, train, one"
    )


@pytest.mark.parametrize("path", ["../secret.png", "/etc/hostname", "gone.png", "link.png"])
def test_image_file__none_outside_of_the_data_set(tmp_path: Path, path: str) -> None:
    root = tmp_path / "set"
    root.mkdir()
    (tmp_path / "secret.png").write_bytes(b"secret")
    (root / "link.png").symlink_to(tmp_path / "secret.png")
    (root / "own.png").write_bytes(b"own")
    context = SimpleNamespace(manifest=SimpleNamespace(root=root))
    assert image_cards.image_file(context, pd.Series({"path": path})) is None  # type: ignore[arg-type]
    file = image_cards.image_file(context, pd.Series({"path": "own.png"}))  # type: ignore[arg-type]
    assert file is not None and file.read_bytes() == b"own"


def test_record_html__what_is_known_as_text() -> None:
    first, second = (cell_window.record_html(ROWS.iloc[at]) for at in (0, 1))
    for sentence in ("a/one.png", "450 × 450 pixels", "608.1 kB", "ab" * 32):
        assert sentence in first
    assert "&lt;u&gt;/two.png" in second
    assert "above 71 %" in cell_window.record_html(ROWS.iloc[0], pd.Series({"area": 71.2}))
    assert "nan" not in second and "SHA-256" not in second and "0 × 0" not in second


def test_copies_sentence__say_what_differs() -> None:
    assert cell_window.copies_sentence(ROWS.iloc[[0, 0]]) == r"The same cell in 2 images\."
    sentence = cell_window.copies_sentence(ROWS).replace("\\", "")
    assert "different subjects: 1 and <i>H2</i>" in sentence
    assert "different classes: ALL blast and normal and no label" in sentence


def test_compare_measures__what_differs_most_first() -> None:
    everyone = pd.DataFrame({"area": [0.0, 100.0], "focus": [0.0, 1.0]})
    rows = pd.DataFrame({"area": [10.0, 20.0], "focus": [0.2, 0.9]})
    table = browse_comparison.compare_measures(rows, everyone, FACTS)
    assert table.index.tolist() == ["focus", "area"]
    assert table["spread"].tolist() == pytest.approx([0.7 / math.sqrt(0.5), 10 / math.sqrt(5000)])
    texts, shades = browse_comparison.measure_texts(table, everyone, FACTS)
    assert texts.loc["area", ["1", "2"]].tolist() == ["10 px (50 %)", "20 px (50 %)"]
    assert texts.loc["focus", "Spread"] == "1.0 SD"
    assert "rgba" in shades.loc["area", "1"] and shades.shape == texts.shape


def test_compare_measures__without_a_value() -> None:
    everyone = pd.DataFrame({"area": [5.0, 5.0], "focus": [0.0, 1.0]})
    rows = pd.DataFrame({"area": [5.0, 5.0], "focus": [math.nan, 0.9]})
    table = browse_comparison.compare_measures(rows, everyone, FACTS)
    texts, shades = browse_comparison.measure_texts(table, everyone, FACTS)
    assert texts.loc["area", "Spread"] == "" and texts.loc["focus", "1"].startswith("not measured")
    assert shades.loc["focus", "1"] == ""


@pytest.mark.parametrize(("zoom", "bar"), [(1, "100 px"), (2, "50 px"), (4, "25 px")])
def test_comparison_html__one_scale_and_names_as_text(zoom: int, bar: str) -> None:
    rgb = np.zeros((8, 8, 3), np.uint8)
    shown = [ComparedImage(rgb, 1, ROWS.iloc[0]), ComparedImage(None, 2, ROWS.iloc[1])]
    body = browse_comparison.comparison_html(shown, zoom)
    assert body.count("data:image/png") == body.count(bar) == 1
    assert "no picture that can be shown" in body
    assert "&lt;b&gt;two" in body and "<b>two" not in body and "<i>H2" not in body
    assert "width: 27.8%" in body  # the same at every zoom: the bar is shorter as it is enlarged


def test_export_table__the_list_in_its_order() -> None:
    table = browse_filters.export_table(ROWS, np.array([2, 0]))
    assert table["image_id"].tolist() == ["three", "one"]
    assert "map_x" not in table and "area" in table


def test_subject_sentence__counts_classes_splits_and_copies() -> None:
    one = SubjectProfile("1", 3, {"all": 3}, {"train": 3}, 0, 0, (), {})
    assert browse_view.subject_sentence(one) == "3 cells: all ALL blast; all train."
    two = SubjectProfile("1", 3, {"all": 2, "hem": 1}, {"train": 3}, 1, 2, (), {})
    assert browse_view.subject_sentence(two) == (
        "3 cells: 2 ALL blast, 1 normal; all train; 2 with copies; 1 can't be used."
    )
