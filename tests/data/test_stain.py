import json
from dataclasses import asdict

import numpy as np
import pytest

from allcore.data import stain
from allcore.data.cells import Rgb
from allcore.data.stain import Appearance, Mask, StainMap
from allcore.errors import BadImage


def cell(*, tint: tuple[float, float, float], seed: int = 0, side: int = 60) -> tuple[Rgb, Mask]:
    """A disc of textured stain of a tint on black."""
    y, x = np.mgrid[:side, :side] - side / 2
    mask = np.hypot(y, x) < side / 3
    random = np.random.default_rng(seed)
    amount = random.normal(1.0, 0.15, (side, side, 1)) + random.normal(0, 0.03, (side, side, 3))
    rgb = 256 * np.exp(-np.array(tint) * amount)
    return np.where(mask[..., None], rgb, 0).clip(0, 255).astype(np.uint8), mask


def cells(tint: tuple[float, float, float], count: int = 4) -> list[tuple[Rgb, Mask]]:
    return [cell(tint=tint, seed=seed) for seed in range(count)]


HERE, THERE = (0.6, 0.9, 0.4), (1.3, 2.2, 1.2)


def test_map__gives_the_mean_and_covariance_of_the_target():
    source, target = (stain.measure_appearance(cells(tint)) for tint in (HERE, THERE))
    mapped = stain.fit_map(source, target)
    moved = stain.measure_appearance((mapped.apply(rgb), mask) for rgb, mask in cells(HERE))
    assert moved.mean == pytest.approx(target.mean, abs=0.02)
    np.testing.assert_allclose(moved.covariance, target.covariance, atol=0.01)


def test_map__there_and_back_is_nearly_the_same_picture():
    here, there = (stain.measure_appearance(cells(tint)) for tint in (HERE, (0.8, 1.2, 0.7)))
    rgb, mask = cell(tint=HERE, seed=9)
    back = stain.fit_map(there, here).apply(stain.fit_map(here, there).apply(rgb))
    assert np.abs(back[mask].astype(int) - rgb[mask]).max() <= 3


def test_map__of_one_appearance_is_the_identity():
    same = stain.measure_appearance(cells(HERE))
    mapped = stain.fit_map(same, same)
    np.testing.assert_allclose(mapped.matrix, np.eye(3), atol=1e-9)
    np.testing.assert_allclose(mapped.offset, 0, atol=1e-9)


def test_map__keeps_what_differs_between_cells():
    """A darker cell of a laboratory stays the darker one."""
    pale, dark = cell(tint=(0.5, 0.8, 0.35)), cell(tint=(0.8, 1.2, 0.5))
    mapped = stain.fit_map(
        stain.measure_appearance([pale, dark]), stain.measure_appearance(cells(THERE))
    )
    means = [mapped.apply(rgb)[mask].mean() for rgb, mask in (pale, dark)]
    assert means[0] > means[1] + 5


def test_map__a_constant_channel_is_not_amplified():
    flat = np.full((20, 20, 3), 128, dtype=np.uint8)
    source = stain.measure_appearance([(flat, np.ones((20, 20), dtype=bool))])
    mapped = stain.fit_map(source, stain.measure_appearance(cells(THERE)))
    assert np.isfinite(mapped.apply(flat)).all()


def test_appearance__each_cell_has_equal_weight():
    small, large = cell(tint=HERE, side=30), cell(tint=THERE, side=120)
    found = stain.measure_appearance([small, large])
    alone = [np.array(stain.measure_appearance([each]).mean) for each in (small, large)]
    assert found.mean == pytest.approx(tuple(np.mean(alone, axis=0)))
    assert found.cells == 2
    assert found.area == np.median([small[1].sum(), large[1].sum()])


def test_appearance__needs_a_cell():
    with pytest.raises(BadImage, match="no cell whose stain"):
        stain.measure_appearance([(np.zeros((5, 5, 3), np.uint8), np.zeros((5, 5), bool))])


def test_json__brings_both_back():
    source = stain.measure_appearance(cells(HERE))
    mapped = stain.fit_map(source, stain.measure_appearance(cells(THERE)))
    assert Appearance.from_dict(json.loads(json.dumps(asdict(source)))) == source
    assert StainMap.from_dict(json.loads(json.dumps(asdict(mapped)))) == mapped


@pytest.mark.parametrize("fields", [
    {"matrix": [[1, 0, 0]], "offset": [0, 0, 0]},
    {"matrix": np.eye(3).tolist(), "offset": [0, 0]},
    {"matrix": np.full((3, 3), np.nan).tolist(), "offset": [0, 0, 0]},
])  # fmt: skip
def test_json__refuses_what_is_no_map(fields: dict[str, object]):
    with pytest.raises(ValueError, match="3 x 3"):
        StainMap.from_dict(fields)
