from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from allcore.data import readers
from allcore.errors import BadImage, DataError
from allcore.research.experiments import cue_features
from tests.conftest import draw_cell


def changed(before: dict[str, float], after: dict[str, float], cue: str) -> bool:
    return any(
        abs(after[name] - before[name]) > 0.02 * (abs(before[name]) + 0.02)
        for name in before
        if name.startswith(f"{cue}.")
    )


@pytest.fixture(scope="module")
def plain() -> dict[str, float]:
    return cue_features.measure(draw_cell(seed=3))


def test_measure__has_facts_of_every_cue(plain: dict[str, float]) -> None:
    for cue in cue_features.CUES:
        assert cue_features.of(list(plain), cue)
    assert np.isfinite(list(plain.values())).all()


def test_measure__knows_a_disc() -> None:
    y, x = np.mgrid[:450, :450] - 225
    disc = np.zeros((450, 450, 3), dtype=np.uint8)
    disc[x**2 + y**2 < 100**2] = (120, 60, 150)
    found = cue_features.measure(disc)
    assert found["size.area"] == pytest.approx(np.pi * 100**2, rel=0.02)
    assert found["shape.eccentricity"] < 0.1
    assert found["shape.solidity"] == pytest.approx(1, abs=0.02)
    assert found["shape.bumps"] < 0.01
    assert found["brightness.mean"] == pytest.approx(110)
    assert found["colour.red"] == pytest.approx(120 / 330)
    assert found["spread.blue"] == pytest.approx(0, abs=1e-3)
    assert found["margin.ring_1"] == pytest.approx(1)
    assert found["traces.highest"] == 0
    assert (found["position.row"], found["position.column"]) == pytest.approx((0.5, 0.5), abs=0.01)


def test_measure__texture_knows_neither_brightness_nor_contrast(plain: dict[str, float]) -> None:
    picture = draw_cell(seed=3).astype(float)
    darker = cue_features.measure((picture * 0.7).astype(np.uint8))
    assert changed(plain, darker, "brightness")
    assert not changed(plain, darker, "colour")
    for name in cue_features.of(list(plain), "texture"):
        if name != "texture.clumps":
            assert darker[name] == pytest.approx(plain[name], rel=0.05)


def test_measure__position_is_a_cue_of_its_own(plain: dict[str, float]) -> None:
    moved = cue_features.measure(np.roll(draw_cell(seed=3), (40, -20), axis=(0, 1)))
    assert changed(plain, moved, "position")
    for cue in ("size", "shape", "brightness", "colour", "spread", "texture"):
        assert not changed(plain, moved, cue), cue


def test_measure__a_soft_margin_shows(plain: dict[str, float]) -> None:
    from scipy import ndimage

    soft = ndimage.gaussian_filter(draw_cell(seed=3).astype(float), (2, 2, 0)).astype(np.uint8)
    assert cue_features.measure(soft)["margin.ring_1"] < plain["margin.ring_1"] - 0.1


def test_measure__a_cell_at_the_border_touches(plain: dict[str, float]) -> None:
    assert plain["margin.touching"] == 0
    assert cue_features.measure(draw_cell(seed=3)[150:])["margin.touching"] > 0.05


def test_measure__compression_leaves_traces(tmp_path: Path, plain: dict[str, float]) -> None:
    Image.fromarray(draw_cell(seed=3)).save(tmp_path / "cell.jpg", quality=60)
    found = cue_features.table([tmp_path / "cell.jpg"]).iloc[0]
    assert plain["traces.share"] == 0
    assert found["traces.share"] > 0


def test_measure__nothing_there() -> None:
    with pytest.raises(BadImage):
        cue_features.measure(np.zeros((64, 64, 3), dtype=np.uint8))


def test_measure__a_speck_has_facts_all_the_same() -> None:
    speck = np.zeros((64, 64, 3), dtype=np.uint8)
    speck[30:33, 30:36] = 200
    assert np.isfinite(list(cue_features.measure(speck).values())).all()


def test_table__names_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is missing"):
        cue_features.table([tmp_path / "none.png"])
    (tmp_path / "text.png").write_text("no picture")
    with pytest.raises(DataError, match="can't be used"):
        cue_features.table([tmp_path / "text.png"])


def test_table__of_real_cells(cnmc_root: Path) -> None:
    paths = readers.read(cnmc_root).paths()[::1500]
    seen: list[None] = []
    table = cue_features.table(paths, progress=lambda: seen.append(None))
    assert len(table) == len(paths) == len(seen)
    assert np.isfinite(table.to_numpy()).all()
