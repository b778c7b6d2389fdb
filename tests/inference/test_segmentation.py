import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from allcore.data import cells
from allcore.data.cells import Rgb
from allcore.data.images import decoding
from allcore.errors import BadImage
from allcore.inference import nuclei, segmentation, upload, white_cells
from allcore.inference.predictor import Predictor
from allcore.inference.segmentation import Cut
from benchmarks import segmentation_quality, synthetic_smears

Mask = NDArray[np.bool_]
BCCD = Path(__file__).parents[3] / "shared" / "bccd"
HEIGHT, WIDTH = 480, 640


def smear(*places: tuple[float, float, float], red: int | None = None) -> tuple[Rgb, list[Mask]]:
    """A drawn field with a white cell at each (y, x, radius), and the cells' masks."""
    picture, masks = synthetic_smears.field(HEIGHT, WIDTH, red=red), []
    for y, x, radius in places:
        picture, mask = synthetic_smears.with_cell(picture, y, x, radius=radius)
        masks.append(mask)
    return picture, masks


def dice(one: Mask, other: Mask) -> float:
    return 2 * float((one & other).sum()) / float(one.sum() + other.sum())


def middle(frame: tuple[int, int, int, int]) -> tuple[float, float]:
    return (frame[0] + frame[2]) / 2, (frame[1] + frame[3]) / 2


@pytest.fixture(scope="module")
def one() -> tuple[Rgb, Mask]:
    picture, (mask,) = smear((240, 320, 90))
    return picture, mask


def test_candidates__a_cell_with_its_cytoplasm_and_nothing_else(one: tuple[Rgb, Mask]):
    (found,) = white_cells.candidates(one[0])
    assert dice(found.mask, one[1]) > 0.97
    assert found.area == found.mask.sum() and found.mask.shape == (HEIGHT, WIDTH)
    assert found.frame == cells.frame_of(found.mask)
    assert found.solidity > 0.95 and found.stain > 0.3 and not found.at_border


def test_candidates__cells_that_touch_are_parted():
    picture, masks = smear((240, 220, 80), (240, 365, 80))
    found = white_cells.candidates(picture)
    assert len(found) == 2
    for mask in masks:
        assert max(dice(each.mask, mask) for each in found) > 0.93
    assert not (found[0].mask & found[1].mask).any()


def test_candidates__lobes_of_one_nucleus_are_one_cell():
    picture, _ = synthetic_smears.with_cell(
        synthetic_smears.field(HEIGHT, WIDTH), 240, 320, radius=90, nucleus=0
    )
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    for lobe in (280, 360):
        picture[np.hypot(y - 240, x - lobe) < 34] = synthetic_smears.NUCLEUS
    (found,) = white_cells.candidates(picture)
    assert found.area == pytest.approx(np.pi * 90**2, rel=0.05)


def test_candidates__best_first():
    picture, _ = smear((110, 110, 60), (240, 320, 90), (240, 640, 90))
    found = white_cells.candidates(picture)
    assert [each.at_border for each in found] == [False, False, True]
    assert middle(found[0].frame) == pytest.approx((240, 320), abs=3)
    assert middle(found[1].frame) == pytest.approx((110, 110), abs=3)


@pytest.mark.parametrize(
    ("y", "x", "at_border"), [(0, 320, True), (480, 320, True), (240, 0, True), (240, 640, True),
                              (100, 320, False)]
)  # fmt: skip
def test_candidates__say_what_the_border_cuts(y: float, x: float, at_border: bool):
    (found,) = white_cells.candidates(smear((y, x, 90), red=0)[0])
    assert found.at_border == at_border


