import io
import time
from concurrent.futures import CancelledError
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from torch import Tensor

from allcore.data import stain
from allcore.data.cells import Rgb
from allcore.data.stain import Appearance
from allcore.errors import BadImage
from allcore.inference import image_sources, smear, streaming, upload
from allcore.inference.image_sources import Source
from allcore.inference.jobs import PredictionJob
from allcore.inference.predictor import Predictor
from allcore.inference.results import Reading
from allcore.inference.segmentation import Cut
from allcore.inference.smear import Fields, Normalisation
from benchmarks import synthetic_smears
from tests import validated
from tests.conftest import draw_cell

PLACES = ((150, 160, 60), (330, 450, 80))


def smear_field(seed: int = 0) -> Rgb:
    """A drawn field with two white cells of different size."""
    picture = synthetic_smears.field(480, 640, seed=seed)
    for y, x, radius in PLACES:
        picture, _ = synthetic_smears.with_cell(picture, y, x, radius=radius)
    return picture


def source(name: str, rgb: Rgb) -> Source:
    buffer = io.BytesIO()
    Image.fromarray(rgb).save(buffer, "PNG")
    return Source(name, buffer.getvalue)


@pytest.fixture(scope="module")
def field() -> Rgb:
    return smear_field()


@pytest.fixture(scope="module")
def target() -> Appearance:
    """Appearance of drawn training cells."""
    pictures = [draw_cell(seed=seed) for seed in range(4)]
    return stain.measure_appearance((rgb, upload.find_cell(rgb)) for rgb in pictures)


def test_cells__one_a_white_cell_with_its_place(field: Rgb):
    found = smear.cells_of_field(field)
    assert [cell.number for cell in found] == [1, 2]
    for cell in found:
        left, top, right, bottom = cell.place.box
        assert any(left < x < right and top < y < bottom for y, x, _ in PLACES)
        assert cell.picture.mask.any() and cell.picture.enlarged == 1
        assert smear.UNVALIDATED in cell.place.processing
        assert "as in the picture" in cell.place.processing and not cell.place.at_border
        assert cell.place.mark == smear.UNVALIDATED


def test_cells__normalised_to_stain_and_size_of_the_training_cells(field: Rgb, target: Appearance):
    normaliser = smear.fit_normaliser([field], target)
    assert (normaliser.cells, normaliser.fields) == (2, 1)
    found = smear.cells_of_field(field, normaliser)
    made = stain.measure_appearance((cell.picture.rgb, cell.picture.mask) for cell in found)
    assert made.mean == pytest.approx(target.mean, abs=0.1)
    assert made.area == pytest.approx(target.area, rel=0.05)
    areas = [cell.picture.mask.sum() for cell in found]
    assert max(areas) / min(areas) > 1.4  # the larger cell stays the larger one
    assert "stain and size by 2 cells of 1 field" in found[0].place.processing


def test_normaliser__measures_mononuclear_cells_where_there_are_enough(target: Appearance):
    """Cells with little nucleus, as granulocytes have, change neither stain nor size."""
    lymphocytes = synthetic_smears.field(480, 640, red=0)
    for y in (100, 360):
        for x in (100, 250, 400, 550):
            lymphocytes, _ = synthetic_smears.with_cell(lymphocytes, y, x, radius=50, nucleus=0.9)
    others, _ = synthetic_smears.with_cell(
        synthetic_smears.field(480, 640, red=0), 240, 320, radius=120, nucleus=0.4
    )
    both = smear.fit_normaliser([lymphocytes, others], target)
    assert (both.cells, both.fields, both.mononuclear) == (8, 1, True)
    assert both.cut == smear.fit_normaliser([lymphocytes], target).cut
    assert both.sentence == "stain and size by 8 mononuclear cells of 1 field"
    assert not smear.fit_normaliser([others], target).mononuclear


def test_cells__none_in_a_field_of_red_ones():
    with pytest.raises(BadImage, match="no white cell"):
        smear.cells_of_field(synthetic_smears.field(240, 320))


def test_measure__folders_apart_and_single_cells_left_out(target: Appearance):
    sources = [
        source("a/1.png", smear_field(1)), source("a/2.png", smear_field(2)),
        source("a/cell.png", draw_cell(seed=0)), source("b/cell.png", draw_cell(seed=1)),
        image_sources.refused("a/broken.png", "It can't be read."),
    ]  # fmt: skip
    fields = smear.measure_fields(sources, "auto", target)
    assert fields.normalisers["a"].fields == 2 and fields.normalisers["a"].cells == 4
    assert fields.normalisers["b"] == smear.UNCHANGED


def test_measure__without_an_appearance_nothing_is_normalised(field: Rgb):
    fields = smear.measure_fields([source("a/1.png", field)], "auto", None)
    assert fields.normalisers == {}
    assert next(fields.cells(field, "a/1.png")).picture.enlarged == 1


def test_normalisers__are_fitted_when_needed(field: Rgb, target: Appearance):
    read: list[str] = []

    def noted(name: str) -> Source:
        return Source(name, lambda: read.append(name) or source(name, field).read())

    lazy = smear.FolderNormalisers([noted("a/1.png"), noted("b/2.png")], "auto", target)
    assert list(lazy) == ["a", "b"] and read == []
    assert lazy["b"].cells == 2 and lazy["b"] is lazy["b"]
    assert read == ["b/2.png"]
    assert smear.Fields("auto", lazy).normaliser("c/3.png") is smear.UNCHANGED


