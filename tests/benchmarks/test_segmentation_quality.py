"""The measuring of cuts, on drawn fields whose boxes are known."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from allcore.synthetic import dataset
from benchmarks import segmentation_quality, segmentation_speed, synthetic_smears

BOX = """<object><name>{name}</name><bndbox><xmin>{left}</xmin><ymin>{top}</ymin>
<xmax>{right}</xmax><ymax>{bottom}</ymax></bndbox></object>"""
CELL = (150, 230, 330, 410)


@pytest.fixture
def fields(tmp_path: Path) -> Path:
    """A folder as BCCD's, of eight drawn fields with one white cell each."""
    root = tmp_path / "bccd" / "BCCD"
    for name in ("JPEGImages", "Annotations"):
        (root / name).mkdir(parents=True)
    top, left, bottom, right = CELL
    white = BOX.format(name="WBC", top=top, left=left, bottom=bottom, right=right)
    red = BOX.format(name="RBC", top=0, left=0, bottom=90, right=90)
    for number in range(8):
        picture, _ = synthetic_smears.with_cell(
            synthetic_smears.field(480, 640, seed=number), 240, 320, radius=90
        )
        Image.fromarray(picture).save(root / "JPEGImages" / f"{number}.jpg", quality=95)
        (root / "Annotations" / f"{number}.xml").write_text(f"<all>{red}{white}</all>")
    return root.parent


def test_overlap__of_frames():
    assert segmentation_quality.overlap((0, 0, 10, 10), (0, 0, 10, 10)) == 1
    assert segmentation_quality.overlap((0, 0, 10, 10), (0, 5, 10, 15)) == pytest.approx(1 / 3)
    assert segmentation_quality.overlap((0, 0, 10, 10), (20, 20, 30, 30)) == 0


def test_measured__found_missed_and_others(fields: Path):
    path = fields / "BCCD" / "JPEGImages" / "0.jpg"
    assert segmentation_quality.boxes(path) == [CELL]
    ours = segmentation_quality.measured(path, segmentation_quality.ours)
    assert ours.overlaps[0] > 0.9 and ours.extra == 0 and ours.first
    other = segmentation_quality.measured(path, lambda rgb: [(0, 0, 50, 50), CELL])
    assert other == segmentation_quality.Found(overlaps=(1.0,), extra=1, first=False)
    assert segmentation_quality.measured(path, lambda rgb: []).overlaps == (0.0,)


def test_developed_on__is_fixed_by_the_name_and_about_a_half():
    names = [f"BloodImage_{number:05d}" for number in range(400)]
    share = np.mean([segmentation_quality.developed_on(name) for name in names])
    assert 0.4 < share < 0.6
    assert segmentation_quality.developed_on(names[0]) == segmentation_quality.developed_on(
        names[0]
    )


def test_recipe__finds_a_cell_and_takes_red_cells_for_cells():
    picture, _ = synthetic_smears.with_cell(synthetic_smears.field(480, 640), 240, 320, radius=90)
    frames = segmentation_speed.recipe(picture)
    assert max(segmentation_quality.overlap(frame, CELL) for frame in frames) > 0.5
    assert len(frames) > 3


@pytest.mark.long
@pytest.mark.timeout(300)
def test_main__writes_the_page(fields: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(segmentation_quality, "LARGE", (960, 1280))
    drawn = dataset.draw_set(tmp_path / "drawn", cells=24, subjects=8).root
    page = tmp_path / "segmentation_speed.md"
    segmentation_quality.main(fields, drawn, pasted=4, out=page)
    text = page.read_text(encoding="utf-8")
    assert "{" not in text
    lines = [line for line in text.splitlines() if line.startswith("| reported")]
    assert len(lines) == 2 and "ALLScope" in lines[0]
    assert " 1.000 (" in lines[0]
    assert "Dice's coefficient 0.9" in text