@pytest.mark.parametrize(
    "picture",
    [
        synthetic_smears.field(HEIGHT, WIDTH, red=0),
        np.full((200, 200, 3), 200, np.uint8),
        np.zeros((200, 200, 3), np.uint8),
        np.random.default_rng(0).integers(0, 8, (200, 200, 3)).astype(np.uint8),
    ],
    ids=["plasma", "blank", "black", "dark noise"],
)
def test_candidates__nothing_is_said_in_a_sentence(picture: Rgb):
    with pytest.raises(BadImage, match=r"^No white cell was found"):
        white_cells.candidates(picture)


def test_candidates__red_cells_are_none():
    picture = synthetic_smears.field(HEIGHT, WIDTH, red=0)
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    for at in (120, 320, 520):
        picture[np.hypot(y - 240, x - at) < 60] = synthetic_smears.RED
    with pytest.raises(BadImage):
        white_cells.candidates(picture)


def test_candidates__the_colour_of_the_light_does_not_matter(one: tuple[Rgb, Mask]):
    yellow = (one[0] * np.array([0.95, 0.85, 0.6])).astype(np.uint8)
    (found,) = white_cells.candidates(yellow)
    assert dice(found.mask, one[1]) > 0.95


def test_candidates__large_pictures_at_full_scale(one: tuple[Rgb, Mask]):
    times = 4
    large = one[0].repeat(times, axis=0).repeat(times, axis=1)[:-3, :-1]
    truth = one[1].repeat(times, axis=0).repeat(times, axis=1)[:-3, :-1]
    assert large.shape[0] * large.shape[1] > 4 * white_cells.WORKED_ON
    (found,) = white_cells.candidates(large)
    assert found.mask.shape == truth.shape and dice(found.mask, truth) > 0.97


def test_candidates__at_the_far_border_of_a_large_picture():
    # Sides that the reduced copy's pixels do not divide.
    picture, mask = synthetic_smears.with_cell(
        synthetic_smears.field(1501, 1399, red=0), 1490, 1390, radius=150
    )
    (found,) = white_cells.candidates(picture)
    assert found.frame[2:] == (1501, 1399) and found.at_border
    assert found.mask.shape == mask.shape and dice(found.mask, mask) > 0.93


def test_candidates__tolerance_moves_the_outline_and_not_the_order():
    picture, _ = smear((240, 180, 90), (240, 470, 70))
    bare, usual, wide = (
        white_cells.candidates(picture, tolerance=tolerance)
        for tolerance in (0, nuclei.TOLERANCE, 0.9)
    )
    assert len(bare) == len(usual) == len(wide) == 2
    for small, whole, large in zip(bare, usual, wide, strict=True):
        assert small.area < 0.75 * whole.area and whole.area <= large.area
        assert middle(small.frame) == pytest.approx(middle(large.frame), abs=6)


def test_applied__one_cell_on_black_that_the_gate_and_a_network_take(
    one: tuple[Rgb, Mask], tiny_model: Path
):
    made = Cut().applied(one[0])
    assert made.rgb.shape == (cells.NATIVE_SIDE, cells.NATIVE_SIDE, 3)
    mask = upload.find_cell(made.rgb)
    assert mask.sum() == pytest.approx(one[1].sum(), rel=0.05)
    assert middle(cells.frame_of(mask)) == pytest.approx((225, 225), abs=2)
    assert (
        made.rgb[~mask].any(axis=1).sum() < 0.01 * mask.sum()
    )  # masks there are of every other pixel
    predictor = Predictor.load(tiny_model, "cpu")
    assert predictor.prepare(made.rgb).shape == (3, 64, 64)


def test_applied__the_pixels_are_the_pictures_own(one: tuple[Rgb, Mask]):
    made = Cut(grow=2).applied(one[0])
    top, left, bottom, right = made.facts["frame"]
    inside = made.rgb[made.rgb.any(axis=2)]
    own = one[0][top:bottom, left:right].reshape(-1, 3)
    assert {tuple(pixel) for pixel in inside.tolist()} <= {tuple(pixel) for pixel in own.tolist()}
    assert len(inside) == made.facts["area"]


