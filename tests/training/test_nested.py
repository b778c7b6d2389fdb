"""Inside a fold no cell of the tested part, nor a twin of one, is learned or validated on."""

from dataclasses import replace

import numpy as np
import pytest

from allcore.data import splits
from allcore.data.splits import EXCLUDED
from allcore.training import nested
from allcore.training import plan as plans
from allcore.training.plan import Material, Plan
from tests.training.test_training import cells, plan  # noqa: F401


@pytest.fixture
def held(plan: Plan) -> list[Material]:  # noqa: F811
    return plans.gather_folds(plan, show=False)


def _with_twins(held: list[Material]) -> tuple[list[Material], np.ndarray]:
    """The folds where the first cells of the parts 0 and 1 show one cell, and so do 1 and 2."""
    manifest = held[0].manifest
    first = [int(np.flatnonzero(each.split.mask(manifest, "test"))[0]) for each in held]
    second = [int(np.flatnonzero(each.split.mask(manifest, "test"))[1]) for each in held]
    families = np.arange(len(manifest))
    families[first[1]] = families[first[0]]
    families[second[2]] = families[second[1]]
    made = [
        replace(each, split=splits.without_twins(each.split, manifest, families)) for each in held
    ]
    return made, families


def test_validated_on__the_other_part_validates_and_the_rest_learns(held):
    found = nested.validated_on(held[0], held[2])
    manifest = found.manifest
    validation = found.split.mask(manifest, "validation")
    assert (found.split.mask(manifest, "test") == held[0].split.mask(manifest, "test")).all()
    assert (validation == held[2].split.mask(manifest, "test")).all()
    assert (found.split.mask(manifest, "train") == held[1].split.mask(manifest, "test")).all()


@pytest.mark.parametrize(("tested", "other"), [(0, 1), (0, 2), (1, 2), (2, 1), (1, 0)])
def test_validated_on__twins_stand_on_one_side(held, tested, other):
    made, families = _with_twins(held)
    found = nested.validated_on(made[tested], made[other])
    manifest = found.manifest
    test, validation, train = (
        set(families[found.split.mask(manifest, part)]) for part in ("test", "validation", "train")
    )
    assert not test & validation and not test & train and not validation & train
    assert found.split.mask(manifest, EXCLUDED).sum() >= 1


def test_trained_on_all__learns_all_but_the_tested_part_and_its_twins(held):
    made, families = _with_twins(held)
    found = nested.trained_on_all(made[1])
    manifest = found.manifest
    test, train = found.split.mask(manifest, "test"), found.split.mask(manifest, "train")
    assert not found.split.mask(manifest, "validation").any()
    assert not set(families[test]) & set(families[train])
    assert test.sum() + train.sum() == len(manifest) - 2


def test_distilled__half_of_a_target_is_the_answer(held):
    material = held[0]
    table = material.manifest.table
    rows = table[["image_id"]].iloc[:5].assign(logit=[0.0, 0.0, 0.0, 9.0, -9.0])
    found = nested.distilled(material, rows, 0.5)
    assert found.learned is not None
    assert found.learned[:3] == pytest.approx((material.targets[:3] + 0.5) / 2)
    assert found.learned[3] == pytest.approx((material.targets[3] + 1) / 2, abs=1e-3)
    assert (found.learned[5:] == material.targets[5:]).all()
    train, validation = (
        found.examples(part, subject_strength=0.5) for part in ("train", "validation")
    )
    assert set(validation.targets.tolist()) <= {0.0, 1.0}  # others' answers are only learned
    chosen = material.split.mask(material.manifest, "train")
    assert train.targets.numpy() == pytest.approx(found.learned[chosen])
    assert nested.distilled(material, rows, 0.0) is material
