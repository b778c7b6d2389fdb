from pathlib import Path

import pandas as pd
import pytest
from PIL import Image

from allcore import model_folder
from allcore.cnmc import release
from allcore.data import manifest, readers
from allcore.errors import AllScopeError
from allcore.store import data_sets
from allcore.web import accounts, cell_images, datasets
from allcore.web.cell_images import CellImages
from tests.conftest import draw_cell
from tests.web import sessions


def draw(root: Path, *names: str) -> Path:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(draw_cell(seed=len(name))).save(path)
    return root


@pytest.fixture
def configured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The data set of ALLSCOPE_DATA: two blasts."""
    root = draw(tmp_path / "data", "all/one.png", "all/two.png")
    monkeypatch.setenv("ALLSCOPE_DATA", str(root))
    return root


@pytest.fixture
def connected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data set that somebody has connected: a blast of the same id and another one."""
    root = draw(tmp_path / "others" / "more", "all/two.png", "all/three.png")
    monkeypatch.setenv("ALLSCOPE_DATA_ROOTS", str(root.parent))
    sessions.add("ada")
    data_sets.connect(accounts.store(), "ada", name="More", path=root)
    return root


def test_at_hand__no_data_set() -> None:
    images = cell_images.at_hand()
    assert images == CellImages()
    assert images.why_missing == cell_images.CONNECT
    assert [source.key for source in images.sources(["a", "b"])] == ["", ""]
    assert images.missing(["a", "b"]) == 2
    assert images.row("a") is None and images.file("a") is None and images.table is None


def test_at_hand__images_by_id(configured: Path) -> None:
    images = cell_images.at_hand()
    ids = ["all/two.png", "no such cell", "all/one.png"]
    sources = images.sources(ids)
    assert [sources[0].path, sources[2].path] == [
        configured / "all" / "two.png", configured / "all" / "one.png",
    ]  # fmt: skip
    assert sources[0].key and sources[2].key and not sources[1].key
    assert images.missing(ids) == 1
    assert images.why_missing == cell_images.UNMATCHED


def test_at_hand__images_of_data_sets_that_people_connected(
    configured: Path, connected: Path
) -> None:
    images = cell_images.at_hand()
    assert images.file("all/three.png") == connected / "all" / "three.png"
    assert images.file("all/two.png") == configured / "all" / "two.png"
    assert images.table is not None
    assert sorted(images.table["image_id"]) == ["all/one.png", "all/three.png", "all/two.png"]


def test_at_hand__the_data_set_that_the_model_recorded_comes_first(
    configured: Path, connected: Path, tiny_model: Path
) -> None:
    info = model_folder.read_info(tiny_model)
    info.training["data"] = {"digest": datasets.load("More").digest()}
    images = cell_images.at_hand(info)
    assert images.file("all/two.png") == connected / "all" / "two.png"
    assert images.file("all/one.png") == configured / "all" / "one.png"


def test_at_hand__another_table_of_the_same_length(
    configured: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows of a replaced table would put another cell's image under an id."""
    rows = [{"path": "all/one.png", "label": "all"}, {"path": "all/two.png", "label": "all"}]
    for order in ([0, 1], [1, 0]):
        table = manifest.build(configured, [rows[place] for place in order], name="drawn")
        monkeypatch.setattr(datasets, "load", lambda _, table=table: table)
        images = cell_images.at_hand()
        for path, image_id in zip(table.paths(), table.table["image_id"], strict=True):
            assert images.sources([image_id])[0].path == images.file(image_id) == path
            row = images.row(image_id)
            assert row is not None and row["path"] == f"all/{path.name}"


def test_at_hand__a_data_set_that_is_gone(
    configured: Path, connected: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALLSCOPE_DATA", str(configured / "gone"))
    with pytest.raises(AllScopeError) as error:
        datasets.load(datasets.CONFIGURED)
    images = cell_images.at_hand()
    assert images.problem == str(error.value)
    assert images.file("all/two.png") == connected / "all" / "two.png"
    monkeypatch.setenv("ALLSCOPE_DATA_ROOTS", "")
    assert cell_images.at_hand() == CellImages(problem=images.problem)


def test_row__finds_cnmc_names_with_or_without_folder_and_suffix(tmp_path: Path) -> None:
    cnmc = "UID_H9_1_1_hem"
    images = CellImages.of([readers.read(draw(tmp_path, f"hem/{cnmc}.png"))])
    for name in (cnmc, f"hem/{cnmc}.png", f"elsewhere/{cnmc}.bmp"):
        row = images.row(name)
        assert row is not None and row["path"] == f"hem/{cnmc}.png"
    assert images.row("UID_H9_1_11_hem") is None
    assert images.row("../../secret") is None and images.file("../../secret") is None


def test_at_hand__a_renamed_file_is_known_by_its_content(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = draw(tmp_path / "renamed", "first.png", "second.png")
    digest = model_folder.sha256(root / "first.png")
    (root / "manifest.csv").write_text(
        f"path,label,sha256\nfirst.png,all,{digest}\nsecond.png,all,{'0' * 64}\n"
    )
    listed = pd.DataFrame({"path": ["all/UID_7_1_1_all.bmp"], "sha256": [digest]})
    monkeypatch.setattr(release, "read_release", lambda: listed)
    cell_images._release_ids.cache_clear()
    monkeypatch.setenv("ALLSCOPE_DATA", str(root))
    images = cell_images.at_hand()
    assert images.file("UID_7_1_1_all") == root / "first.png"
    assert images.file("second") == root / "second.png"
    cell_images._release_ids.cache_clear()