@pytest.mark.parametrize("grow", [-8, 3, 15])
def test_applied__the_outline_moves_by_pixels(one: tuple[Rgb, Mask], grow: int):
    usual, moved = Cut().applied(one[0]), Cut(grow=grow).applied(one[0])
    top, left, bottom, right = usual.facts["frame"]
    assert moved.facts["frame"] == pytest.approx(
        [top - grow, left - grow, bottom + grow, right + grow], abs=1
    )
    assert f"outline moved {'out' if grow > 0 else 'in'} by {abs(grow)} px" in moved.note


def test_applied__an_outline_stays_in_the_picture():
    picture, _ = smear((0, 320, 90), red=0)
    made = Cut(grow=20).applied(picture)
    assert made.facts["frame"][0] == 0
    assert "touches the picture's border" in made.note


def test_applied__scale(one: tuple[Rgb, Mask]):
    usual, larger, smaller = (Cut(scale=scale).applied(one[0]) for scale in (1.0, 1.5, 0.5))
    area = float(cells.mask_of(usual.rgb).sum())
    assert cells.mask_of(larger.rgb).sum() == pytest.approx(2.25 * area, rel=0.02)
    assert cells.mask_of(smaller.rgb).sum() == pytest.approx(0.25 * area, rel=0.04)
    assert "enlarged 1.5 times" in larger.note and "reduced to 0.5 of its size" in smaller.note
    assert "times" not in usual.note


@pytest.mark.parametrize(
    ("cut", "says"),
    [
        (Cut(candidate=1), "no cell 2"),
        (Cut(candidate=-1), "no cell 0"),
        (Cut(grow=-200), "nothing of the cell is left"),
        (Cut(scale=4), "more than 450 x 450"),
        (Cut(scale=0.001), "choose within"),
        (Cut(scale=float("nan")), "choose within"),
    ],
)
def test_applied__what_cannot_be_done_is_said(one: tuple[Rgb, Mask], cut: Cut, says: str):
    with pytest.raises(BadImage, match=says):
        cut.applied(one[0])


def test_facts__make_the_very_same_cut_again():
    picture, _ = smear((240, 180, 90), (240, 470, 70))
    cut = Cut(candidate=1, grow=3, tolerance=0.6, scale=1.4)
    made = cut.applied(picture)
    told = json.loads(json.dumps(made.facts))
    again = Cut.from_dict(told)
    assert again == cut
    once_more = again.applied(picture.copy())
    assert np.array_equal(once_more.rgb, made.rgb)
    assert once_more.facts == made.facts == told
    assert told["note"] == made.note == (
        "cut out by the program: saturation, Otsu and watershed; cell 2 of 2; "
        "tolerance 0.60 in place of 0.75; outline moved out by 3 px; enlarged 1.4 times"
    )  # fmt: skip


@pytest.mark.parametrize(
    ("change", "says"),
    [({"version": 0}, "version 0"), ({"grow": "much"}, "damaged"), ({"scale": None}, "damaged")],
)
def test_from_dict__what_is_not_of_this_version_is_refused(
    one: tuple[Rgb, Mask], change: dict[str, object], says: str
):
    facts = Cut().applied(one[0]).facts
    assert Cut.from_dict(facts) == Cut()
    with pytest.raises(BadImage, match=says):
        Cut.from_dict(facts | change)
    with pytest.raises(BadImage, match="damaged"):
        Cut.from_dict({})


def test_candidate_at__the_cell_that_a_person_marks():
    picture, masks = smear((240, 180, 90), (240, 470, 70))
    found = white_cells.candidate_at(picture, (470, 240))
    assert dice(found.mask, masks[1]) > 0.9
    cut = Cut(point=(470, 240), grow=2)
    made = cut.applied(picture)
    assert "marked by hand at 470, 240" in made.note and "cell 1" not in made.note
    again = Cut.from_dict(json.loads(json.dumps(made.facts)))
    assert again == cut and np.array_equal(again.applied(picture).rgb, made.rgb)


