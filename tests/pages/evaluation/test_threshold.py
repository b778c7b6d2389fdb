"""One threshold for all views."""

import json
from pathlib import Path

import numpy as np
import pytest

from allcore.evaluation import metrics, model_evaluation, outcomes, thresholds
from allcore.web.evaluation import threshold_bar
from tests import explored, simulated
from tests.page_runs import page_text
from tests.pages.evaluation.evaluation_page import (
    button,
    expected_headline,
    figures,
    headline,
    held_out,
    opened,
    rules,
    scores,
    subjects_table,
    threshold,
    title,
    usable,
)


def test_threshold__drives_headline_and_subjects(bare: Path) -> None:
    page = opened(threshold="0.7")
    assert headline(page) == expected_headline(0.7) != expected_headline(0.5)
    table = held_out()
    called = (table["probability"] >= 0.7).groupby(table["subject"]).agg(["sum", "count"])
    shown = subjects_table(page).set_index("Subject")["Predicted ALL blast"]
    for subject, (hits, cells) in called.iterrows():
        assert shown[subject].startswith(f"{hits} of {cells} (")


def test_threshold__drives_the_table_of_figures(bare: Path) -> None:
    page = opened(view=title("figures"), threshold="0.7")
    table = page.dataframe[0].value.set_index("Figure")["Value"]
    found = scores(0.7)
    assert list(table.index) == list(metrics.TITLES.values())
    expected = [getattr(found, key) for key in metrics.TITLES]
    assert np.allclose(table.to_numpy(dtype=float), expected, rtol=0, atol=1e-12)


def test_threshold__drives_matrix_and_operating_point(bare: Path) -> None:
    table, found = held_out(), scores(0.7)
    matrix, roc = figures(opened(threshold="0.7"))
    count = int(((table["probability"] >= 0.7) & (table["label"] == "all")).sum())
    assert f"{count:,}" in json.dumps(matrix, ensure_ascii=False)
    single = [t for t in roc["data"] if isinstance(t.get("y"), list) and len(t["y"]) == 1]
    at = [(trace["x"][0], trace["y"][0]) for trace in single]
    assert any(np.allclose(p, (1 - found.specificity, found.sensitivity)) for p in at)


@pytest.mark.parametrize("show", [*outcomes.OUTCOMES, "confident_errors"])
def test_threshold__drives_the_lists(bare: Path, show: str) -> None:
    table = held_out()
    kinds = outcomes.cell_outcomes(
        model_evaluation.labels_array(table), table["probability"].to_numpy(), 0.7
    )
    wanted = ("fp", "fn") if show == "confident_errors" else (show,)
    names = outcomes.OUTCOMES | outcomes.LISTS
    page = opened(view=title("errors"), show=names[show], threshold="0.7")
    assert f"of {np.isin(kinds, wanted).sum():,} cells" in page_text(page)


@pytest.mark.parametrize(("rule", "given"), [("youden", {}), ("sensitivity", {"target": 0.8})])
def test_threshold__a_rule_chooses_on_validation_cells(
    bare: Path, rule: str, given: dict[str, float]
) -> None:
    page = rules(opened())
    page.selectbox(key="threshold_rule").set_value(rule)
    rules(page)
    for value in given.values():
        labels = [each.label for each in page.number_input]
        page.number_input[labels.index("Sensitivity of at least")].set_value(value)
        rules(page)
    assert threshold_bar.FLATTERS not in page_text(page)
    button(page, "Apply")
    cells = held_out("validation")
    choice = thresholds.choose_threshold(
        rule,
        model_evaluation.labels_array(cells),
        cells["probability"].to_numpy(),
        model_evaluation.subject_groups(cells),
        **given,
    )
    assert threshold(page) == choice.value != 0.5
    assert choice.sentence in page_text(page)
    assert headline(page) == expected_headline(choice.value)
    again = opened(threshold=page.query_params["threshold"])
    assert headline(again) == headline(page)


def test_threshold__dragged_and_taken_back(bare: Path) -> None:
    page = opened()
    page.slider(key="threshold_slider").set_value(0.3).run()
    assert threshold(page) == 0.3
    assert headline(usable(page)) == expected_headline(0.3)
    assert "Chosen by hand." in page_text(page)
    button(page, "Reset")
    assert headline(page) == expected_headline(0.5)
    assert "Fixed for tests." in page_text(page)


def test_threshold__without_validation_cells_choosing_flatters(own: Path) -> None:
    simulated.folder(own, table=held_out())
    page = rules(opened())
    assert threshold_bar.FLATTERS in page_text(page)
    page.selectbox(key="threshold_rule").set_value("youden")
    rules(page)
    button(page, "Apply")
    cells = held_out()
    choice = thresholds.choose_threshold(
        "youden",
        model_evaluation.labels_array(cells),
        cells["probability"].to_numpy(),
        model_evaluation.subject_groups(cells),
    )
    assert threshold(page) == choice.value
    said = next(each.value for each in page.markdown if each.value.startswith("**Threshold "))
    assert "cells shown" in said and "flatters" in said


def test_threshold__another_model_brings_its_own(full: Path) -> None:
    page = opened(threshold="0.7")
    page.selectbox(key="model").set_value("second").run()
    assert threshold(usable(page)) == explored.SECOND_THRESHOLD
    shared = opened(model="second", threshold="0.7")
    assert threshold(shared) == 0.7
