import os
import shutil
from pathlib import Path

import pandas as pd

from allcore.audit.index import files
from allcore.data import readers


def lay(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(name.encode())
    return root


def indexed(root: Path) -> pd.DataFrame:
    """What an index of the folder would hold."""
    rows = [
        (state.image_id, state.path, state.size, state.time, f"sha of {state.path}")
        for state in files.file_states(readers.read(root))
    ]
    return pd.DataFrame(rows, columns=["image_id", "path", "size_bytes", "mtime_ns", "sha256"])


def test_since__nothing(tmp_path: Path) -> None:
    lay(tmp_path, "all/1.png", "hem/2.png")
    found = files.compare_with_index(readers.read(tmp_path), indexed(tmp_path))
    assert found.nothing
    assert found.unchanged == {"all/1.png": "sha of all/1.png", "hem/2.png": "sha of hem/2.png"}


def test_since__new_changed_gone(tmp_path: Path) -> None:
    lay(tmp_path, "all/1.png", "all/2.png", "all/3.png", "hem/4.png")
    rows = indexed(tmp_path)
    (tmp_path / "all/1.png").write_bytes(b"longer than before")
    state = (tmp_path / "all/2.png").stat()
    os.utime(tmp_path / "all/2.png", ns=(state.st_atime_ns, state.st_mtime_ns + 1))
    (tmp_path / "all/3.png").unlink()
    lay(tmp_path, "hem/5.png")
    found = files.compare_with_index(readers.read(tmp_path), rows)
    assert (found.new, found.changed, found.gone, found.again) == (1, 2, 1, 0)
    assert not found.nothing
    assert list(found.unchanged) == ["hem/4.png"]


def test_since__files_a_table_names(tmp_path: Path) -> None:
    lay(tmp_path, "1.png", "2.png")
    (tmp_path / "manifest.csv").write_text("image_id,path\na,1.png\nb,2.png\nc,never.png\n")
    rows = indexed(tmp_path)
    (tmp_path / "2.png").unlink()
    found = files.compare_with_index(readers.read(tmp_path), rows)
    assert (found.new, found.changed, found.gone) == (0, 0, 1)
    assert list(found.unchanged) == ["1.png"]


def test_since__files_that_are_tried_again(tmp_path: Path) -> None:
    rows = indexed(lay(tmp_path, "all/1.png")).assign(mtime_ns=-1)
    found = files.compare_with_index(readers.read(tmp_path), rows)
    assert (found.changed, found.again, found.nothing) == (0, 1, True)


def test_since__folder_that_vanished(tmp_path: Path) -> None:
    root = lay(tmp_path / "set", "all/1.png", "hem/2.png")
    manifest, rows = readers.read(root), indexed(root)
    shutil.rmtree(root)
    assert files.compare_with_index(manifest, rows).gone == 2
