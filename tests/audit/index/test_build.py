"""The index reads what is new, keeps the rest, and says what it can't use."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from allcore.audit.index import build, features, jobs, store
from allcore.errors import DataError
from allcore.inference.predictor import Predictor
from tests.conftest import draw_folders


@pytest.fixture
def root(tmp_path: Path, home: Path) -> Path:
    return draw_folders(tmp_path / "cells", subjects=4, cells=3)


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the files that were read, in any order."""
    seen: list[str] = []
    real = features.read_cell

    def counted(path: Path) -> features.MeasuredCell:
        seen.append(path.name)
        return real(path)

    monkeypatch.setattr(features, "read_cell", counted)
    return seen


def copied(root: Path, name: str) -> Path:
    source = sorted((root / "all").iterdir())[0]
    target = root / "all" / name
    shutil.copy(source, target)
    return target


def error_of(root: Path, ending: str) -> str:
    table = store.read(root).table
    return str(table.loc[table["path"].str.endswith(ending), "error"].item())


def test_build__measures_every_image(root: Path, reads: list[str]) -> None:
    changes = build.build_index(root)
    assert (changes.added, changes.unreadable, len(reads)) == (12, 0, 12)
    index = store.read(root)
    assert len(index) == 12
    assert index.table[list(features.NUMBERS)].notna().all(axis=None)
    assert index.embeddings.shape == (12, 0)
    assert all(store.thumbnail(digest).is_file() for digest in index.table["sha256"])
    assert not (store.folder(root) / store.PARTS).exists()


def test_build__reads_only_what_is_new_or_changed(root: Path, reads: list[str]) -> None:
    build.build_index(root)
    before = store.read(root)
    reads.clear()
    gone = sorted((root / "hem").iterdir())[0]
    gone.unlink()
    changed = sorted((root / "hem").iterdir())[0]
    os.utime(changed, ns=(1, 1))
    copied(root, "UID_100_9_9_all.png")
    changes = build.build_index(root)
    assert sorted(reads) == sorted(["UID_100_9_9_all.png", changed.name])
    assert (changes.added, changes.changed, changes.dropped, changes.kept) == (1, 1, 1, 10)
    after = store.read(root)
    kept = before.table.merge(after.table, on="image_id")
    assert len(after) == 12 and len(kept) == 11
    assert kept["area_x"].tolist() == kept["area_y"].tolist()
    assert len(after.twins) == 1


def test_build__again_reads_nothing(root: Path, reads: list[str]) -> None:
    build.build_index(root)
    reads.clear()
    assert build.build_index(root).nothing
    assert reads == []


def test_build__goes_on_where_it_was_stopped(
    root: Path, reads: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build, "CHUNK", 4)
    done: list[int] = []

    def interrupted(count: int) -> None:
        done.append(count)
        if len(done) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build.build_index(root, progress=interrupted)
    with pytest.raises(DataError, match="not indexed yet"):
        store.read(root)
    reads.clear()
    changes = build.build_index(root)
    assert (len(reads), changes.added, len(store.read(root))) == (4, 12, 12)


def test_build__cancelled_keeps_what_was_read(
    root: Path, reads: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build, "CHUNK", 4)

    def stopped(_: int) -> None:
        raise jobs.Stopped

    with pytest.raises(DataError, match="next run goes on"):
        build.build_index(root, progress=stopped)
    reads.clear()
    build.build_index(root)
    assert len(reads) == 8


def test_build__embeds_with_a_model_once(root: Path, reads: list[str], tiny_model: Path) -> None:
    build.build_index(root)
    predictor = Predictor.load(tiny_model, "cpu", threads=1)
    assert build.build_index(root, loader=lambda: predictor).changed == 12
    index = store.read(root)
    assert index.embeddings.shape == (12, 16) and index.embeddings.dtype == np.float16
    assert np.isfinite(index.embeddings).all()
    assert index.table[["map_x", "map_y"]].notna().all(axis=None)
    assert index.about.model == "tiny"
    reads.clear()
    assert build.build_index(root, loader=lambda: predictor).nothing
    assert build.build_index(root).nothing and reads == []
    assert store.read(root).embeddings.shape == (12, 16)


def test_build__gives_each_bad_file_its_sentence(root: Path, tmp_path: Path) -> None:
    outside = tmp_path / "secret.png"
    shutil.copy(sorted((root / "all").iterdir())[0], outside)
    (root / "all" / "link.png").symlink_to(outside)
    (root / "all" / "empty.png").touch()
    (root / "all" / "text.png").write_text("no picture", encoding="utf-8")
    (root / "all" / "gone.png").symlink_to(root / "all" / "nothing.png")
    os.mkfifo(root / "all" / "pipe.png")
    copied(root, "Zelle ä 細胞.png")
    copied(root, "n" * 240 + ".png")
    changes = build.build_index(root)
    assert (changes.added, changes.unreadable) == (19, 5)
    assert "leads out" in error_of(root, "link.png")
    assert "0 bytes" in error_of(root, "empty.png")
    assert "not a readable" in error_of(root, "text.png")
    assert "no regular file" in error_of(root, "pipe.png")
    assert "missing" in error_of(root, "gone.png")
    assert error_of(root, "細胞.png") == error_of(root, "nnn.png") == ""


def test_build__reads_a_missing_file_as_soon_as_it_is_back(root: Path) -> None:
    (root / "all" / "gone.png").symlink_to(root / "all" / "nothing.png")
    build.build_index(root)
    (root / "all" / "gone.png").unlink()
    copied(root, "gone.png")
    assert build.build_index(root).unreadable == 0


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda root: shutil.rmtree(root), "no data set"),
        (lambda root: [shutil.rmtree(each) for each in root.iterdir()], "No picture was found"),
        (
            lambda root: (root / "manifest.csv").write_text(
                "image_id,path\na,1.png\na,2.png\n", encoding="utf-8"
            ),
            "more than once",
        ),
    ],
    ids=["gone", "empty", "two files of one id"],
)
def test_build__keeps_the_index_where_the_data_set_fails(
    root: Path, spoil: Callable[[Path], object], sentence: str
) -> None:
    build.build_index(root)
    spoil(root)
    with pytest.raises(DataError, match=sentence):
        build.build_index(root)
    assert len(store.read(root)) == 12


def test_build__keeps_what_was_read_of_a_folder_that_vanishes(
    root: Path, monkeypatch: pytest.MonkeyPatch, reads: list[str]
) -> None:
    monkeypatch.setattr(build, "CHUNK", 4)
    aside = root.with_name("aside")
    with pytest.raises(DataError, match="vanished"):
        build.build_index(root, progress=lambda _: root.rename(aside))
    aside.rename(root)
    reads.clear()
    build.build_index(root)
    assert len(reads) == 8


def test_build__is_done_by_one_run_at_a_time(root: Path) -> None:
    def again(_: int) -> None:
        with pytest.raises(DataError, match="being indexed already"):
            build.build_index(root)

    assert build.build_index(root, start=again).added == 12


def test_read__says_what_to_do_about_a_damaged_index(root: Path) -> None:
    build.build_index(root)
    (store.folder(root) / store.ARRAYS[0]).write_bytes(b"no arrays")
    with pytest.raises(DataError, match="damaged"):
        store.read(root)
    assert build.build_index(root).added == 12


def test_folder__is_that_of_the_data_set_alone(home: Path, tmp_path: Path) -> None:
    names = {store.folder(tmp_path / name) for name in ("a", "b", "ä", "細胞")}
    assert len(names) == 4
    assert store.folder(tmp_path / "a" / ".." / "b") == store.folder(tmp_path / "b")
