"""The head on statistics of a frozen body: variants, whose answer counts, and what is kept."""

from dataclasses import replace

import numpy as np
import pytest

from allcore.errors import AllScopeError
from allcore.research.experiments import recipe, stages, stages_trials, trials
from allcore.research.experiments.options import Options
from allcore.research.experiments.stages_trials import Asked, _Work

BASE = Asked(changes={}, config={"widths": (8,)}, size=48, answer="one")


@pytest.fixture
def work(options: Options) -> _Work:
    options = replace(options, folds=4)
    return _Work(BASE, trials.prepare(options), options, epochs=1)


def test_run__compares_on_validation_alone(options: Options) -> None:
    asked = ("shrunk", "ensemble", "turned", "taught", "half-size")
    found = stages.run(replace(options, size=64, folds=4, variants=asked))
    assert found.rows[0].name == "Base" and len(found.rows) == 6
    base, *others = found.rows
    assert "difference" not in base.figures
    for row in others:
        less = row.figures["balanced"].value - base.figures["balanced"].value
        assert row.figures["difference"].value == pytest.approx(less)
    assert "of 5" in found.finding
    assert "no test cell was looked at" in " ".join(found.notes)


def test_variants__are_foreseen() -> None:
    names = [variant.name for variant in stages.VARIANTS]
    assert names[0] == recipe.BASE and len(set(names)) == len(names)
    assert all(variant.prediction for variant in stages.VARIANTS[1:])


def test_scores__cells_are_read_once_and_trained_once(
    options: Options, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = trials.prepare(options)
    first = stages_trials.scores(asked=BASE, bench=bench, options=options, epochs=1)
    assert len(first) == options.folds
    refuse = lambda *_a, **_k: pytest.fail("done again")  # noqa: E731
    monkeypatch.setattr(stages_trials.heads, "learned", refuse)
    monkeypatch.setattr(stages_trials.heads, "read", refuse)
    assert stages_trials.scores(asked=BASE, bench=bench, options=options, epochs=1) == first
    ensemble = replace(BASE, answer="ensemble")  # of the very networks of base
    stages_trials.scores(asked=ensemble, bench=bench, options=options, epochs=1)


def test_taught__each_training_cell_by_a_network_without_its_subject(
    work: _Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    split = work.bench.splits[0]
    material = replace(work.bench.material(split), statistics=work._statistics(0))
    groups = material.manifest.table["group"].to_numpy()
    learned = stages_trials.heads.learned

    def noted(network, plan, teacher, fabric):
        train = set(groups[teacher.split.mask(teacher.manifest, "train")])
        validated = teacher.split.mask(teacher.manifest, "validation")
        assert not train & set(groups[validated])
        for part in ("validation", "test"):  # of the fold itself: no teacher sees them
            assert not train & set(groups[split.mask(material.manifest, part)])
        seen.append(validated)
        return learned(network, plan, teacher, fabric)

    seen: list[np.ndarray] = []
    monkeypatch.setattr(stages_trials.heads, "learned", noted)
    answers = work._taught(material, seed=0)
    trained = split.mask(material.manifest, "train")
    assert (np.sum(seen, axis=0) == trained).all()
    assert ((answers[trained] > 0) & (answers[trained] < 1)).all()


def test_scores__too_few_folds_for_teachers(options: Options) -> None:
    with pytest.raises(AllScopeError, match="4 folds"):
        stages_trials.scores(
            asked=replace(BASE, answer="taught"), bench=trials.prepare(options), options=options,
            epochs=1,
        )  # fmt: skip


def test_statistics__of_a_turned_cell_are_another_reading(work: _Work) -> None:
    still, turned = work._statistics(0), work._statistics(1)
    assert still.shape == turned.shape and not still.equal(turned)
