"""Fitting a gate on subjects, and judging it on others."""

import numpy as np
import pytest

from allcore.inference import gate, gate_fit
from allcore.inference.gate import ImageStats
from allcore.inference.gate_fit import PictureFeatures, Rotation


def cells(count: int, *, seed: int, shift: float = 0.0, **facts: float) -> PictureFeatures:
    """Cells around a centre in 6 dimensions, one of them with a hundred times the spread."""
    random = np.random.default_rng(seed)
    vectors = random.normal(shift, [1, 1, 1, 1, 1, 100], size=(count, 6)).astype(np.float32)
    usual = {"area": 3e4, "brightness": 60.0, "focus": 3.0, "redness": 0.9} | facts
    looks = tuple(
        ImageStats(**{name: value * random.uniform(0.95, 1.05) for name, value in usual.items()},
              border=False)
        for _ in range(count)
    )  # fmt: skip
    return PictureFeatures(vectors, random.normal(0, 3, count).astype(np.float32), looks)


def thirds(count: int) -> tuple[Rotation, ...]:
    part = np.arange(count) % 3
    return tuple(
        Rotation(
            fitted=np.flatnonzero(part == turn),
            limited=np.flatnonzero(part == (turn + 1) % 3),
            judged=np.flatnonzero(part == (turn + 2) % 3),
        )
        for turn in range(3)
    )


def test_mahalanobis__measures_in_deviations_whatever_the_unit() -> None:
    vectors = cells(5000, seed=0).vectors
    centre, whiten = gate_fit.mahalanobis(vectors)
    one_off = np.zeros((2, 6), dtype=np.float32)
    one_off[0, 0], one_off[1, 5] = 3, 300
    found = gate.mahalanobis_distances(one_off, centre, whiten)
    np.testing.assert_allclose(found, [3, 3], rtol=0.08)


def test_fit__lets_through_what_it_promises() -> None:
    fitted = gate_fit.fit_gate(cells(2000, seed=0), limit_on=cells(2000, seed=1))
    unseen = fitted.ood_scores(cells(4000, seed=2).vectors)
    assert (unseen <= 1).mean() == pytest.approx(gate_fit.ACCEPTED, abs=0.006)


def test_limits__take_in_all_training_cells_but_the_last() -> None:
    table = cells(1000, seed=0).table
    limits = gate_fit.stats_limits(table)
    for name in ("area", "brightness", "focus", "redness"):
        low, high = getattr(limits, name)
        assert table[name].between(low, high).mean() >= 0.99
    assert limits.focus[0] < 3.0 / 1.5
    assert limits.redness[1] < table["redness"].max() + 1e-9


def test_judge__tells_strangers_from_cells() -> None:
    known = cells(900, seed=0)
    strangers = {
        "elsewhere": cells(50, seed=1, shift=9.0),
        "blurred": cells(50, seed=2, focus=0.5),
        "same": cells(200, seed=3),
    }
    judged = gate_fit.evaluate_gate(known, thirds(900), strangers)
    assert np.nanmean(judged.accepted) > 0.95
    assert np.isfinite(judged.accepted).all()
    assert judged.refused_ood["elsewhere"] == 1.0
    assert judged.refused_ood["blurred"] == 1.0
    assert judged.refused_ood["same"] < 0.1
    assert judged.methods["mahalanobis"]["elsewhere"] == 1.0
    assert judged.methods["nearest"]["elsewhere"] == 1.0
    assert judged.methods["mahalanobis"]["blurred"] < 0.1  # its vector is like any other's
    assert judged.methods["energy"]["elsewhere"] < 0.1  # its log-odds too


def test_judge__counts_the_rungs_that_refuse() -> None:
    known = cells(900, seed=0)
    dark = ImageStats(**(vars(known.stats[0]) | {"brightness": 1.0}))
    known = PictureFeatures(known.vectors, known.logits, (dark, *known.stats[1:]))
    judged = gate_fit.evaluate_gate(known, thirds(900), {"none": cells(3, seed=1)})
    assert judged.refused_by["exposed"] == 1
    assert judged.accepted[0] == 0


def test_final__of_one_rotation_never_sees_the_judges() -> None:
    known, (turn, *_) = cells(900, seed=0), thirds(900)
    spoilt = known.vectors.copy()
    spoilt[turn.judged] += 1000
    found = gate_fit.fit_final_gate(PictureFeatures(spoilt, known.logits, known.stats), [turn])
    expected = gate_fit.fit_final_gate(known, [turn])
    np.testing.assert_array_equal(found.centre, expected.centre)
    assert found.max_distance == expected.max_distance


def test_final__of_rotations_is_of_all_cells() -> None:
    known = cells(900, seed=0)
    found = gate_fit.fit_final_gate(known, thirds(900))
    np.testing.assert_allclose(found.centre, known.vectors.mean(axis=0), rtol=1e-4, atol=1e-4)
    assert (found.ood_scores(cells(2000, seed=5).vectors) <= 1).mean() > 0.97
