"""A folder beside the release: what is there, moved, altered, missing and foreign."""

import time
from pathlib import Path

import pytest

from allcore.cnmc import release, verification
from allcore.cnmc.verification import Verification
from allcore.data import file_digests
from allcore.errors import DataError
from tests import released
from tests.released import FINAL, PATHS, PRELIMINARY, TRAIN, TWINS

H1 = f"{TRAIN}/fold_0/hem/UID_H1_1_1_hem.bmp"
H1_OTHER = f"{TRAIN}/fold_0/hem/UID_H1_2_1_hem.bmp"


def check(root: Path) -> Verification:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(release, "read_release", released.facts)
        return verification.verify(root)


def states(found: Verification) -> dict[str, tuple[str, str | None]]:
    """State and file of each row that is not in place."""
    rows = found.rows
    rows = rows[rows["state"] != "in_place"]
    return {row.path: (row.state, row.found) for row in rows.itertuples()}


def test_verify__whole_release(tmp_path: Path) -> None:
    found = check(released.lay(tmp_path))
    assert states(found) == {}
    assert found.problem is None
    counts = found.counts()
    assert counts[["split", "fold", "files", "in_place"]].values.tolist() == [
        ["train", "fold_0", 3, 3],
        ["train", "fold_1", 2, 2],
        ["train", "fold_2", 1, 1],
        ["prelim", "", 2, 2],
        ["final", "", 2, 2],
    ]
    assert counts[["moved", "altered", "missing"]].sum().sum() == 0


def test_verify__whole_release_below_other_folders(tmp_path: Path) -> None:
    released.lay(tmp_path / "deep" / "C-NMC_Leukemia")
    found = check(tmp_path)
    assert found.base == "deep/C-NMC_Leukemia/"
    assert states(found) == {}


def test_verify__missing_and_altered(tmp_path: Path) -> None:
    released.lay(tmp_path, without=(H1, f"{FINAL}/2.bmp"))
    same_size = b"x" * 900
    released.put(tmp_path / H1_OTHER, same_size)
    released.put(tmp_path / f"{PRELIMINARY}/1.bmp", b"short")
    found = check(tmp_path)
    assert states(found) == {
        H1: ("missing", None),
        f"{FINAL}/2.bmp": ("missing", None),
        H1_OTHER: ("altered", H1_OTHER),
        f"{PRELIMINARY}/1.bmp": ("altered", f"{PRELIMINARY}/1.bmp"),
    }
    assert found.problem is not None
    assert "Of the 10 files of C-NMC 2019, 2 missing and 2 altered in" in found.problem
    assert "\n" not in found.problem
    assert found.counts()["missing"].tolist() == [1, 0, 0, 0, 1]


