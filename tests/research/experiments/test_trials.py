"""The shared trainings, and the experiments that are made of them."""

from dataclasses import replace

import numpy as np
import pytest

from allcore.errors import AllScopeError
from allcore.evaluation.experiments import ExperimentRow
from allcore.evaluation.intervals import Interval
from allcore.research.experiments import head, recipe, trials
from allcore.research.experiments.options import ExperimentOptions
from allcore.research.experiments.trials import Trial, TrialData


@pytest.fixture
def data(options: ExperimentOptions) -> TrialData:
    return trials.load_data(options)


def a_trial(data: TrialData, options: ExperimentOptions, **changes: object) -> Trial:
    fields = {
        "name": "one",
        "split": data.splits[0],
        "recipe": trials.recipe(options, epochs=1),
        "preprocessing": trials.preprocessing(options),
        "init": "none",
        "architecture": "lenet5",
    }
    return Trial(**(fields | changes))  # type: ignore[arg-type]


def test_prepare__every_cell_is_tested_once(data: TrialData) -> None:
    tested = sum(split.mask(data.manifest, "test").astype(int) for split in data.splits)
    assert (tested == 1).all()


def test_apart__who_shows_a_held_out_cell_is_not_trained_on(data: TrialData) -> None:
    split = data.splits[0]
    everyone = np.zeros(len(data.manifest), dtype=np.intp)
    alone = trials.apart(split, data.manifest, everyone)
    assert not alone.mask(data.manifest, "train").any()
    assert not alone.mask(data.manifest, "validation").any()
    assert alone.mask(data.manifest, "test").any()
    families = np.arange(len(data.manifest))
    train, held = (np.flatnonzero(split.mask(data.manifest, p)) for p in ("train", "validation"))
    families[train[0]] = families[held[0]]
    found = trials.apart(split, data.manifest, families)
    assert found.mask(data.manifest, "train").sum() == len(train) - 1
    assert found.mask(data.manifest, "validation").sum() == len(held)


def test_run_all__each_trial_is_done_once(
    data: TrialData, options: ExperimentOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    planned = [a_trial(data, options), a_trial(data, options, split=data.splits[1])]
    first = trials.run_all(planned, data, title="Test")
    assert [len(outcome.history) for outcome in first] == [1, 1]
    monkeypatch.setattr(trials.run, "fit_network", lambda *_a, **_k: pytest.fail("trained again"))
    assert trials.run_all(planned, data, title="Test") == first
    assert not [path for path in data.work.iterdir() if path.is_dir()]


def test_run_all__anything_that_matters_makes_another_trial(
    data: TrialData, options: ExperimentOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    trials.run_all([a_trial(data, options)], data, title="Test")

    class Trained(Exception):
        pass

    def trains(*_a: object, **_k: object) -> None:
        raise Trained

    monkeypatch.setattr(trials.run, "fit_network", trains)
    other = replace(trials.recipe(options, epochs=1), mixup=0.4)
    for changes in ({"recipe": other}, {"split": data.splits[2]}, {"architecture": "pyramid"}):
        with pytest.raises(Trained):
            trials.run_all([a_trial(data, options, **changes)], data, title="Test")


def test_epochs_to__counts_from_one() -> None:
    history = [{trials.BALANCED: score} for score in (0.5, 0.8, 0.84, 0.7)]
    assert trials.epochs_to(history, 0.95) == 2
    assert trials.epochs_to(history, 1.0) == 3


def test_recipe__compares_variants_on_validation_alone(options: ExperimentOptions) -> None:
    found = recipe.run(replace(options, variants=("mixup", "imagenet-norm")))
    assert [row.name for row in found.rows] == [
        "Base", "Fixed normalisation instead of per cell", "Mixup 0.4",
    ]  # fmt: skip
    base, fixed, _ = found.rows
    assert "difference" not in base.figures
    less = fixed.figures["balanced"].value - base.figures["balanced"].value
    assert fixed.figures["difference"].value == pytest.approx(less)
    assert fixed.prediction and "of 2" in found.finding
    assert "no test cell was looked at" in " ".join(found.notes)


def test_recipe__variants_are_one_change_each_and_foreseen() -> None:
    names = [variant.name for variant in recipe.VARIANTS]
    assert names[0] == recipe.BASE and len(set(names)) == len(names)
    assert all(variant.prediction for variant in recipe.VARIANTS[1:])
    with pytest.raises(AllScopeError, match="no variant 'nonsense'"):
        recipe.chosen(["nonsense"])
    assert [each.name for each in recipe.chosen(["mixup"])] == ["base", "mixup"]


def test_recipe__finding_goes_by_the_intervals() -> None:
    variants = recipe.chosen(["mixup", "imagenet-norm", "decay"])
    low, none, high = (
        Interval(-0.1, -0.2, -0.05),
        Interval(-0.1, -0.3, 0.1),
        Interval(0.1, 0.05, 0.2),
    )
    rows = [ExperimentRow("Base", {}, 1, 1)]
    rows += [ExperimentRow(v.title, {"difference": f}, 1, 1)
             for v, f in zip(variants[1:], (low, none, high), strict=True)]  # fmt: skip
    text = recipe.finding(variants, rows)
    assert f"Clearly better than base: {variants[3].title}." in text
    assert f"Clearly worse: {variants[1].title}." in text
    assert f"for 2 of 3, not for: {variants[3].title}." in text


def test_head__pairs_seeds_and_folds(options: ExperimentOptions) -> None:
    found = head.run(replace(options, seeds=1))
    own, plain, less = found.rows
    for name in ("balanced", "loss", "seconds"):
        apart = own.figures[name].value - plain.figures[name].value
        assert less.figures[name].value == pytest.approx(apart, abs=1e-9)
    assert "of 3 pairs" in " ".join(found.notes)
    assert "The prediction" in found.finding


def test_head__finding_goes_by_the_intervals() -> None:
    none, clear = Interval(0.01, -0.1, 0.1), Interval(0.1, 0.05, 0.2)
    same = {"balanced": none, "loss": none, "first": none, "epochs": none}
    assert "not clearly different from" in head.finding(same)
    assert "The prediction held." in head.finding(same)
    text = head.finding(same | {"balanced": clear, "first": clear})
    assert "better than" in text and "It converges faster" in text
    assert "The prediction did not hold." in text