@pytest.mark.parametrize(
    ("choice", "sentence"),
    [
        (Normalisation(), "stain and size by 2 cells of 1 field"),
        (Normalisation(stain=False), "stain as in the picture; size by 2 cells of 1 field"),
        (Normalisation(size="picture"), "stain by 2 cells of 1 field; size as in the picture"),
        (Normalisation(False, "picture"), "stain as in the picture, size as in the picture"),
        (
            Normalisation(micrometres=0.1),
            "stain by 2 cells of 1 field; size by 0.1 micrometres a pixel",
        ),
    ],
)
def test_chosen__says_what_is_normalised(
    field: Rgb, target: Appearance, choice: Normalisation, sentence: str
):
    chosen = smear.fit_normaliser([field], target).chosen(choice, target)
    assert chosen.sentence == sentence
    assert (chosen.cut.stain is not None) == choice.stain
    if choice.size == "picture":
        assert chosen.cut.scale == 1


def test_chosen__micrometres_give_the_magnification(target: Appearance):
    """A cell of the assumed diameter gets the area of the median training cell."""
    chosen = smear.UNCHANGED.chosen(Normalisation(micrometres=0.2), target)
    radius = smear.TRAINING_DIAMETER / 0.2 / 2 * chosen.cut.scale
    assert np.pi * radius**2 == pytest.approx(target.area, rel=0.02)


def test_cells__one_that_does_not_fit_is_refused_and_has_its_outline(field: Rgb):
    normaliser = smear.Normaliser(Cut(scale=5), 0, 0)
    found = smear.cells_of_field(field, normaliser)
    assert [cell.picture for cell in found] == [None, None]
    assert "more than 450 x 450" in found[0].refusal and len(found[0].place.outline) > 20


def test_job__answers_fields_whole(tiny_model: Path, field: Rgb):
    predictor = Predictor.load(tiny_model, device="cpu", threads=1)
    sources = [
        source("1.png", field), source("one.png", draw_cell(seed=0)), source("2.png", field),
    ]  # fmt: skip
    stored: list[list[str]] = []
    job = PredictionJob(
        predictor,
        sources,
        forward=predictor.read,
        batch_size=1,
        store=lambda items, _: stored.append([item.name for item in items]),
        fields=Fields("auto", {}),
    )
    assert job.wait(60)
    names = ["1.png, cell 1", "1.png, cell 2", "one.png", "2.png, cell 1", "2.png, cell 2"]
    assert [item.name for item in job.items] == names
    assert (job.done, job.cancelled) == (3, False)
    time.sleep(0.1)  # the last ones are stored after the end
    assert [name for names_at_once in stored for name in names_at_once] == names
    assert stored[0] == names[:2]  # never a part of a field
    assert len({item.digest for item in job.items}) == 3  # equal fields have equal cells


def test_job__leaves_out_a_field_that_is_cancelled_amid(tiny_model: Path, field: Rgb):
    predictor = Predictor.load(tiny_model, device="cpu", threads=1)
    calls = 0

    def forward(cells: Tensor) -> list[Reading]:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise CancelledError
        return predictor.read(cells)

    job = PredictionJob(
        predictor, [source("1.png", field)], forward=forward, batch_size=1,
        fields=Fields("auto", {}),
    )  # fmt: skip
    assert job.wait(60)
    assert (job.items, job.cancelled, job.done) == ([], True, 0)


def test_spread__few_of_many(monkeypatch: pytest.MonkeyPatch, field: Rgb, target: Appearance):
    monkeypatch.setattr(smear, "MEASURED", 2)
    read: list[str] = []

    def noted(name: str) -> Source:
        return Source(name, lambda: read.append(name) or source(name, field).read())

    smear.measure_fields([noted(f"a/{number}.png") for number in range(5)], "auto", target)
    assert read == ["a/0.png", "a/4.png"]


def test_cut__with_a_stain_map_is_repeated_from_its_facts(field: Rgb, target: Appearance):
    cut = smear.fit_normaliser([field], target).cut
    made = cut.applied(field)
    assert "stain brought to that of the training cells" in made.note
    assert np.array_equal(Cut.from_dict(made.facts).applied(field).rgb, made.rgb)


@pytest.mark.parametrize("mode", ["auto", "always"])
def test_predict__a_row_for_each_cell(tmp_path: Path, tiny_model: Path, mode: smear.Mode):
    Image.fromarray(smear_field()).save(tmp_path / "field.png")
    Image.fromarray(draw_cell(seed=0)).save(tmp_path / "one.png")
    (tmp_path / "note.txt").write_text("no picture")
    predictor = Predictor.load(tiny_model, device="cpu", threads=1)
    fields = smear.measure_fields(image_sources.walk([tmp_path]), mode, None)
    rows = list(streaming.predict_files(predictor, [tmp_path], fields=fields))
    by_name = {Path(row.path).name: row for row in rows}
    cells = [row for row in rows if Path(row.path).name == "field.png"]
    assert [row.cell for row in cells] == ["1", "2"]
    assert all(len(row.box.split()) == 4 and smear.UNVALIDATED in row.processing for row in cells)
    assert len({row.sha256 for row in cells}) == 1
    assert by_name["note.txt"].verdict == "refused" and by_name["note.txt"].cell == ""
    if mode == "auto":
        alone = next(streaming.predict_files(predictor, [tmp_path / "one.png"]))
        assert by_name["one.png"].p_all == pytest.approx(alone.p_all, abs=1e-5)
        assert by_name["one.png"].processing == ""


def test_validation_mark__only_of_a_profile_of_cells_of_fields():
    profile = validated.profile(fields=True)
    assert smear.validation_mark(profile).startswith("validated at Laboratory A: sensitivity 0.")
    assert smear.validation_mark(validated.profile()) == smear.UNVALIDATED
    assert smear.validation_mark(None) == smear.UNVALIDATED