def test_verify__other_sizes_are_told_without_reading(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    released.lay(tmp_path)
    released.put(tmp_path / H1, b"x" * 901)
    released.put(tmp_path / "mine.bmp", b"x" * 30)
    hashed = []
    of_file = file_digests.file_digest
    monkeypatch.setattr(
        file_digests, "file_digest", lambda path: hashed.append(path.name) or of_file(path)
    )
    found = check(tmp_path)
    assert states(found) == {H1: ("altered", H1)}
    assert found.foreign == ("mine.bmp",)
    assert sorted(hashed) == sorted(Path(path).name for path in PATHS if path != H1)


def test_verify__moved_files_are_known_by_their_bytes(tmp_path: Path) -> None:
    released.lay(tmp_path, without=(H1, f"{FINAL}/2.bmp"))
    released.put(tmp_path / "elsewhere" / Path(H1).name, released.content(H1))
    released.put(tmp_path / "renamed", released.content(f"{FINAL}/2.bmp"))
    found = check(tmp_path)
    assert states(found) == {
        H1: ("moved", f"elsewhere/{Path(H1).name}"),
        f"{FINAL}/2.bmp": ("moved", "renamed"),
    }
    assert found.problem is None


def test_verify__two_files_swapped_are_both_there(tmp_path: Path) -> None:
    released.lay(tmp_path)
    released.put(tmp_path / H1, released.content(H1_OTHER))
    released.put(tmp_path / H1_OTHER, released.content(H1))
    assert states(check(tmp_path)) == {H1: ("moved", H1_OTHER), H1_OTHER: ("moved", H1)}


def test_verify__overwritten_by_another_cell(tmp_path: Path) -> None:
    released.lay(tmp_path)
    released.put(tmp_path / H1, released.content(H1_OTHER))
    found = check(tmp_path)
    assert states(found) == {H1: ("altered", H1)}
    assert found.copies == (H1,)


def test_verify__a_twin_does_not_stand_for_both(tmp_path: Path) -> None:
    released.lay(tmp_path, without=(TWINS[1],))
    assert states(check(tmp_path)) == {TWINS[1]: ("missing", None)}
    released.put(tmp_path / "other.bmp", released.content(TWINS[0]))
    assert states(check(tmp_path)) == {TWINS[1]: ("moved", "other.bmp")}
    released.put(tmp_path / "third.bmp", released.content(TWINS[0]))
    assert check(tmp_path).copies == ("third.bmp",)


def test_verify__foreign_pictures_and_other_files(tmp_path: Path) -> None:
    released.lay(tmp_path)
    released.put(tmp_path / TRAIN / "fold_0" / "all" / "UID_99_1_1_all.bmp", b"y" * 900)
    released.put(tmp_path / "5.png", b"y")
    released.put(tmp_path / release.LABELS_TABLE, b"a table")
    released.put(tmp_path / ".DS_Store", b"")
    found = check(tmp_path)
    assert found.foreign == ("5.png", f"{TRAIN}/fold_0/all/UID_99_1_1_all.bmp")
    assert found.other_files == 2
    assert found.problem is None


def test_verify__converted_pictures_are_no_originals(tmp_path: Path) -> None:
    for path in PATHS:
        released.put(tmp_path / Path(path).with_suffix(".jpg"), b"jpeg")
    found = check(tmp_path)
    assert len(found.converted) == 10
    assert found.foreign == ()
    assert found.problem is not None
    assert "10 pictures are named as in the release but are .jpg files" in found.problem
    assert "no originals" in found.problem


def test_verify__test_images_are_told_by_their_folder(tmp_path: Path) -> None:
    final = Path(FINAL).name
    released.put(tmp_path / final / "1.bmp", b"z" * 1000)
    released.put(tmp_path / "numbered" / "2.bmp", b"z" * 1000)
    found = check(tmp_path)
    assert {path: row for path, row in states(found).items() if row[0] != "missing"} == {
        f"{FINAL}/1.bmp": ("altered", f"{final}/1.bmp")
    }
    assert found.foreign == ("numbered/2.bmp",)


def test_verify__links_out_are_reported_and_their_row_is_missing(tmp_path: Path) -> None:
    root = released.lay(tmp_path / "root", without=(H1,))
    (root / H1).symlink_to(released.put(tmp_path / "out.bmp", released.content(H1)))
    found = check(root)
    assert states(found) == {H1: ("missing", None)}
    assert [each.path for each in found.refused] == [H1]


def test_verify__empty_folder(tmp_path: Path) -> None:
    problem = check(tmp_path).problem
    assert problem is not None
    assert problem.startswith("None of the 10 files")


def test_verify__folder_that_vanishes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = released.lay(tmp_path / "set")
    walk = file_digests.list_files

    def walk_then_unmount(path: Path) -> file_digests.FileListing:
        listing = walk(path)
        root.rename(tmp_path / "unmounted")
        return listing

    monkeypatch.setattr(file_digests, "list_files", walk_then_unmount)
    with pytest.raises(DataError, match="vanished"):
        check(root)


def test_match_files__all_files_of_the_real_release_within_a_second() -> None:
    facts = release.read_release()
    paths = [f"C-NMC_Leukemia/{path}" for path in facts["path"]]
    by_path = dict(zip(paths, facts["sha256"], strict=True))
    start = time.perf_counter()
    found = verification.match_files(facts, paths, by_path, root=Path(), refused=())
    assert time.perf_counter() - start < 1
    assert found.base == "C-NMC_Leukemia/"
    assert set(found.rows["state"]) == {"in_place"}
    assert found.copies == found.foreign == ()


def test_verify__real_cells(cnmc_root: Path) -> None:
    found = verification.verify(cnmc_root)
    originals = len(list((cnmc_root / "bmp").glob("*.bmp")))
    assert found.counts()["moved"].sum() == originals
    assert found.paths("altered") == []
    assert len(found.converted) == 7456
    assert found.foreign == ()
