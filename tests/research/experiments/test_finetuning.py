"""The experiment on recipes, on drawn cells, and its judgement of predictions."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from allcore.errors import AllScopeError
from allcore.evaluation.experiments import ExperimentRow
from allcore.evaluation.intervals import Interval
from allcore.research.experiments import finetuning
from allcore.research.experiments.catalogue import ExperimentOptions
from allcore.training import run as training
from tests.conftest import draw_folders


@pytest.fixture(scope="module")
def options(tmp_path_factory: pytest.TempPathFactory) -> ExperimentOptions:
    root = tmp_path_factory.mktemp("recipe")
    data = draw_folders(root / "cells", subjects=12, cells=4, radii=(120, 70))
    return ExperimentOptions(
        data=data, work=root / "work", command="python -m allcore experiment finetuning", size=48,
        seeds=2, folds=3, epochs=1, samples=16, init="none", device="cpu",
        variants=("degraded-cell",),
    )  # fmt: skip


@pytest.mark.long
def test_run__every_cell_once_a_seed_and_goes_on(
    options: ExperimentOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    fitted: list[set[str]] = []
    fit_network = training.fit_network

    def noted(plan, data, fabric, **more):
        fitted.append(set(data.manifest.table["group"][data.split.mask(data.manifest, "train")]))
        if len(fitted) == 5:
            raise KeyboardInterrupt
        return fit_network(plan, data, fabric, **more)

    monkeypatch.setattr(training, "fit_network", noted)
    with pytest.raises(KeyboardInterrupt):
        finetuning.run(options)
    record = finetuning.run(options)
    assert len(fitted) == 1 + 2 * 2 * 3
    assert {len(groups) for groups in fitted} == {4}  # of 12 subjects, without two of three folds
    base, changed = record.rows
    assert (base.cells, base.subjects) == (48, 12)
    assert set(changed.figures) == set(finetuning.TITLES)
    assert set(finetuning.TITLES) - set(base.figures) == {"difference"}
    assert changed.figures["difference"].value == pytest.approx(
        changed.figures["auroc"].value - base.figures["auroc"].value
    )
    assert "The highest AUROC has" in record.finding


def test_run__unknown_variant(options: ExperimentOptions) -> None:
    with pytest.raises(AllScopeError, match="no variant 'best'"):
        finetuning.run(replace(options, variants=("best",)))


def test_chosen__variants_are_foreseen() -> None:
    names = [variant.name for variant in finetuning.VARIANTS]
    assert names[0] == finetuning.BASE and len(set(names)) == len(names)
    assert all(variant.prediction for variant in finetuning.VARIANTS[1:])
    with pytest.raises(AllScopeError, match="no variant 'nonsense'"):
        finetuning.chosen(["nonsense"])
    assert [variant.name for variant in finetuning.chosen(["degraded"])] == ["base", "degraded"]


def test_specificity_at__the_sensitivity_is_reached() -> None:
    labels = pd.Series(["all"] * 10 + ["hem"] * 10)
    logits = np.r_[np.arange(10.0), np.arange(10.0) - 4.5]
    # Nine of ten blasts lie at 1 or above; so do four of ten normal cells.
    assert finetuning.specificity_at(labels, logits) == pytest.approx(0.6)


def test_largest_changes__over_all_perturbations() -> None:
    probe = pd.DataFrame(
        {
            "label": ["all", "all", "hem", "hem"],
            "original": [1.0, 2.0, -1.0, -2.0],
            "blur 1": [-1.0, 2.0, -1.5, -2.0],
            "stain 10": [1.0, 2.0, 1.5, -2.0],
        }
    )
    changes = finetuning.largest_changes(probe)
    assert changes == {"auroc": 0.25, "sensitivity": 0.5, "specificity": 0.5}


def test_finding__names_clear_and_robust_variants() -> None:
    def row(name: str, auroc: float, change: float, **more: Interval) -> ExperimentRow:
        figures = {"auroc": Interval(auroc, auroc - 0.1, auroc + 0.1), **more}
        for key in finetuning.LIMITS:
            figures[f"{key}_change"] = Interval(change, float("nan"), float("nan"))
        return ExperimentRow(name, figures, 10, 2)

    text = finetuning.finding(
        [
            row("Base", 0.8, 0.2),
            row("Good", 0.9, 0.01, difference=Interval(0.1, 0.05, 0.15)),
            row("Bad", 0.7, 0.2, difference=Interval(-0.1, -0.15, -0.05)),
        ]
    )
    assert "highest AUROC has: Good (0.900 [0.800, 1.000])" in text
    assert "Clearly better than base: Good. Clearly worse than base: Bad." in text
    assert "Within all limits under perturbation: Good." in text


def test_probes__are_the_perturbations_of_the_limits(tmp_path: Path) -> None:
    levels = {sweep.name: set(sweep.levels) - {sweep.unaltered} for sweep in finetuning.PROBES}
    assert levels == {
        "stain": {-10, 10}, "brightness": {0.8, 1.2}, "scale": {0.85, 1.2}, "margin": {2},
        "jpeg": {50}, "blur": {1},
    }  # fmt: skip
