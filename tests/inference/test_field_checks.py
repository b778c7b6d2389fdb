import numpy as np
import pytest

from allcore.data.cells import Rgb
from allcore.errors import BadImage
from allcore.inference import field_checks, nuclei, smear
from allcore.inference.results import GateCheck, Prediction
from benchmarks import synthetic_smears


def photograph() -> Rgb:
    """A meadow below the sky, with a dark violet spot."""
    picture = np.full((240, 320, 3), (120, 180, 240), np.uint8)
    picture[120:] = (60, 140, 40)
    picture[100:140, 150:190] = (90, 40, 150)
    return picture


def section() -> Rgb:
    """Tissue stained with haematoxylin and eosin: nuclei in pink without plasma."""
    picture = np.full((300, 400, 3), (226, 150, 190), np.uint8)
    picture[:20] = (250, 250, 250)
    rows, columns = np.ogrid[:300, :400]
    for y in range(50, 290, 40):
        for x in range(30, 390, 40):
            picture[np.hypot(rows - y, columns - x) < 9] = (90, 50, 140)
    return picture


def field_of_red_cells() -> Rgb:
    return synthetic_smears.field(240, 320)


def plasma() -> Rgb:
    return synthetic_smears.field(240, 320, red=0)


def empty() -> Rgb:
    return np.full((240, 320, 3), 235, np.uint8)


@pytest.mark.parametrize(
    ("picture", "sentence"),
    [
        (photograph, field_checks.FOREIGN),
        (section, field_checks.CROWDED),
        (field_of_red_cells, field_checks.RED_ONLY),
        (plasma, nuclei.NOTHING),
        (empty, field_checks.BLURRED),
    ],
)
def test_require_smear__says_what_the_picture_is(picture, sentence: str):
    with pytest.raises(BadImage) as raised:
        smear.cells_of_field(picture())
    assert str(raised.value) == sentence


def test_require_smear__takes_a_picture_that_one_cell_fills():
    picture, _ = synthetic_smears.with_cell(synthetic_smears.field(200, 200, red=0), 100, 100)
    assert field_checks.measure_colours(picture[25:175, 25:175]).plasma < 0.2
    assert len(smear.cells_of_field(picture[25:175, 25:175])) == 1


@pytest.mark.parametrize("name", ["a/slide.SVS", "b.ndpi", "c.mrxs", "all.zip/d.scn"])
def test_readable_name__refuses_whole_slides(name: str):
    with pytest.raises(BadImage, match="Whole-slide images"):
        field_checks.require_readable_name(name)


def test_readable_name__takes_pictures():
    field_checks.require_readable_name("a/b.svs.png")


@pytest.mark.parametrize(
    ("check", "reason", "expected"),
    [
        ("whole", "The cell covers 9 pixels; use it so.", "The cell covers 9 pixels; check its"),
        ("known", "The picture is unlike any; use.", "Even normalised, the cell is unlike any; mo"),
        ("focused", "The cell is out of focus; again.", "The cell is out of focus; again."),
    ],
)
def test_of_field__gives_advice_for_a_field(check: GateCheck, reason: str, expected: str):
    refused = Prediction("refused", None, None, 0.5, reason, check)
    assert field_checks.of_field(refused).reason.startswith(expected)


def test_of_field__leaves_answers():
    answer = Prediction("all", 0.9, 2.0, 0.5)
    assert field_checks.of_field(answer) is answer
