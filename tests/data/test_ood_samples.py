"""Pictures of no cell."""

from collections import Counter

import numpy as np

from allcore.data import ood_samples
from allcore.data.cells import NATIVE_SIDE, Rgb
from allcore.inference import upload


def test_drawn__are_so_many_of_each_kind_and_the_same_by_seed() -> None:
    first, again, other = (list(ood_samples.draw_samples(2, seed=seed)) for seed in (0, 0, 1))
    kinds = Counter(each.kind for each in first)
    assert len(kinds) == 8
    assert set(kinds.values()) == {2}
    assert all(np.array_equal(a.rgb, b.rgb) for a, b in zip(first, again, strict=True))
    assert not any(np.array_equal(a.rgb, b.rgb) for a, b in zip(first, other, strict=True))


def test_drawn__hard_ones_look_like_one_cell_on_black() -> None:
    hard = [
        each
        for each in ood_samples.draw_samples(5)
        if "cut out" in each.kind and "plain" in each.kind
    ]
    for each in hard:
        assert each.rgb.shape == (NATIVE_SIDE, NATIVE_SIDE, 3)
        assert upload.find_cell(each.rgb).any()


def test_photographs__come_with_the_library() -> None:
    found = list(ood_samples.photographs())
    assert len(found) > 20
    assert all(each.rgb.dtype == np.uint8 and each.rgb.shape[2] == 3 for each in found)


def test_altered__keep_black_where_it_was(cell_image: Rgb) -> None:
    swapped, large, cut, inverted = (each.rgb for each in ood_samples.altered_samples(cell_image))
    assert np.array_equal(swapped[..., 0], cell_image[..., 2])
    assert large.shape == (3 * NATIVE_SIDE, 3 * NATIVE_SIDE, 3)
    assert cut.shape == (NATIVE_SIDE, NATIVE_SIDE, 3)
    assert inverted[0, 0].tolist() == [0, 0, 0]
    assert (inverted[225, 225] == 255 - cell_image[225, 225]).all()