def test_candidate_at__a_disc_where_nothing_stains():
    picture, _ = smear((240, 180, 90), red=0)
    found = white_cells.candidate_at(picture, (500, 240))
    assert found.area == pytest.approx(np.pi * (90 * 0.75) ** 2, rel=0.1)  # of the other nucleus
    assert found.mask[240, 500] and not found.mask[240, 180]
    alone = white_cells.candidate_at(synthetic_smears.field(HEIGHT, WIDTH, red=0), (5, 240))
    assert alone.at_border
    with pytest.raises(BadImage, match="outside"):
        white_cells.candidate_at(picture, (WIDTH, 3))


def test_outline__goes_around_the_cell(one: tuple[Rgb, Mask]):
    made = Cut().applied(one[0])
    top, left, bottom, right = made.facts["frame"]
    xs, ys = zip(*made.outline, strict=True)
    assert (min(xs), max(xs)) == pytest.approx((left, right), abs=3)
    assert (min(ys), max(ys)) == pytest.approx((top, bottom), abs=3)
    assert 20 < len(made.outline) < 250


def test_surroundings__square_and_black_beyond_the_border(one: tuple[Rgb, Mask]):
    part = segmentation.surroundings(one[0], (0, 0, 100, 60))
    assert part.shape == (142, 142, 3)
    assert not part[:, :40].any() and part[80, 100].any()


def test_cell_picture__is_the_cut_of_the_facts(one: tuple[Rgb, Mask]):
    cut = Cut(scale=1.5)
    made = segmentation.cell_picture(one[0], cut.applied(one[0]).facts)
    assert made.enlarged == 1.5 and np.array_equal(made.rgb, cut.applied(one[0]).rgb)
    assert segmentation.cell_picture(one[0], None).rgb is one[0]


def test_candidate__frozen(one: tuple[Rgb, Mask]):
    (found,) = white_cells.candidates(one[0])
    with pytest.raises(dataclasses.FrozenInstanceError):
        found.stain = 1.0  # type: ignore[misc]


def test_candidates__real_cells_on_drawn_smears(cnmc_root: Path):
    table = segmentation_quality.dices(cnmc_root, 6)
    assert table["dice"].median() > 0.95


def test_candidates__white_cells_of_real_fields():
    fields = sorted((BCCD / "BCCD" / "JPEGImages").glob("*.jpg"))
    if not fields:
        pytest.skip("BCCD's fields are not on this machine")
    found = [
        segmentation_quality.measured(path, segmentation_quality.ours) for path in fields[::30]
    ]
    overlaps = np.concatenate([each.overlaps for each in found])
    assert np.mean(overlaps >= segmentation_quality.HIT) > 0.85
    assert np.mean([each.extra for each in found]) < 1


def test_applied__real_fields_pass_the_gate():
    fields = sorted((BCCD / "BCCD" / "JPEGImages").glob("*.jpg"))
    if not fields:
        pytest.skip("BCCD's fields are not on this machine")
    for path in fields[::60]:
        picture = decoding.decode_file(path)
        with pytest.raises(BadImage):
            upload.find_cell(picture)
        assert upload.find_cell(Cut().applied(picture).rgb).any()


@pytest.mark.parametrize(
    "change",
    [{"grow": 10**6}, {"grow": -11}, {"candidate": -1}, {"tolerance": 1.5}, {"scale": 11.0},
     {"tolerance": float("nan")}, {"scale": float("inf")}, {"scale": 10**400}],
)  # fmt: skip
def test_from_dict__refuses_what_no_page_offers(change: dict[str, float]):
    facts = dataclasses.asdict(Cut()) | {"version": segmentation.VERSION}
    assert Cut.from_dict(facts) == Cut()
    with pytest.raises(BadImage):
        Cut.from_dict(facts | change)
