"""What Browse and the cell's window say and draw, without a page around them."""

import math
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from allcore.audit.index.subject_profile import Subject
from allcore.data.cell_measurements import Fact
from allcore.web.dataset import (
    browse_cards,
    browse_compare,
    browse_subject,
    browse_table,
    cell_answer,
    cell_window,
)
from allcore.web.dataset.browse_compare import Shown

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
FACTS = {"area": Fact("area", "Area", "px"), "focus": Fact("focus", "Focus", "grey levels")}


def test_cards__say_class_subject_and_what_stands_out() -> None:
    first, second, third = browse_cards.cards(ROWS, synthetic=True, measure="area")
    assert (first.image_id, first.label, first.title) == ("one", "all", "ALL blast, 1")
    assert first.detail == "area 21,340 px, in 2 images, train, one"
    assert second.detail.startswith("can't be used")
    assert third.title == "no label, 1" and third.synthetic
    assert browse_cards.cards(ROWS, synthetic=False, measure="subject")[0].detail == (
        "in 2 images, train, one"
    )


@pytest.mark.parametrize("path", ["../secret.png", "/etc/hostname", "gone.png", "link.png"])
def test_file__none_outside_of_the_data_set(tmp_path: Path, path: str) -> None:
    root = tmp_path / "set"
    root.mkdir()
    (tmp_path / "secret.png").write_bytes(b"secret")
    (root / "link.png").symlink_to(tmp_path / "secret.png")
    (root / "own.png").write_bytes(b"own")
    context = SimpleNamespace(manifest=SimpleNamespace(root=root))
    assert browse_cards.file(context, pd.Series({"path": path})) is None  # type: ignore[arg-type]
    found = browse_cards.file(context, pd.Series({"path": "own.png"}))  # type: ignore[arg-type]
    assert found is not None and found.read_bytes() == b"own"


def test_recorded__what_is_known_as_text() -> None:
    first, second = (cell_window.recorded(ROWS.iloc[at]) for at in (0, 1))
    for said in ("a/one.png", "ALL blast", "450 × 450 pixels", "608.1 kB", "ab" * 32):
        assert said in first
    assert "&lt;u&gt;/two.png" in second and "&lt;i&gt;H2" in second
    assert "nan" not in second and "SHA-256" not in second and "0 × 0" not in second


def test_copies_in_words__say_what_differs() -> None:
    assert cell_window.copies_in_words(ROWS.iloc[[0, 0]]) == r"The same cell in 2 images\."
    said = cell_window.copies_in_words(ROWS).replace("\\", "")
    assert "different subjects: 1 and <i>H2</i>" in said
    assert "different classes: ALL blast and normal and no label" in said


def test_measured__what_differs_most_first() -> None:
    everyone = pd.DataFrame({"area": [0.0, 100.0], "focus": [0.0, 1.0]})
    rows = pd.DataFrame({"area": [10.0, 20.0], "focus": [0.2, 0.9]})
    found = browse_compare.measured(rows, everyone, FACTS)
    assert found.index.tolist() == ["focus", "area"]
    assert found["spread"].tolist() == pytest.approx([0.7 / math.sqrt(0.5), 10 / math.sqrt(5000)])
    texts, shades = browse_compare.in_words(found, everyone, FACTS)
    assert texts.loc["area", ["1", "2"]].tolist() == ["10 px (50 %)", "20 px (50 %)"]
    assert texts.loc["focus", "Spread"] == "1.0 SD"
    assert "rgba" in shades.loc["area", "1"] and shades.shape == texts.shape


def test_measured__without_a_value() -> None:
    everyone = pd.DataFrame({"area": [5.0, 5.0], "focus": [0.0, 1.0]})
    rows = pd.DataFrame({"area": [5.0, 5.0], "focus": [math.nan, 0.9]})
    found = browse_compare.measured(rows, everyone, FACTS)
    texts, shades = browse_compare.in_words(found, everyone, FACTS)
    assert texts.loc["area", "Spread"] == "" and texts.loc["focus", "1"].startswith("not measured")
    assert shades.loc["focus", "1"] == ""


@pytest.mark.parametrize(("zoom", "bar"), [(1, "100 px"), (2, "50 px"), (4, "25 px")])
def test_grid__one_scale_and_names_as_text(zoom: int, bar: str) -> None:
    rgb = np.zeros((8, 8, 3), np.uint8)
    shown = [Shown(rgb, 1, ROWS.iloc[0]), Shown(None, 2, ROWS.iloc[1])]
    body = browse_compare.grid(shown, zoom)
    assert body.count("data:image/png") == body.count(bar) == 1
    assert "no picture that can be shown" in body
    assert "&lt;b&gt;two" in body and "<b>two" not in body and "<i>H2" not in body
    assert "width: 27.8%" in body  # the same at every zoom: the bar is shorter as it is enlarged


def test_exported__the_list_in_its_order() -> None:
    found = browse_table.exported(ROWS, np.array([2, 0]))
    assert found["image_id"].tolist() == ["three", "one"]
    assert "map_x" not in found and "area" in found


def test_sentence__counts_classes_splits_and_copies() -> None:
    one = Subject("1", 3, {"all": 3}, {"train": 3}, 0, 0, (), {})
    assert browse_subject.sentence(one) == "3 cells: all ALL blast; all train."
    two = Subject("1", 3, {"all": 2, "hem": 1}, {"train": 3}, 1, 2, (), {})
    assert browse_subject.sentence(two) == (
        "3 cells: 2 ALL blast, 1 normal; all train; 2 with copies; 1 can't be used."
    )


def test_answer__by_id_or_by_name() -> None:
    table = pd.DataFrame(
        {
            "image_id": ["x/UID_1.bmp", "plain", "unknown"],
            "label": ["all", None, "hem"],
            "probability": [0.25, 0.5, math.nan],
            "split": ["test", "validation", "test"],
        }
    )
    known = cell_answer.by_name(table)
    for name in ("x/UID_1.bmp", "UID_1", "other/UID_1.png"):
        found = cell_answer.answer(known, name)
        assert found is not None and found.image_id == "x/UID_1.bmp"
    plain = cell_answer.answer(known, "plain")
    assert plain is not None and plain.label is None
    assert cell_answer.answer(known, "unknown") is None
