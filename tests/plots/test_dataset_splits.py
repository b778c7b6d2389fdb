from dataclasses import replace
from pathlib import Path

import pandas as pd
import plotly.graph_objects as go
import pytest

from allcore.audit.findings import leaks
from allcore.audit.findings.leaks import SplitLeaks
from allcore.plots import dataset as dataset_plots
from allcore.plots import style
from tests.audit.findings.test_leaks import PARTS, by_subject, cells_of, indexed


@pytest.fixture
def found(home: Path) -> SplitLeaks:
    cells = indexed(cells_of(list(PARTS)), home)
    return leaks.find_split_leaks(cells, by_subject(cells))


def title(figure: go.Figure) -> str:
    return style.plain_title(figure.layout.title.text)


def test_parts__title_tells_the_balance(found: SplitLeaks):
    assert (
        title(dataset_plots.split_part_bars(found.counts))
        == "ALL blasts are 50 % of the cells in every part"
    )
    counts = found.counts.copy()
    counts.loc[counts["part"] == "test", "share"] = [0.25, 0.75]
    assert title(dataset_plots.split_part_bars(counts)) == (
        "ALL blasts are 50 % of training, 50 % of validation and 25 % of test cells"
    )
    assert title(dataset_plots.split_part_bars(counts.assign(images=0))) == "No image is in a part"


def test_subjects__title_tells_whether_any_is_torn(found: SplitLeaks):
    table = pd.DataFrame({"subject": ["1", "1", "H2"], "part": ["train", "test", "test"],
                          "images": [3, 1, 9]})  # fmt: skip
    figure = dataset_plots.split_subject_bars(table, found)
    assert title(figure) == "Each of 6 subjects is in one part alone"
    assert list(figure.data[0].x) == ["H2", "1"]
    assert {trace.name: list(trace.y) for trace in figure.data} == {
        "training": [0, 3], "test": [9, 1],
    }  # fmt: skip
    torn = replace(found, subjects=("1",))
    assert (
        title(dataset_plots.split_subject_bars(table, torn))
        == "1 of 6 subjects is in two parts or more"
    )


def test_spread__title_compares_test_with_training(found: SplitLeaks):
    assert title(dataset_plots.measure_quartiles(found.measures, "brightness")) == (
        "Test cells are about as bright as training's"
    )
    measures = found.measures.copy()
    test = (measures["part"] == "test") & (measures["measure"] == "area")
    measures.loc[test, "median"] *= 1.2
    assert "% larger than training's" in title(dataset_plots.measure_quartiles(measures, "area"))
    measures.loc[test, "median"] *= 0.5
    assert "% smaller than training's" in title(dataset_plots.measure_quartiles(measures, "area"))
    assert title(dataset_plots.measure_quartiles(measures[~test], "area")) == "Area (pixels)"
