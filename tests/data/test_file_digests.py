"""Files are listed and hashed without being led out of the folder."""

import hashlib
import os
import sys
from pathlib import Path

import pytest

from allcore.data import file_digests
from allcore.data.file_digests import UnreadFile
from allcore.errors import DataError
from tests.released import put

UNIX = pytest.mark.skipif(sys.platform == "win32", reason="needs links and pipes")


@UNIX
def test_walk__lists_files_and_refuses_what_leads_out(tmp_path: Path) -> None:
    root = tmp_path / "root"
    secret = put(tmp_path / "secret" / "s.bmp", b"secret")
    put(root / "a" / "x.bmp", b"four")
    (root / "inside.bmp").symlink_to(root / "a" / "x.bmp")
    (root / "outside.bmp").symlink_to(secret)
    (root / "folder_outside").symlink_to(secret.parent)
    (root / "folder_inside").symlink_to(root / "a")
    (root / "broken.bmp").symlink_to(root / "none")
    (root / "loop.bmp").symlink_to(root / "loop.bmp")
    os.mkfifo(root / "pipe.bmp")
    listing = file_digests.list_files(root)
    assert dict(zip(listing.paths, listing.sizes, strict=True)) == {"a/x.bmp": 4, "inside.bmp": 4}
    assert listing.refused == (
        UnreadFile("broken.bmp", "a link that leads nowhere"),
        UnreadFile("folder_inside", "a link to a folder"),
        UnreadFile("folder_outside", "a link that leads out of the folder"),
        UnreadFile("loop.bmp", "a link that leads nowhere"),
        UnreadFile("outside.bmp", "a link that leads out of the folder"),
        UnreadFile("pipe.bmp", "not a regular file"),
    )


@UNIX
def test_walk__root_may_be_a_link(tmp_path: Path) -> None:
    put(tmp_path / "real" / "x.bmp", b"1")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert file_digests.list_files(tmp_path / "link").paths == ("x.bmp",)


def test_walk__leaves_out_a_download_under_way(tmp_path: Path) -> None:
    put(tmp_path / file_digests.WORK_FOLDER / "half.bmp", b"1")
    put(tmp_path / "sub" / "名前 é.bmp", b"1")
    assert file_digests.list_files(tmp_path).paths == ("sub/名前 é.bmp",)


def test_walk__leaves_out_what_is_hidden_where_asked(tmp_path: Path) -> None:
    put(tmp_path / ".git" / "a.bmp", b"1")
    put(tmp_path / "b.bmp", b"1")
    assert file_digests.list_files(tmp_path).paths == (".git/a.bmp", "b.bmp")
    assert file_digests.list_files(tmp_path, hidden=False).paths == ("b.bmp",)


def test_walk__missing_folder(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="check the path"):
        file_digests.list_files(tmp_path / "none")


def test_walk__folder_that_can_not_be_read(tmp_path: Path) -> None:
    locked = put(tmp_path / "locked" / "x.bmp", b"1").parent
    locked.chmod(0)
    try:
        if os.access(locked, os.R_OK):
            pytest.skip("this account reads everything")
        assert file_digests.list_files(tmp_path).refused == (
            UnreadFile("locked", "permission denied"),
        )
    finally:
        locked.chmod(0o700)


def test_compute__digests_progress_and_vanished_files(tmp_path: Path) -> None:
    names = [f"{number}.bmp" for number in range(20)]
    for name in names:
        put(tmp_path / name, name.encode())
    seen: list[tuple[int, int]] = []
    digests, refused = file_digests.compute_digests(
        tmp_path,
        dict.fromkeys([*names, "gone.bmp"], 1),
        progress=lambda *done: seen.append(done),
    )
    assert digests == {name: hashlib.sha256(name.encode()).hexdigest() for name in names}
    assert refused == [UnreadFile("gone.bmp", "no such file or directory")]
    assert seen == [(number, 21) for number in range(1, 22)]


def test_compute__cancelled(tmp_path: Path) -> None:
    put(tmp_path / "x.bmp", b"1")
    with pytest.raises(DataError, match="cancelled"):
        file_digests.compute_digests(tmp_path, {"x.bmp": 1}, cancelled=lambda: True)


@UNIX
def test_of_file__never_waits_for_a_pipe_nor_follows_a_link(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="not a regular file"):
        file_digests.file_digest(tmp_path / "pipe")
    put(tmp_path / "x", b"1")
    (tmp_path / "link").symlink_to(tmp_path / "x")
    with pytest.raises(OSError, match="link"):
        file_digests.file_digest(tmp_path / "link")


def test_list_files__a_name_that_is_no_text_is_left_out_and_said(tmp_path: Path) -> None:
    for name in (b"caf\xe9.png", "café.png".encode(), b"a\x1b[31m.png"):
        Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name)).write_bytes(b"")
    found = file_digests.list_files(tmp_path)
    assert found.paths == ("a\x1b[31m.png", "café.png")
    assert found.refused == (UnreadFile(r"caf\udce9.png", file_digests.NO_TEXT),)
