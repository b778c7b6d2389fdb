"""Folders as they should not be: each is read as far as it goes, or has its sentence."""

import os
import sys
import time
from pathlib import Path

import pytest

from allcore.data import file_digests, readers
from allcore.errors import DataError
from tests.released import put

UNIX = pytest.mark.skipif(sys.platform == "win32", reason="needs links and pipes")


def names(root: Path) -> list[str]:
    return list(readers.read(root).table["path"])


def test_read__empty_folder(tmp_path: Path) -> None:
    (tmp_path / "all").mkdir()
    with pytest.raises(DataError, match=r"No picture was found .* manifest\.csv"):
        readers.read(tmp_path)


def test_read__one_class_only(tmp_path: Path) -> None:
    put(tmp_path / "all" / "a.png", b"1")
    assert readers.read(tmp_path).table["label"].tolist() == ["all"]


def test_read__names_without_subjects(tmp_path: Path) -> None:
    put(tmp_path / "all" / "a.png", b"1")
    table = readers.read(tmp_path).table
    assert table["subject"].isna().all()
    assert table["group"].tolist() == ["all/a.png"]


def test_read__two_files_with_one_id_names_both(tmp_path: Path) -> None:
    for fold in ("fold_0", "fold_1"):
        put(tmp_path / fold / "all" / "UID_1_1_1_all.bmp", b"1")
    with pytest.raises(DataError, match=r"fold_0/all/\S+ and fold_1/all/\S+"):
        readers.read(tmp_path)


@UNIX
def test_read__does_not_follow_links_out_of_the_folder(tmp_path: Path) -> None:
    secret = put(tmp_path / "secret" / "s.png", b"1")
    root = tmp_path / "root"
    put(root / "all" / "a.png", b"1")
    (root / "hem").symlink_to(secret.parent)
    (root / "all" / "link.png").symlink_to(secret)
    found = readers.read(root)
    assert list(found.table["path"]) == ["all/a.png", "all/link.png"]
    assert len(found.notes) == 1 and found.notes[0].startswith("hem is a link")


@UNIX
def test_read__folder_of_links_alone_says_so(tmp_path: Path) -> None:
    put(tmp_path / "secret" / "s.png", b"1")
    root = tmp_path / "root"
    root.mkdir()
    (root / "all").symlink_to(tmp_path / "secret")
    with pytest.raises(DataError, match="all is a link and was not followed"):
        readers.read(root)


def test_read__leaves_out_hidden_folders_and_a_download_under_way(tmp_path: Path) -> None:
    for folder in (file_digests.WORK_FOLDER, ".thumbnails", "all/.trash", "all"):
        put(tmp_path / folder / "a.png", b"1")
    put(tmp_path / "all" / "._a.png", b"1")
    assert names(tmp_path) == ["all/a.png"]


def test_read__folder_that_can_not_be_read_is_said(tmp_path: Path) -> None:
    put(tmp_path / "all" / "a.png", b"1")
    locked = put(tmp_path / "hem" / "b.png", b"1").parent
    locked.chmod(0)
    try:
        if os.access(locked, os.R_OK):
            pytest.skip("this account reads everything")
        assert "hem can't be read" in readers.read(tmp_path).notes[0]
    finally:
        locked.chmod(0o700)


def test_read__unicode_and_very_long_names(tmp_path: Path) -> None:
    wanted = [f"all/{'n' * 240}.png", "all/Zelle ä é.PNG", "all/細胞.png"]
    for name in wanted:
        put(tmp_path / name, b"1")
    assert names(tmp_path) == sorted(wanted)


def test_read__fifty_thousand_files_in_one_folder(tmp_path: Path) -> None:
    first = put(tmp_path / "all" / "0.png", b"1")
    for number in range(1, 50_000):  # one file of many names is quicker made than many files
        try:
            os.link(first, first.with_name(f"{number}.png"))
        except OSError:
            first.with_name(f"{number}.png").touch()
    began = time.process_time()
    assert len(readers.read(tmp_path)) == 50_000
    assert time.process_time() - began < 5
