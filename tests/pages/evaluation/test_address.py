"""The address says what the controls do."""

from pathlib import Path

import pytest

from allcore.evaluation import outcomes
from allcore.web.evaluation import curves_view, threshold_bar
from tests import explored, simulated
from tests.page_runs import page_text
from tests.pages.evaluation.evaluation_page import (
    expected_headline,
    headline,
    held_out,
    opened,
    seen,
    threshold,
    title,
    usable,
)


def test_address__is_what_the_controls_say(bare: Path) -> None:
    page = opened()
    page.number_input(key=threshold_bar.KEY).set_value(0.7).run()
    page.segmented_control(key="view").set_value("errors").run()
    page.selectbox(key="show").set_value("fn").run()
    page.multiselect(key="subject").set_value(["101", "105"]).run()
    same = opened(
        threshold="0.7",
        view=title("errors"),
        show=outcomes.OUTCOMES["fn"],
        subject=["101", "105"],
    )
    assert seen(same) == seen(usable(page))
    assert page.multiselect(key="subject").value == ["101", "105"]


def test_address__holds_prevalence_and_models_beside(full: Path) -> None:
    page = opened(view=title("figures"))
    page.slider(key=curves_view.PREVALENCE).set_value(2.0).run()
    page.multiselect(key=curves_view.BESIDE).set_value(["second"]).run()
    same = opened(view=title("figures"), prevalence="2.0", beside="second")
    assert seen(same) == seen(usable(page)) != seen(opened(view=title("figures")))


@pytest.mark.parametrize(
    "junk",
    [
        {"threshold": "abc", "split": "x", "show": "q", "subject": "zzz", "label": "<b>"},
        {"threshold": "7"},
        {"threshold": "nan", "view": "Nothing"},
        {"cell": "<script>alert(1)</script>"},
        {"view": "Map", "area": "1_2_3", "colour": "x", "only_wrong": "perhaps"},
        {"view": "Map", "area": "1,1_1,1_1,1"},
        {"model": "../../etc", "other": "../x"},
        {"view": "Model comparison", "other": "../../etc", "kind": "9"},
        {"view": "Subjects", "who": "zz", "cutoff": "999", "least": "-1"},
        {"view": "Curves", "prevalence": "-3", "beside": ["zz", "simulated"]},
        {"view": "Robustness", "robust_by": "q"},
        {"view": "Review", "kind": "x"},
        {"view": ["Map", "Errors"], "threshold": ["0.1", "0.2"]},
    ],
)
def test_address__junk_is_left_aside(full: Path, junk: dict[str, str | list[str]]) -> None:
    page = opened(**junk)
    assert 0 <= threshold(page) <= 1
    assert page.selectbox(key="model").value == "simulated"
    assert "<script>" not in "".join(str(each.value) for each in page.markdown)


def test_address__of_a_file_that_is_not_here(bare: Path) -> None:
    page = opened(model="mine.csv")
    assert "This address shows mine.csv" in page_text(page)
    assert headline(page) == expected_headline(0.5)


def test_address__opens_a_cell(bare: Path) -> None:
    first = held_out().iloc[0]
    page = opened(cell=first["image_id"], threshold="1")
    assert f"predicted normal: wrong.** Subject {first['subject']}" in page_text(page)


def test_address__what_another_model_does_not_have_is_left_aside(own: Path) -> None:
    explored.folder(own)
    table = held_out().assign(subject="S1", group="S1")
    simulated.folder(own, name="third", table=table)
    for address in (
        {"view": "Map", "colour": "Area", "split": "Validation"},
        {"view": "Subjects", "who": "101"},
        {"view": "Curves", "beside": "third"},
    ):
        page = opened(**address)
        page.selectbox(key="model").set_value("third").run()
        assert page.selectbox(key="model").value == "third"
        assert not usable(page).error
