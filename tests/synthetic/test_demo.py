from pathlib import Path

import pytest

from allcore.errors import DataError
from allcore.synthetic import dataset, demo
from tests import forking

SMALL = {"cells": 24, "subjects": 8}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("home") / "demo"
    demo.ensure_demo(folder, **SMALL)
    return folder


def draw(folder: Path) -> str:
    return demo.ensure_demo(folder, **SMALL).digest()


def test_ensure_demo__draws_once(folder: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    again = demo.ensure_demo(folder, **SMALL)
    assert again.name == dataset.NAME
    assert len(again) == SMALL["cells"]
    assert {path: path.stat().st_mtime_ns for path in folder.iterdir()} == before


def test_ensure_demo__leaves_no_work_behind(folder: Path) -> None:
    assert {path.name for path in folder.parent.iterdir()} <= {"demo", "demo.lock"}


def test_ensure_demo__several_processes_draw_one_set(tmp_path: Path) -> None:
    with forking.CONTEXT.Pool(3) as pool:
        digests = pool.map(draw, [tmp_path / "demo"] * 3)
    assert len(set(digests)) == 1
    assert {path.name for path in tmp_path.iterdir()} <= {"demo", "demo.lock"}


def test_ensure_demo__failed_drawing_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: object, **numbers: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(dataset, "draw_set", fail)
    with pytest.raises(DataError, match=r"No space left on device.*ALLSCOPE_HOME"):
        demo.ensure_demo(tmp_path / "demo")
    assert not demo.is_drawn(tmp_path / "demo")
    assert not [path for path in tmp_path.iterdir() if path.is_dir()]


def test_ensure_demo__keeps_what_is_not_its_own(tmp_path: Path) -> None:
    (tmp_path / "demo").mkdir()
    (tmp_path / "demo" / "thesis.txt").write_text("mine")
    with pytest.raises(DataError, match="move it away"):
        demo.ensure_demo(tmp_path / "demo")
    assert (tmp_path / "demo" / "thesis.txt").read_text() == "mine"


def test_ensure_demo__draws_an_older_version_anew(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    before = demo.ensure_demo(folder, **SMALL).digest()
    (folder / demo.VERSION_FILE).write_text("1")
    (folder / "UID_999_1_1_all.png").write_bytes(b"of the older set")
    assert not demo.is_drawn(folder)
    assert demo.ensure_demo(folder, **SMALL).digest() == before
    assert not (folder / "UID_999_1_1_all.png").exists()
    assert {path.name for path in tmp_path.iterdir()} <= {"demo", "demo.lock"}


def test_ensure_demo__folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="ALLSCOPE_HOME"):
        demo.ensure_demo(tmp_path / "file" / "demo")


def test_ensure_demo__stands_in_the_settings_home(home: Path) -> None:
    assert not demo.is_drawn()
    demo.ensure_demo(**SMALL)
    assert demo.is_drawn()
    assert (home / "demo" / "manifest.csv").is_file()
