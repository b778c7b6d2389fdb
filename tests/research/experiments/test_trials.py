"""The shared trainings, and the experiments that are made of them."""

from dataclasses import replace

import numpy as np
import pytest

from allcore.evaluation.intervals import Interval
from allcore.research.experiments import head, trials
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
