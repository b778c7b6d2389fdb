"""Predictions of one's own, as files."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import special
from streamlit.testing.v1 import AppTest

from allcore.evaluation import metrics, model_evaluation
from allcore.web import cell_images
from allcore.web.evaluation import curves_view, threshold_bar
from allcore.web.evaluation.views import VIEWS
from tests import conftest, explored
from tests.page_runs import page_text
from tests.pages.evaluation.evaluation_page import (
    expected_headline,
    headline,
    of_views,
    opened,
    rules,
    usable,
)


def bring(page: AppTest, table: pd.DataFrame | bytes, name: str = "mine.csv") -> AppTest:
    data = table if isinstance(table, bytes) else table.to_csv(index=False).encode()
    page.file_uploader(key="prediction_upload").set_value((name, data, "text/csv")).run()
    return usable(page)


def test_brought__good(bare: Path) -> None:
    page = bring(opened(), explored.brought())
    assert headline(page) == expected_headline(0.5)
    assert threshold_bar.FLATTERS in page_text(rules(page))
    assert page.query_params["model"] == "mine.csv"
    said = of_views(page, *VIEWS)
    assert "a file bring no embeddings" in said["map"]
    assert "share no cell" in said["models"]  # ids of another program
    assert "model's card" in said["export"]


def test_brought__parquet_without_any_model(own: Path, tmp_path: Path) -> None:
    explored.brought().to_parquet(tmp_path / "mine.parquet")
    page = bring(opened(), (tmp_path / "mine.parquet").read_bytes(), "mine.parquet")
    assert headline(page) == expected_headline(0.5)


def test_brought__two_files_of_one_name(bare: Path) -> None:
    page = bring(opened(), explored.brought())
    half = explored.brought().iloc[::2]
    bring(page, half)
    found = metrics.scores(
        labels=model_evaluation.labels_array(half),
        probabilities=half["score"].to_numpy(),
        threshold=0.5,
    )
    assert headline(page)["Accuracy"] == f"{found.accuracy:.3f}"
    options = page.selectbox(key="model").options
    assert len(set(options)) == len(options) == 3


def test_brought__a_file_that_cannot_be_read_is_said_as_long_as_it_is_there(bare: Path) -> None:
    page = bring(opened(), explored.brought().drop(columns="score"))
    said = "mine.csv lacks a column of probabilities"
    assert said in page_text(page)
    assert page.selectbox(key="model").value == "simulated"
    page.segmented_control(key="view").set_value("errors").run()
    assert said in page_text(usable(page))
    bring(page, explored.brought())
    assert said not in page_text(page)
    page.file_uploader(key="prediction_upload").clear().run()
    assert headline(opened()) == expected_headline(0.5)


def changed(case: str) -> pd.DataFrame:
    table = explored.brought()
    fifth = np.arange(len(table)) % 5 == 0
    match case:
        case "labels":
            return table.assign(label=table["label"].mask(fifth))
        case "nan":
            return table.assign(score=table["score"].mask(fifth))
        case "duplicates":
            return table.assign(file=table["file"].mask(fifth, "slide-0"))
        case "one class":
            return table[table["label"] == "all"]
        case "one subject":
            return table.assign(patient="P1")
        case "no subject":
            return table.drop(columns="patient")
    raise ValueError(case)


@pytest.mark.parametrize(
    ("case", "sentence"),
    [
        ("labels", "without a label"),
        ("nan", "without a probability"),
        ("duplicates", "contradict another row of the same id ('slide-0')"),
    ],
)
def test_brought__rows_that_cannot_be_used(bare: Path, case: str, sentence: str) -> None:
    page = bring(opened(), changed(case))
    assert sentence in page_text(page)
    rest = explored.brought()[np.arange(len(explored.brought())) % 5 != 0]
    found = metrics.scores(
        labels=model_evaluation.labels_array(rest),
        probabilities=rest["score"].to_numpy(),
        threshold=0.5,
    )
    assert headline(page)["Weighted F1"] == f"{found.weighted_f1:.3f}"


def choose(page: AppTest, column: str, value: str) -> AppTest:
    """Choose the heading of a column, or the meaning, of the file."""
    key = f"prediction_{column}_"
    next(box for box in page.selectbox if str(box.key).startswith(key)).set_value(value).run()
    return usable(page)


def test_brought__columns_are_shown_and_can_be_changed(bare: Path) -> None:
    table = explored.brought()
    call = np.where(table["score"] > 0.5, "all", "hem")
    page = bring(opened(), table.assign(true_label=table["label"], label=call))
    assert "actual 'true_label', probability 'score'" in page_text(page)
    assert headline(page) == expected_headline(0.5)
    choose(page, "label", "label")
    assert "actual 'label', probability 'score'" in page_text(page)
    assert headline(page)["Accuracy"] == "1.000"
    assert len(page.selectbox(key="model").options) == 2  # in place of the first import
    choose(page, "subject", "None")
    assert "There is no column for subjects" in page_text(page)


def test_brought__logits_are_refused_until_they_are_chosen_as_such(bare: Path) -> None:
    table = explored.brought()
    page = bring(opened(), table.assign(score=special.logit(table["score"])))
    assert "holds logits and no probabilities" in page_text(page)
    assert page.selectbox(key="model").value == "simulated"
    choose(page, "meaning", "Logit of ALL blast")
    assert "was converted from logits" in page_text(page)
    assert headline(page) == expected_headline(0.5)


def test_brought__exchanged_codes_wait_for_a_decision(bare: Path) -> None:
    table = explored.brought()
    names = [
        f"UID_{'H' * (label == 'hem')}{i}_1_1_{label}.bmp" for i, label in enumerate(table["label"])
    ]
    codes = table["label"].map({"all": 0, "hem": 1})
    page = bring(opened(), table.assign(file=names, label=codes))
    assert f"{len(table)} of {len(table)} labels contradict the names" in page_text(page)
    assert page.selectbox(key="model").value == "simulated"
    labels = next(box for box in page.text_input if box.label == "Labels")
    labels.set_value("0=dog").run()
    assert "write them as 0=all,1=hem, or as" in page_text(usable(page))
    labels.set_value("0=all,1=hem").run()
    assert headline(usable(page)) == expected_headline(0.5)


@pytest.mark.parametrize(
    ("case", "sentence"),
    [
        ("one class", "All cells are ALL blasts: without normal cells there is no specificity"),
        ("one subject", "All cells are of one subject ('P1')"),
        ("no subject", "There is no column for subjects"),
    ],
)
def test_brought__what_can_still_be_shown(bare: Path, case: str, sentence: str) -> None:
    page = bring(opened(), changed(case))
    assert sentence in page_text(page)
    value = headline(page)
    assert value["Sensitivity"] != "undefined"
    assert (value["AUROC"] == "undefined") == (case == "one class")
    said = of_views(page, "errors", "slices", "subjects", "figures", "calibration")
    assert (curves_view.ONE_CLASS in said["figures"]) == (case == "one class")


def test_brought__ids_that_match_no_picture(
    bare: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = conftest.draw_folders(tmp_path / "data", subjects=4, cells=1)
    monkeypatch.setenv("ALLSCOPE_DATA", str(data))
    page = bring(opened(), explored.brought())
    assert cell_images.UNMATCHED in page_text(page)
    assert headline(page) == expected_headline(0.5)
