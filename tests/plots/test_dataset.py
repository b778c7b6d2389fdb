from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from allcore.audit.index.distributions import Distribution
from allcore.data.cell_measurements import MEASURES
from allcore.evaluation.intervals import Interval
from allcore.plots import dataset, style

AREA, BRIGHTNESS = MEASURES[0], MEASURES[1]
FOUND = Distribution(
    fact=AREA,
    edges=np.linspace(0, 10, 5),
    shares={"all": np.array([0.1, 0.2, 0.3, 0.4]), "hem": np.array([0.4, 0.3, 0.2, 0.1])},
    cells={"all": 1200, "hem": 50},
    means={"all": np.array([6.0, 7.0, 99.0]), "hem": np.array([3.0, 4.0])},
    difference=Interval(3.0, 1.0, 5.0),
)


def test_finding__says_which_way_and_how_far() -> None:
    said = dataset.measure_text(FOUND)
    assert said == "ALL blasts are larger: 3 px between subjects' means (interval 1 to 5)"
    darker = replace(FOUND, fact=BRIGHTNESS, difference=Interval(-3.0, -5.0, -1.0))
    assert "darker: 3 grey levels" in dataset.measure_text(darker)
    assert "interval 1 to 5" in dataset.measure_text(darker)


def test_finding__not_clear() -> None:
    said = dataset.measure_text(replace(FOUND, difference=Interval(3.0, -1.0, 7.0)))
    assert said == "ALL blasts are not clearly larger or smaller (+3 px, interval -1 to +7)"


def test_finding__without_what_it_takes() -> None:
    nan = float("nan")
    few = replace(FOUND, difference=Interval(3.0, nan, nan))
    assert "too few subjects" in dataset.measure_text(few)
    alone = replace(FOUND, shares={"all": FOUND.shares["all"]}, difference=Interval(nan, nan, nan))
    assert dataset.measure_text(alone) == "Area: only ALL blast cells have a label"


@pytest.mark.parametrize("fact", [fact for fact in MEASURES if fact.name != "border"])
def test_finding__has_words_for_every_measure(fact: object) -> None:
    assert "clearly" in dataset.measure_text(
        replace(FOUND, fact=fact, difference=Interval(0.0, -1.0, 1.0))  # type: ignore[arg-type]
    )


def test_distribution__curves_and_marks() -> None:
    figure = dataset.measure_distribution(FOUND)
    curves = [trace for trace in figure.data if trace.mode == "lines"]
    marks = [trace for trace in figure.data if trace.mode == "markers"]
    assert [trace.name for trace in curves] == ["ALL blast (1,200 cells)", "normal (50 cells)"]
    assert list(curves[0].y) == pytest.approx([10, 20, 30, 40])
    assert marks[0].x.max() == 10  # what lies beyond is drawn at the edge and told as it is
    assert marks[0].customdata.max() == 99
    assert {trace.marker.color for trace in marks} == {style.BLAST, style.NORMAL}
    assert figure.layout.xaxis.title.text == "Area, px"


def table(folds: list[object]) -> pd.DataFrame:
    return pd.DataFrame(
        {"fold": folds, "label": "all", "subject": ["1", "1", "2"], "group": ["1", "1", "2"]}
    )


def test_fold_bars__counts_subjects_across() -> None:
    found = dataset.fold_bars(table(["fold_0", "fold_1", "fold_1"]))
    assert found is not None
    assert "1 subject has images in more than one of 2 folds" in found.layout.title.text.replace(
        "<br>", " "
    )
    apart = dataset.fold_bars(table(["fold_0", "fold_0", "fold_1"]))
    assert apart is not None
    assert "No subject is in two" in apart.layout.title.text


def test_fold_bars__without_folds() -> None:
    assert dataset.fold_bars(table([None, None, None])) is None
