import os
from pathlib import Path

import pytest

from allcore.data import safe_paths, split_files
from allcore.data.safe_paths import PathResolver
from allcore.errors import AllScopeError
from allcore.reports import prediction_files
from allcore.store import backup


def test_resolve__as_the_system_does(tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / "a" / "b").mkdir(parents=True)
    (root / "a" / "b" / "1.png").touch()
    (root / "inner").symlink_to(root / "a")
    (root / "outer").symlink_to(tmp_path)
    (root / "a" / "link.png").symlink_to(tmp_path / "2.png")
    within = PathResolver(root)
    names = (
        "a/b/1.png", "inner/b/1.png", "outer/2.png", "a/link.png", "../2.png", "a/..", "gone/1.png",
        str(tmp_path / "2.png"), "a/b/../1.png",
    )  # fmt: skip
    assert [within.resolve(name) for name in names] == [(root / name).resolve() for name in names]
    held = [within.contains(within.resolve(name)) for name in names]
    assert held == [True, True, False, False, False, True, True, False, True]


def test_require_file__a_pipe_is_refused_before_it_is_opened(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for read in (split_files.read_split, prediction_files.read_report, backup.check):
        with pytest.raises(AllScopeError, match="pipe or a device"):
            read(pipe)
    for path in (tmp_path, tmp_path / "missing"):  # others say what is wrong with these
        safe_paths.require_file(path)
