"""The gate's last checks: image statistics, distances, and the files of a gate."""

import json
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from allcore import model_folder
from allcore.data.cells import Rgb
from allcore.errors import ModelError
from allcore.inference import gate, upload
from allcore.inference.gate import Gate, GateLimits, ImageStats
from allcore.inference.predictor import Predictor
from allcore.inference.results import Reading, Refusal

USUAL = ImageStats(area=30_000, brightness=60, focus=3.0, redness=0.9, border=False)
LIMITS = GateLimits(area=(1e4, 6e4), brightness=(40, 120), focus=(1.5, 10), redness=(0.7, 1.0))
"""Near those of real cells."""


def made(dimensions: int = 4, *, max_distance: float = 2.0, limits: GateLimits = LIMITS) -> Gate:
    """A gate around 0 whose unit is 1."""
    centre, whiten = np.zeros(dimensions, np.float32), np.eye(dimensions, dtype=np.float32)
    return Gate(limits, centre, whiten, max_distance, {})


def looks_of(rgb: Rgb) -> ImageStats:
    return gate.image_stats(rgb, upload.find_cell(rgb))


@pytest.mark.parametrize(
    ("change", "check", "words"),
    [
        ({"border": True}, "whole", "touches the border"),
        ({"area": 90_000}, "whole", "larger than any"),
        ({"area": 5_000}, "whole", "smaller than any"),
        ({"brightness": 20}, "exposed", "too dark"),
        ({"brightness": 200}, "exposed", "too bright"),
        ({"focus": 0.8}, "focused", "out of focus"),
        ({"focus": 30}, "focused", "grainier"),
        ({"redness": 1.2}, "known", "red and blue are swapped"),
    ],
)
def test_refusal__names_the_rung_and_what_to_do(
    change: dict[str, float], check: str, words: str
) -> None:
    refusal = made().refusal(ImageStats(**(vars(USUAL) | change)))
    assert refusal is not None
    assert refusal.check == check
    assert words in refusal.reason
    assert refusal.reason.endswith(".")


def test_refusal__lets_a_usual_cell_through() -> None:
    assert made().refusal(USUAL) is None


def test_ood_scores__is_the_distance_over_the_limit() -> None:
    vectors = np.array([[0, 0, 0, 0], [2, 0, 0, 0], [0, 3, 0, 4]], dtype=np.float32)
    np.testing.assert_allclose(made().ood_scores(vectors), [0, 1, 2.5])


def test_looks__tell_what_was_done_to_a_cell(cell_image: Rgb) -> None:
    usual = looks_of(cell_image)
    blurred = np.stack([ndimage.gaussian_filter(cell_image[..., c], 2) for c in range(3)], axis=2)
    assert looks_of(blurred).focus < 0.5 * usual.focus
    assert looks_of(cell_image // 2).brightness == pytest.approx(usual.brightness / 2, rel=0.05)
    swapped = np.ascontiguousarray(cell_image[..., ::-1])
    assert looks_of(swapped).redness == pytest.approx(1 / usual.redness, rel=1e-3)
    assert not usual.border


def test_looks__see_a_cell_that_touches_the_border(cell_image: Rgb) -> None:
    mask = upload.find_cell(cell_image)
    top = int(np.flatnonzero(mask.any(axis=1))[0])
    cut = cell_image[top + 4 :]
    assert gate.image_stats(cut, mask[top + 4 :]).border


def test_read__gives_what_was_written(tiny_model: Path) -> None:
    digest = model_folder.read_info(tiny_model).weights_sha256
    written = Gate(LIMITS, np.ones(3, np.float32), np.eye(3, dtype=np.float32), 7.5, {})
    gate.write_gate(tiny_model, Gate(**(vars(written) | {"facts": {"weights_sha256": digest}})))
    found = gate.read_gate(tiny_model)
    assert found is not None
    assert found.limits == LIMITS
    assert found.max_distance == 7.5
    np.testing.assert_array_equal(found.centre, written.centre)
    np.testing.assert_array_equal(found.whiten, written.whiten)


def test_read__gives_none_where_none_was_fitted(tiny_model: Path) -> None:
    assert gate.read_gate(tiny_model) is None


@pytest.mark.parametrize("fault", ["other weights", "no limits", "no json", "no tensors"])
def test_read__refuses_a_gate_that_is_damaged(tiny_model: Path, fault: str) -> None:
    digest = model_folder.read_info(tiny_model).weights_sha256
    gate.write_gate(tiny_model, Gate(**(vars(made()) | {"facts": {"weights_sha256": digest}})))
    path = tiny_model / model_folder.GATE
    told = json.loads(path.read_text())
    if fault == "other weights":
        path.write_text(json.dumps(told | {"weights_sha256": "0" * 64}))
    elif fault == "no limits":
        path.write_text(json.dumps({key: told[key] for key in told if key != "limits"}))
    elif fault == "no json":
        path.write_text("{")
    else:
        (tiny_model / model_folder.GATE_WEIGHTS).write_bytes(b"0" * 100)
    with pytest.raises(ModelError, match="fit it again"):
        gate.read_gate(tiny_model)


def test_prediction__withholds_the_probability_of_what_is_refused(tiny_model: Path) -> None:
    predictor = Predictor.load(tiny_model, "cpu")
    found = predictor.prediction(Reading(3.0, 0.4), Refusal("focused", "Out of focus."))
    assert (found.verdict, found.p_all, found.logit) == ("refused", None, None)
    assert (found.check, found.reason) == ("focused", "Out of focus.")
    assert found.withheld == pytest.approx(1 / (1 + np.exp(-3)))


@pytest.mark.parametrize(("ood_score", "refused"), [(0.99, False), (1.0, False), (1.01, True)])
def test_prediction__refuses_what_is_too_strange(
    tiny_model: Path, ood_score: float, refused: bool
) -> None:
    found = Predictor.load(tiny_model, "cpu").prediction(Reading(3.0, ood_score))
    assert (found.check == "known") is refused
    assert (found.p_all is None) is refused
    assert found.ood_score == ood_score


def test_predict__asks_the_gate(tiny_model: Path, cell_image: Rgb) -> None:
    """A photograph in a cell's outline passes the checks before, and not this one."""
    predictor = Predictor.load(tiny_model, "cpu")
    cell, _ = predictor.examine(cell_image)
    vector, _ = predictor.network.read(predictor.normalised(cell[None]))
    wide = GateLimits(area=(0, 1e6), brightness=(0, 255), focus=(0, 1e3), redness=(0, 9))
    centre = vector[0].numpy()
    near = Gate(wide, centre, np.eye(len(centre), dtype=np.float32), 1e-3, {})
    predictor.gate = near
    inverted = np.where(cell_image.any(axis=2, keepdims=True), 255 - cell_image, 0)
    same, other = predictor.predict([cell_image, inverted.astype(np.uint8)])
    assert same.check is None
    assert same.ood_score is not None and same.ood_score < 1
    assert other.check == "known"
    assert other.withheld is not None
