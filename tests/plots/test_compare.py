import dataclasses

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest

from allcore.evaluation.comparison import NETWORKS, NetworkComparison
from allcore.evaluation.intervals import Interval
from allcore.plots import compare
from allcore.reports import comparison_tables
from tests import compared


@pytest.fixture(scope="module")
def found() -> NetworkComparison:
    return compared.comparison(("qcresnet", "resnet18", "lenet5", "ensemble", "area_brightness"))


@pytest.fixture(scope="module")
def figures(found: NetworkComparison) -> dict[str, go.Figure]:
    curves = comparison_tables.loss_curves(found.history, "unseen")
    by_subject = comparison_tables.accuracy_by_subject(found.predictions)
    return {
        "gap": compare.gap_dumbbells(found, "weighted_f1"),
        "epochs": compare.learning_curves(curves, ["qcresnet", "resnet18"], clock="epoch"),
        "seconds": compare.learning_curves(curves, ["qcresnet", "resnet18"], clock="seconds"),
        "subjects": compare.subject_accuracies(by_subject, "ensemble", "lenet5"),
    }


def title(figure: go.Figure) -> str:
    return str(figure.layout.title.text).replace("<br>", " ")


def test_figures__titles_fit_a_phone_and_axes_are_named(figures: dict[str, go.Figure]) -> None:
    for name, figure in figures.items():
        lines = figure.layout.title.text.split("<br>")
        assert max(map(len, lines)) <= 40, name
        assert len(lines) <= 3, name
        assert figure.layout.xaxis.title.text, name
        assert figure.layout.yaxis.title.text, name
        assert figure.layout.paper_bgcolor is None, name
        assert figure.layout.font.color is None, name


def test_gap__a_dumbbell_a_network_best_unseen_on_top(
    found: NetworkComparison, figures: dict[str, go.Figure]
) -> None:
    figure = figures["gap"]
    traces = {trace.name: trace for trace in figure.data if trace.name}
    unseen = traces["Unseen subjects"]
    assert list(unseen.x) == sorted(unseen.x, reverse=True)
    names = [row[0] for row in unseen.customdata]
    assert names == list(figure.layout.yaxis.ticktext)
    assert [row[0] for row in traces["Images split at random"].customdata] == names
    row = found.row("ensemble", "unseen")
    assert row is not None
    np.testing.assert_allclose(unseen.x[0] - unseen.error_x.arrayminus[0], row.weighted_f1.low)
    baseline = found.row("area_brightness", "unseen")
    assert baseline is not None
    assert traces["Area and brightness alone, unseen"].x[0] == baseline.weighted_f1.value
    largest = max(gap.gap.value for gap in found.gaps if gap.metric == "weighted_f1")
    assert title(figure) == (
        f"A random image split raises weighted F1 of all networks, by up to {largest:.2f}"
    )


def test_gap__where_not_all_networks_gain(found: NetworkComparison) -> None:
    gaps = [dataclasses.replace(gap, gap=Interval(-0.01, -0.02, 0.0)) for gap in found.gaps]
    none = dataclasses.replace(found, gaps=tuple(gaps))
    assert title(compare.gap_dumbbells(none, "auroc")) == "The random image split raises no AUROC"
    some = dataclasses.replace(found, gaps=(*gaps[:-1], found.gaps[-1]))
    assert "AUROC of 1 of 5 networks" in title(compare.gap_dumbbells(some, "auroc"))


def test_learning__by_epoch_and_by_time(
    found: NetworkComparison, figures: dict[str, go.Figure]
) -> None:
    curves = comparison_tables.loss_curves(found.history, "unseen").set_index(["network", "epoch"])
    loss = curves["loss"].loc[["qcresnet", "resnet18"]]
    network, epoch = loss.idxmin()
    said = f"{NETWORKS[network]} reaches the lowest validation loss, {loss.min():.3f} after"
    assert title(figures["epochs"]) == f"{said} epoch {epoch}"
    seconds = curves["seconds"].loc[network, epoch]
    assert title(figures["seconds"]) == f"{said} {seconds:,.0f} s"
    lines = [trace for trace in figures["seconds"].data if trace.name]
    assert [trace.name for trace in lines] == ["QCResNet", "ResNet-18"]
    assert len(figures["seconds"].data) == 6  # a band of two edges each


def test_learning__one_run_has_no_band(found: NetworkComparison) -> None:
    curves = comparison_tables.loss_curves(found.history, "paper")
    figure = compare.learning_curves(curves, ["lenet5"], clock="epoch")
    assert [trace.name for trace in figure.data] == ["LeNet-5"]


def test_subjects__one_point_a_subject(
    found: NetworkComparison, figures: dict[str, go.Figure]
) -> None:
    figure = figures["subjects"]
    points = [trace for trace in figure.data if trace.mode == "markers"]
    drawn = np.concatenate([trace.customdata[:, 0] for trace in points])
    unseen = found.predictions[found.predictions["protocol"] == "unseen"]
    assert sorted(drawn) == sorted(unseen["subject"].unique())
    wide = comparison_tables.accuracy_by_subject(found.predictions).pivot(
        index="subject", columns="network", values="accuracy"
    )
    ahead = int((wide["ensemble"] > wide["lenet5"]).sum())
    assert f"Ensemble is correct more often on {ahead} of {len(wide)} subjects" in title(figure)
    low, high = figure.layout.xaxis.range
    assert all(low <= x <= high for trace in points for x in trace.x)


def test_subjects__perfect_networks() -> None:
    table = pd.DataFrame(
        {"network": ["svm", "ensemble"], "subject": "1", "cells": 9, "accuracy": 1.0}
    ).assign(label="all")
    assert title(compare.subject_accuracies(table, "svm", "ensemble")).endswith("Ensemble on 0")


def test_lines__are_told_apart_on_light_and_dark_ground() -> None:
    assert set(compare.LINES) == set(NETWORKS)
    assert len(set(compare.LINES.values())) == len(NETWORKS)
    for colour, _ in compare.LINES.values():
        for ground in ("#FFFFFF", "#15121C"):
            assert contrast(colour, ground) >= 3, (colour, ground)


def contrast(one: str, other: str) -> float:
    """WCAG 2 contrast ratio."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def luminance(colour: str) -> float:
    parts = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])
