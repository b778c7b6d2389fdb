from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from allcore.data import cell_measurements
from allcore.errors import BadImage
from tests.conftest import draw_cell


def test_measure__a_drawn_cell(cell_image: NDArray[np.uint8]) -> None:
    found = cell_measurements.measure(cell_image)
    assert tuple(found) == cell_measurements.COLUMNS[1:]
    assert found["area"] == pytest.approx(np.pi * 100 * 90, rel=0.02)
    assert found["elongation"] == pytest.approx(1 / 0.9, rel=0.02)
    assert found["brightness"] == pytest.approx((110 + 60 + 140) / 3, abs=1)
    assert found["redness"] == pytest.approx(110 / 140, rel=0.02)
    assert found["border"] is False


def test_measure__focus_falls_with_blur(cell_image: NDArray[np.uint8]) -> None:
    sharpness = []
    for sigma in (0, 1, 2):
        blurred = ndimage.gaussian_filter(cell_image, (sigma, sigma, 0))
        sharpness.append(cell_measurements.measure(blurred)["focus"])
    assert sharpness[1] < 0.5 * sharpness[0] and sharpness[2] < sharpness[1]


def test_measure__a_cell_at_the_border(cell_image: NDArray[np.uint8]) -> None:
    assert cell_measurements.measure(cell_image[:, 150:])["border"] is True


def test_measure__a_cell_too_thin_for_focus() -> None:
    rgb = np.zeros((450, 450, 3), dtype=np.uint8)
    rgb[200:206, 100:200] = 120
    found = cell_measurements.measure(rgb)
    assert np.isnan(found["focus"]) and found["elongation"] > 5


def test_measure__no_cell() -> None:
    with pytest.raises(BadImage):
        cell_measurements.measure(np.zeros((450, 450, 3), dtype=np.uint8))


def test_table__leaves_out_what_has_no_cell(tmp_path: Path) -> None:
    Image.fromarray(draw_cell(seed=1)).save(tmp_path / "one.png")
    wide = np.pad(draw_cell(seed=1), ((75, 75), (75, 75), (0, 0)))  # as 600 x 600 copies are
    Image.fromarray(wide).save(tmp_path / "wide.png")
    (tmp_path / "broken.png").write_bytes(b"nonsense")
    Image.new("RGB", (450, 450)).save(tmp_path / "black.png")
    seen: list[int] = []
    names = ("one", "wide", "broken", "black", "missing")
    pictures = [(name, tmp_path / f"{name}.png") for name in names]
    found = cell_measurements.table(pictures, progress=lambda: seen.append(1))
    assert list(found.columns) == list(cell_measurements.COLUMNS) and len(seen) == 5
    assert found["image_id"].tolist() == ["one", "wide"]
    one, two = found.drop(columns="image_id").to_numpy(dtype=float)
    assert one == pytest.approx(two)
    assert found["area"].dtype == np.float32 and found["border"].dtype == bool


def test_table__of_nothing_has_its_columns() -> None:
    found = cell_measurements.table([])
    assert found.empty and list(found.columns) == list(cell_measurements.COLUMNS)
