import numpy as np
import pytest

from allcore.inference.results import PredictedCell
from benchmarks import smear_normalisation

HERE, THERE = (0.5, 0.8, 0.35), (1.3, 2.2, 1.2)


def pixels(tint: tuple[float, float, float]) -> smear_normalisation.Pixels:
    """Colours of two stains in varying amounts."""
    random = np.random.default_rng(0)
    amounts = random.gamma(9.0, 1 / 9.0, (4000, 2))
    vectors = np.array([tint, (tint[0] * 1.4, tint[1] * 0.7, tint[2])]) / 2
    return np.rint(256 * np.exp(-amounts @ vectors) - 1).clip(0, 255).astype(np.uint8)


@pytest.mark.parametrize("name", list(smear_normalisation.METHODS))
def test_methods__bring_colours_near_the_target(name: str) -> None:
    source, target = pixels(HERE), pixels(THERE)
    moved = smear_normalisation.METHODS[name](source, target)(source)
    assert moved.shape == source.shape and moved.dtype == np.uint8
    before, after = (np.abs(one.mean(axis=0) - target.mean(axis=0)) for one in (source, moved))
    assert (after < 0.15 * before).all()


def row(cell: str, verdict: str, reason: str = "") -> PredictedCell:
    p_all = None if verdict == "refused" else 0.7
    return PredictedCell("f.jpg", "", verdict, p_all, 0.5, reason, "m", "", "fp32", cell=cell)  # type: ignore[arg-type]


def test_answers__cells_accepted_and_called_blasts() -> None:
    rows = [
        row("1", "all"),
        row("2", "hem"),
        row("3", "refused", "Too small (3 px)."),
        row("", "refused", "No cell: x"),
    ]
    table = smear_normalisation.answers(rows)
    assert [text.split(" (")[0] for text in table["share"]] == ["2 of 3", "1 of 2"]
    assert smear_normalisation.refusals(rows).splitlines() == [
        "- 1 times: Too small",
        "- 1 times: No cell",
    ]
    assert smear_normalisation.answers([])["share"].tolist() == ["none", "none"]
