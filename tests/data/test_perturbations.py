import numpy as np
import pytest

from allcore.data import cells, perturbations
from allcore.data.perturbations import SWEEPS, Cell, Sweep
from tests.conftest import draw_cell

BY_NAME = {sweep.name: sweep for sweep in SWEEPS}
AT_ENDS = [
    (sweep, level)
    for sweep in SWEEPS
    for level in (sweep.levels[0], sweep.levels[-1])
    if level != sweep.unaltered
]


@pytest.fixture(scope="module")
def cell() -> Cell:
    rgb = draw_cell(seed=1, radius=110)
    return Cell(rgb, cells.mask_of(rgb))


def inside(cell: Cell) -> np.ndarray:
    return cell.rgb[cell.mask].astype(float)


@pytest.mark.parametrize("sweep", SWEEPS, ids=lambda each: each.name)
def test_sweeps__ascend_through_the_unaltered_level(sweep: Sweep, cell: Cell) -> None:
    assert list(sweep.levels) == sorted(set(sweep.levels))
    assert sweep.levels.count(sweep.unaltered) == 1
    assert sweep.at(cell, sweep.unaltered) is cell
    assert sweep.title and sweep.unit


@pytest.mark.parametrize(("sweep", "level"), AT_ENDS, ids=lambda each: getattr(each, "name", each))
def test_sweeps__give_a_cell_that_can_be_cut(sweep: Sweep, level: float, cell: Cell) -> None:
    before = cell.rgb.copy()
    found = sweep.at(cell, level)
    assert found.rgb.dtype == np.uint8 and found.rgb.shape[:2] == found.mask.shape
    assert max(found.mask.shape) <= cells.NATIVE_SIDE and found.mask.any()
    assert not np.array_equal(found.rgb, before)
    assert (cell.rgb == before).all()
    if sweep.name != "background":  # its mask is not to be found any more
        overlap = (cells.mask_of(found.rgb) & found.mask).sum() / found.mask.sum()
        assert overlap > 0.9


def test_sweeps__change_as_much_as_they_say(cell: Cell) -> None:
    own = inside(cell).mean(axis=0)
    darker = inside(BY_NAME["brightness"].at(cell, 0.6)).mean(axis=0)
    assert darker == pytest.approx(0.6 * own, rel=0.02)
    redder = inside(BY_NAME["stain"].at(cell, 20)).mean(axis=0)
    assert redder == pytest.approx(own * [1.2, 1, 0.8], rel=0.02)
    larger = BY_NAME["scale"].at(cell, 1.2).mask.sum() / cell.mask.sum()
    assert larger == pytest.approx(1.44, rel=0.03)
    spread = [inside(BY_NAME["blur"].at(cell, level)).std() for level in BY_NAME["blur"].levels]
    assert spread == sorted(spread, reverse=True)


def test_turned__about_the_cell_itself() -> None:
    rgb = np.zeros((450, 450, 3), dtype=np.uint8)
    rgb[20:120, 30:90] = (120, 60, 140)  # upright, in a corner
    rgb[20:60, 30:90, 0] = 200  # its upper part is redder
    upright = Cell(rgb, cells.mask_of(rgb))
    lying = perturbations.turned(upright, 90)
    assert lying.mask.sum() == upright.mask.sum()
    top, left, bottom, right = cells.frame_of(lying.mask)
    assert (bottom - top, right - left) == (60, 100)
    middle = lying.rgb[(top + bottom) // 2]
    assert middle[left + 5, 0] == 200 and middle[right - 5, 0] == 120  # counter-clockwise
    slanted = perturbations.turned(upright, 45)
    assert slanted.mask.sum() == pytest.approx(upright.mask.sum(), rel=0.02)


def test_eroded__by_so_many_pixels_and_never_all(cell: Cell) -> None:
    found = perturbations.eroded(cell, 4)
    top, left, bottom, right = cells.frame_of(cell.mask)
    assert cells.frame_of(found.mask) == (top + 4, left + 4, bottom - 4, right - 4)
    assert found.rgb[~found.mask].max() == 0
    assert perturbations.eroded(cell, 400) is cell


def test_surrounded__leaves_the_cell(cell: Cell) -> None:
    found = perturbations.surrounded(cell, 0.5)
    assert (found.rgb[cell.mask] == cell.rgb[cell.mask]).all()
    assert found.rgb[0, 0] == pytest.approx(0.5 * inside(cell).mean(axis=0), abs=1)
