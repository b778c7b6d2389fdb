from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from allcore.data import manifest
from allcore.web.evaluation import cell_images
from allcore.web.evaluation.cell_images import Pictures
from tests.conftest import draw_cell


@pytest.fixture
def connected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A connected data set of two blasts."""
    root = tmp_path / "data"
    (root / "all").mkdir(parents=True)
    for name in ("one", "two"):
        Image.fromarray(draw_cell(seed=len(name))).save(root / "all" / f"{name}.png")
    monkeypatch.setenv("ALLSCOPE_DATA", str(root))
    return root


def test_connected__nothing() -> None:
    found = cell_images.connected()
    assert found == Pictures(None, {})
    assert found.why_missing == cell_images.CONNECT
    assert [source.key for source in found.sources(["a", "b"])] == ["", ""]
    assert found.missing(["a", "b"]) == 2
    assert found.row("a") is None


def test_connected__pictures_by_id(connected: Path) -> None:
    found = cell_images.connected()
    assert found.manifest is not None
    ids = found.manifest.table["image_id"].astype(str).tolist()
    asked = [ids[1], "no such cell", ids[0]]
    sources = found.sources(asked)
    paths = found.manifest.paths()
    assert [sources[0].path, sources[2].path] == [paths[1], paths[0]]
    assert sources[0].key and sources[2].key and not sources[1].key
    assert found.missing(asked) == 1
    assert found.why_missing == cell_images.UNMATCHED


def test_connected__another_table_of_the_same_length(
    connected: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Places of a table that is gone would put another cell's picture over a name."""
    rows = [{"path": "all/one.png", "label": "all"}, {"path": "all/two.png", "label": "all"}]
    for order in ([0, 1], [1, 0]):
        table = manifest.build(connected, [rows[at] for at in order], name="drawn")
        monkeypatch.setattr(cell_images.dataset_cache, "load", lambda _, table=table: table)
        found = cell_images.connected()
        for path, image_id in zip(table.paths(), table.table["image_id"], strict=True):
            assert found.sources([image_id])[0].path == path


def test_connected__a_folder_that_is_gone(connected: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALLSCOPE_DATA", str(connected / "gone"))
    assert cell_images.connected() == Pictures(None, {})


def test_row__is_what_the_data_set_says(connected: Path) -> None:
    found = cell_images.connected()
    assert found.manifest is not None
    for place, image_id in enumerate(found.manifest.table["image_id"]):
        row = found.row(image_id)
        assert row is not None and row["path"] == found.manifest.table["path"].iloc[place]
    assert np.unique(list(found.place.values())).tolist() == [0, 1]
