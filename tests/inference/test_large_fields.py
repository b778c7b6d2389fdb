import io
import threading
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from allcore.data import stain
from allcore.data.cells import Rgb
from allcore.data.images import decoding, formats
from allcore.errors import BadImage
from allcore.inference import large_fields, smear, streaming, upload, white_cells
from allcore.inference.jobs import PredictionJob
from allcore.inference.large_fields import TiledCell
from allcore.inference.predictor import Predictor
from allcore.inference.segmentation import Cut
from allcore.inference.smear import Fields
from allcore.inference.white_cells import Candidate, Tile
from benchmarks import synthetic_smears
from tests.conftest import draw_cell

HEIGHT, WIDTH, CORE = 300, 400, 200
TILES = 12
PARTS = ((0, 0), (0, WIDTH), (HEIGHT, 0), (HEIGHT, WIDTH))


@pytest.fixture(autouse=True)
def small_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Large pictures of 200,000 pixels, so that a mosaic of four fields is one."""
    monkeypatch.setattr(formats, "MAX_PIXELS", 200_000)
    monkeypatch.setattr(large_fields, "CORE", CORE)
    monkeypatch.setattr(large_fields, "SURVEYED", 400)
    monkeypatch.setattr(white_cells, "_MARKED_IN", 300)


def part(seed: int) -> Rgb:
    """A field of two cells away from its border."""
    picture = synthetic_smears.field(HEIGHT, WIDTH, seed=seed)
    for y, x, radius in ((90 + 5 * seed, 100, 36), (200, 280 - 10 * seed, 40)):
        picture, _ = synthetic_smears.with_cell(picture, y, x, radius=radius)
    return picture


def mosaic(parts: list[Rgb]) -> Rgb:
    picture = np.empty((2 * HEIGHT, 2 * WIDTH, 3), dtype=np.uint8)
    for own, (top, left) in zip(parts, PARTS, strict=True):
        picture[top : top + HEIGHT, left : left + WIDTH] = own
    return picture


@cache
def background() -> Rgb:
    """Red cells and platelets."""
    return synthetic_smears.field(2 * HEIGHT, 2 * WIDTH, seed=1)


def with_cells(*places: tuple[float, float, float]) -> Rgb:
    picture = background()
    for y, x, radius in places:
        picture, _ = synthetic_smears.with_cell(picture, y, x, radius=radius)
    return picture


def frames(found: list[TiledCell]) -> np.ndarray:
    return np.array(sorted(cell.candidate.frame for cell in found))


def png(rgb: Rgb) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(rgb).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture(scope="module")
def parts() -> list[Rgb]:
    return [part(seed) for seed in range(4)]


def test_find__a_mosaic_has_the_cells_of_its_parts(parts: list[Rgb]):
    alone = [
        np.add(cell.frame, (top, left, top, left))
        for own, (top, left) in zip(parts, PARTS, strict=True)
        for cell in white_cells.candidates(own)
    ]
    together = frames(large_fields.find(mosaic(parts)))
    assert len(together) == len(alone) == 8
    assert np.abs(together - np.array(sorted(map(tuple, alone)))).max() <= 2


def test_find__a_cell_on_a_seam_once_and_whole():
    """On the corner of four cores, on the seam of two, and beside it."""
    places = ((CORE, CORE, 36), (CORE, 2.5 * CORE, 40), (2 * CORE + 3, 3 * CORE - 2, 36))
    found = large_fields.find(with_cells(*places))
    assert len(found) == 3
    for y, x, radius in places:
        (own,) = (
            cell.candidate
            for cell in found
            if np.hypot(*np.subtract(_middle(cell.candidate), (y, x))) < 10
        )
        expected = (y - radius, x - radius, y + radius, x + radius)
        assert np.abs(np.subtract(own.frame, expected)).max() <= 3
        assert own.area == pytest.approx(np.pi * radius**2, rel=0.05)


def test_find__at_the_border_of_the_picture_alone():
    found = large_fields.find(with_cells((2, 400, 40), (CORE, CORE, 36)))
    assert [cell.candidate.at_border for cell in found] == [False, True]


def test_find__steps_with_the_size_of_the_nuclei():
    picture = with_cells((CORE, CORE, 100), (400, 600, 100))
    found = large_fields.survey(picture)
    assert found.step == 2
    assert found.reference.radius * 2 == pytest.approx(100 * 0.75, rel=0.1)
    assert len(large_fields.find(picture)) == 2


def test_find__tiles_without_a_cell_give_none():
    """Platelets are in all tiles, a white cell in one."""
    (found,) = large_fields.find(with_cells((450, 250, 40)))
    assert _middle(found.candidate) == pytest.approx((450, 250), abs=4)


@pytest.mark.parametrize("red", [0, 4])
def test_find__nothing_is_said_in_a_sentence(red: int):
    with pytest.raises(BadImage):
        smear.cells_of_field(synthetic_smears.field(2 * HEIGHT, 2 * WIDTH, red=red))


def test_find__tells_its_tiles_and_stops():
    calls: list[tuple[int, int]] = []

    def watch(done: int, total: int) -> None:
        calls.append((done, total))
        if done == 2:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        large_fields.find(with_cells((CORE, CORE, 36)), watch)
    assert calls == [(0, TILES), (1, TILES), (2, TILES)]


def test_find__holds_the_working_arrays_of_one_tile(monkeypatch: pytest.MonkeyPatch):
    sizes: list[int] = []
    own = white_cells.candidates

    def noted(rgb: Rgb, *, tile: Tile) -> tuple[Candidate, ...]:
        sizes.append(tile.cut(rgb).size // 3)
        return own(rgb, tile=tile)

    monkeypatch.setattr(white_cells, "candidates", noted)
    picture = with_cells((CORE, CORE, 36))
    large_fields.find(picture)
    assert len(sizes) == TILES
    assert max(sizes) <= (CORE + 2 * large_fields.MARGIN * 30) ** 2 < picture.size // 3


def test_cells__cut_by_their_tile_and_repeated_from_the_facts(parts: list[Rgb]):
    picture = mosaic(parts)
    found = smear.cells_of_field(picture)
    assert [cell.number for cell in found] == list(range(1, 9))
    for cell in found:
        assert "of a large picture read in tiles" in cell.place.processing
        again = Cut.from_dict(cell.place.cut).applied(picture)
        assert np.array_equal(again.rgb, cell.picture.rgb)
        assert again.outline == cell.place.outline
        left, top, right, bottom = cell.place.box
        assert again.facts["frame"] == [top, left, bottom, right]


@pytest.mark.parametrize(
    "changed",
    [
        {"frame": [0, 0, 90_000, 90_000]},
        {"step": 0},
        {"step": 1000},
        {"frame": [5, 5, 5, 9]},
        {"reference": {"white": [200, 200, 200], "threshold": 0.2, "radius": 1e9}},
        {"reference": {"white": [200, 200, 200], "threshold": float("nan"), "radius": 30}},
    ],
)
def test_cut__a_tile_that_nobody_offers_is_refused(parts: list[Rgb], changed: dict[str, object]):
    facts = smear.cells_of_field(mosaic(parts))[0].place.cut
    with pytest.raises(BadImage):
        Cut.from_dict({**facts, "tile": {**facts["tile"], **changed}})


def test_candidate_at__a_point_of_a_large_picture():
    picture = with_cells((CORE, CORE, 36))
    own = white_cells.candidate_at(picture, (700, 450))
    assert own.frame[0] < 450 < own.frame[2] and own.frame[1] < 700 < own.frame[3]
    assert own.shape == picture.shape[:2]


def test_normaliser__of_a_sample_of_a_large_picture(parts: list[Rgb]):
    pictures = [draw_cell(seed=seed) for seed in range(4)]
    target = stain.measure_appearance((rgb, upload.find_cell(rgb)) for rgb in pictures)
    large = smear.fit_normaliser([mosaic(parts)], target)
    apart = smear.fit_normaliser(parts, target)
    assert large.cells >= 4 and large.fields == 1
    assert large.cut.scale == pytest.approx(apart.cut.scale, rel=0.1)


def test_decode__large_fields_alone(parts: list[Rgb]):
    picture = mosaic(parts)
    assert np.array_equal(upload.decode_field(png(picture)), picture)
    assert upload.CellPicture(picture).is_field
    with pytest.raises(BadImage, match="more than the"):
        decoding.decode(png(picture))
    black = np.zeros_like(picture)
    black[200:320, 300:440] = np.random.default_rng(0).integers(60, 255, (120, 140, 3))
    with pytest.raises(BadImage, match="black background"):
        upload.decode_field(png(black))


def test_decode__limits_of_large_fields(monkeypatch: pytest.MonkeyPatch, parts: list[Rgb]):
    flat = np.full((2 * HEIGHT, 2 * WIDTH, 3), 200, np.uint8)
    with pytest.raises(BadImage, match="unpacks to far more"):
        upload.decode_field(png(flat))
    monkeypatch.setattr(formats, "MAX_FIELD_PIXELS", 400_000)
    with pytest.raises(BadImage, match="more than the 0 million pixels"):
        upload.decode_field(png(mosaic(parts)))


def test_cache__keeps_the_last_large_picture_for_a_while(parts: list[Rgb]):
    picture = mosaic(parts)
    reads: list[str] = []

    def read(name: str) -> Rgb:
        reads.append(name)
        return picture

    cache = upload.PictureCache(10, large_seconds=60)
    for name in ("a", "a", "b", "a"):
        cache.get(name, lambda name=name: read(name))
    assert reads == ["a", "b", "a"]
    cache = upload.PictureCache(10, large_seconds=0.01)
    cache.get("a", lambda: picture)
    threading.Event().wait(0.1)
    cache.get("a", lambda: read("late"))
    assert reads[-1] == "late"


def test_job__tells_its_tiles_and_is_cancelled_amid(
    tiny_model: Path, parts: list[Rgb], monkeypatch: pytest.MonkeyPatch
):
    predictor = Predictor.load(tiny_model, device="cpu", threads=1)
    source = smear.Source("large.png", lambda data=png(mosaic(parts)): data)
    entered, own = threading.Event(), white_cells.candidates
    seen: list[tuple[int, int]] = []

    def slow(rgb: Rgb, *, tile: Tile) -> tuple[Candidate, ...]:
        seen.append(job.tiles)
        entered.set()
        cancelled.wait(10)
        return own(rgb, tile=tile)

    cancelled = threading.Event()
    monkeypatch.setattr(white_cells, "candidates", slow)
    job = PredictionJob(predictor, [source], forward=predictor.read, fields=Fields("auto", {}))
    assert entered.wait(30)
    job.cancel()
    cancelled.set()
    assert job.wait(30)
    assert (job.items, job.cancelled, job.failed, job.done) == ([], True, False, 0)
    assert seen == [(0, TILES)]  # no tile after the one in work


def test_predict__a_row_for_each_cell_of_a_large_picture(
    tmp_path: Path, tiny_model: Path, parts: list[Rgb]
):
    path = tmp_path / "large.png"
    path.write_bytes(png(mosaic(parts)))
    predictor = Predictor.load(tiny_model, device="cpu", threads=1)
    tiles: list[tuple[int, int]] = []
    rows = list(
        streaming.predict_files(
            predictor, [path], fields=Fields("auto", {}),
            watch=lambda done, total: tiles.append((done, total)),
        )
    )  # fmt: skip
    assert [row.cell for row in rows] == [str(number) for number in range(1, 9)]
    assert tiles == [(done, TILES) for done in range(TILES + 1)]
    (refused,) = streaming.predict_files(predictor, [path])
    assert refused.verdict == "refused" and "pixels, more than" in refused.reason


def _middle(cell: Candidate) -> tuple[float, float]:
    return (cell.frame[0] + cell.frame[2]) / 2, (cell.frame[1] + cell.frame[3]) / 2
