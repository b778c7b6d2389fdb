from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from allcore.data import cells
from allcore.explain import deletion_check
from allcore.explain.deletion_check import Deletion
from allcore.explain.gradcam import Heatmap
from allcore.inference.predictor import Predictor
from allcore.inference.upload import Rgb
from allcore.nets.base import CellNetwork


class Patch(CellNetwork):
    """Log-odds are the contrast in the cell's upper left, of size 64."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Identity()

    @property
    def cam_layer(self) -> nn.Module:
        return self.head

    def forward_features(self, cells: Tensor) -> Tensor:
        return 10 * cells[:, :, 22:30, 22:30].std((1, 2, 3))[:, None]


@pytest.fixture
def predictor(tiny_model: Path) -> Predictor:
    info = Predictor.load(tiny_model, device="cpu", threads=1).info
    return Predictor(Patch(), info, torch.device("cpu"))


@pytest.fixture
def cell(predictor: Predictor, cell_image: Rgb) -> Tensor:
    return predictor.prepare(cell_image)


def heat_at(cell: Tensor, row: int, column: int) -> Heatmap:
    size = cell.shape[-1]
    rows, columns = np.mgrid[:size, :size]
    values = np.exp(-((rows - row) ** 2 + (columns - column) ** 2) / 200).astype(np.float32)
    return Heatmap(values=values, towards="all", share_in_cell=1.0)


def test_check__tells_the_place_that_is_read_from_one_that_is_not(
    predictor: Predictor, cell: Tensor
) -> None:
    read, other = deletion_check.check(
        predictor, cell, [heat_at(cell, 26, 26), heat_at(cell, 44, 40)], digest="a"
    )
    assert read is not None
    assert other is not None
    assert read.supported
    assert read.after < read.before
    assert "depends on" in read.sentence
    assert not other.supported
    assert "do not read the highlight" in other.sentence
    assert read.random_falls == other.random_falls
    assert len(read.random_falls) == deletion_check.RANDOM_REGIONS


def test_check__is_the_same_for_the_same_picture(predictor: Predictor, cell: Tensor) -> None:
    heat = [heat_at(cell, 26, 26)]
    first, again, another = (
        deletion_check.check(predictor, cell, heat, digest=digest)[0] for digest in ("a", "a", "b")
    )
    assert first == again
    assert another is not None
    assert first is not None
    assert first.random_falls != another.random_falls
    assert first.after == another.after


def test_check__has_none_for_a_map_of_nothing(predictor: Predictor, cell: Tensor) -> None:
    nothing = Heatmap(np.zeros((64, 64), dtype=np.float32), "all", float("nan"))
    empty, full = deletion_check.check(
        predictor, cell, [nothing, heat_at(cell, 26, 26)], digest="a"
    )
    assert empty is None
    assert full is not None


def test_check__covers_a_fifth_of_the_cell_and_nothing_else(
    predictor: Predictor, cell: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Tensor] = []
    logits = predictor.logits

    def keep(batch: Tensor) -> Tensor:
        asked.append(batch)
        return logits(batch)

    monkeypatch.setattr(predictor, "logits", keep)
    deletion_check.check(predictor, cell, [heat_at(cell, 26, 26)], digest="a")
    (batch,) = asked
    mask = cells.mask_of(cell.permute(1, 2, 0).numpy())
    assert len(batch) == 2 + deletion_check.RANDOM_REGIONS
    for covered in batch[1:]:
        changed = (covered != cell).any(0).numpy()
        assert not changed[~mask].any()
        assert 0.1 * mask.sum() < changed.sum() < 0.5 * mask.sum()  # the edge is blurred
    assert len({tuple(each.flatten().tolist()) for each in batch}) == len(batch)


def test_check__can_cover_with_the_cell_blurred(predictor: Predictor, cell: Tensor) -> None:
    heat = [heat_at(cell, 26, 26)]
    (mean,) = deletion_check.check(predictor, cell, heat, digest="a")
    (blurred,) = deletion_check.check(predictor, cell, heat, digest="a", fill="blurred")
    assert mean is not None
    assert blurred is not None
    assert blurred.before == mean.before
    assert blurred.after != mean.after
    assert blurred.supported


def test_check__counts_towards_the_verdict(predictor: Predictor, cell: Tensor) -> None:
    heat = heat_at(cell, 26, 26)
    (towards,) = deletion_check.check(predictor, cell, [heat], digest="a")
    normal = Heatmap(heat.values, "hem", 1.0)
    (against,) = deletion_check.check(predictor, cell, [normal], digest="a")
    assert towards is not None
    assert against is not None
    assert against.fall == pytest.approx(-towards.fall)
    assert not against.supported


@pytest.mark.parametrize(
    ("fall", "less", "supported", "said"),
    [
        (2.0, 16, True, "more than each of 16 other regions"),
        (2.0, 15, True, "more than 15 of 16 other regions"),
        (2.0, 14, False, "only 14 of 16 other regions"),
        (-0.5, 16, False, "towards the verdict"),
    ],
)
def test_sentence__says_what_to_make_of_it(
    fall: float, less: int, supported: bool, said: str
) -> None:
    falls = (fall - 1,) * less + (fall + 1,) * (16 - less)
    found = Deletion(before=0.91, after=0.42 if fall > 0 else 0.95, fall=fall, random_falls=falls)
    assert found.supported == supported
    assert said in found.sentence
    assert "from 0.91 to" in found.sentence
    still = Deletion(before=0.911, after=0.909, fall=0.01, random_falls=(0.1,) * 16)
    assert "leaves the probability at 0.91" in still.sentence
