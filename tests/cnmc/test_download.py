"""Files come whole or not at all, and nothing that is right is asked for twice."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests
from filelock import FileLock

from allcore.cnmc import download, kaggle, mirror, release
from allcore.cnmc.download import DownloadResult
from allcore.data import file_digests
from allcore.data.file_digests import WORK_FOLDER
from allcore.errors import DataError
from tests import mirrors, released
from tests.mirrors import StandIn
from tests.released import FINAL, PATHS, PRELIMINARY, TRAIN, TWINS

LABELS = b"Patient_ID,new_names,labels\nUID_57_29_1_all.bmp,1.bmp,1\n"


@pytest.fixture(autouse=True)
def small_release(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(release, "read_release", released.facts)
    monkeypatch.setattr(mirror, "DELAYS", (0.0, 0.0))


@pytest.fixture
def standin() -> Iterator[StandIn]:
    with mirrors.serving() as server:
        yield server


def bring(
    folder: Path, source: str | None, *, progress: Callable[[str, int, int], object] | None = None
) -> DownloadResult:
    return download.fetch(folder, source, progress=progress)


def assert_whole(folder: Path, base: str = "") -> None:
    """Every file is in its place with its bytes, and nothing else is left."""
    files = {file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file()}
    files.discard(base + release.LABELS_TABLE)
    assert files == {base + path for path in PATHS}
    assert all((folder / base / path).read_bytes() == released.content(path) for path in PATHS)


def test_fetch__new_folder_from_a_mirror(tmp_path: Path, standin: StandIn) -> None:
    standin.files[release.LABELS_TABLE] = LABELS
    steps: list[tuple[str, int, int]] = []
    found = download.fetch(
        tmp_path / "new" / "set",
        f"{standin.url}/",
        progress=lambda *step: steps.append(step),
    )
    assert_whole(tmp_path / "new" / "set")
    assert (found.placed, found.failures, found.has_labels) == (10, (), True)
    assert found.verification.problem is None
    assert (tmp_path / "new" / "set" / release.LABELS_TABLE).read_bytes() == LABELS
    total = sum(len(released.content(path)) for path in PATHS)
    fetching = [step for step in steps if step[0] == "Fetching"]
    assert fetching[-1] == ("Fetching", total, total)
    assert steps[-1] == ("Checking again", total, total)


def test_fetch__same_bytes_are_asked_for_once(tmp_path: Path, standin: StandIn) -> None:
    bring(tmp_path, standin.url)
    assert sum(standin.asked[path] for path in TWINS) == 1


def test_fetch__asks_only_for_what_is_not_right(tmp_path: Path, standin: StandIn) -> None:
    missing, altered = f"{FINAL}/2.bmp", f"{PRELIMINARY}/1.bmp"
    released.lay(tmp_path, without=(missing,))
    (tmp_path / altered).write_bytes(b"x" * 1000)
    kept = (tmp_path / f"{FINAL}/1.bmp").stat().st_mtime_ns
    assert bring(tmp_path, standin.url).placed == 2
    assert_whole(tmp_path)
    assert set(standin.asked) == {missing, altered, release.LABELS_TABLE}
    assert (tmp_path / f"{FINAL}/1.bmp").stat().st_mtime_ns == kept
    standin.asked.clear()
    assert bring(tmp_path, standin.url).placed == 0
    assert not standin.asked


def test_fetch__into_the_folder_that_holds_a_part(tmp_path: Path, standin: StandIn) -> None:
    base = "C-NMC_Leukemia/"
    released.lay(tmp_path / base, without=PATHS[3:])
    bring(tmp_path, standin.url)
    assert_whole(tmp_path, base)


def test_fetch__mirror_that_lacks_alters_and_breaks(tmp_path: Path, standin: StandIn) -> None:
    lacking, altered, broken = f"{FINAL}/1.bmp", f"{PRELIMINARY}/2.bmp", f"{FINAL}/2.bmp"
    standin.statuses[lacking] = 404
    standin.files[altered] = b"y" * 1000
    standin.break_after[broken] = (mirror.CHUNK, 9)
    found = bring(tmp_path, standin.url)
    assert found.placed == 7
    reasons = {each.path: each.reason for each in found.failures}
    assert set(reasons) == {lacking, altered, broken}
    assert "404" in reasons[lacking]
    assert "other bytes" in reasons[altered]
    assert found.verification.paths("missing") == sorted([lacking, altered, broken])
    assert not (tmp_path / altered).exists()
    # The next run, with a mirror in order, goes on in the middle of the broken file.
    standin.statuses.clear()
    standin.break_after.clear()
    standin.starts.clear()
    standin.files[altered] = released.content(altered)
    assert bring(tmp_path, standin.url).placed == 3
    assert standin.starts == [3 * mirror.CHUNK]
    assert_whole(tmp_path)


def test_fetch__wrong_address_ends_soon(
    tmp_path: Path, standin: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mirror, "MAX_FAILURES", 3)
    monkeypatch.setattr(mirror, "WORKERS", 1)
    found = bring(tmp_path, f"{standin.url}/nowhere")
    assert found.placed == 0
    assert len(found.failures) < len(PATHS)
    assert "404" in found.failures[0].reason


def test_fetch__no_connection_says_what_to_do_by_hand(tmp_path: Path) -> None:
    with pytest.raises(DataError) as raised:
        bring(tmp_path, "http://127.0.0.1:9")
    said = str(raised.value)
    assert release.DOI in said
    assert f"unpack it into {tmp_path}" in said
    assert "data verify" in said
    assert "\n" not in said


def test_fetch__address_of_another_kind(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="begins with http"):
        bring(tmp_path, "ftp://127.0.0.1/cnmc")


def test_fetch__table_that_is_no_labels_is_left(tmp_path: Path, standin: StandIn) -> None:
    standin.files[release.LABELS_TABLE] = b"<html>sign in</html>"
    assert not bring(tmp_path, standin.url).has_labels
    assert_whole(tmp_path)


def test_fetch__interrupt_keeps_what_is_whole(
    tmp_path: Path, standin: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mirror, "WORKERS", 1)

    def interrupted(*_: object) -> None:
        if len(list(tmp_path.rglob("*.bmp"))) >= 3:
            raise KeyboardInterrupt

    with pytest.raises(DataError, match=r"Stopped.*another run goes on"):
        bring(tmp_path, standin.url, progress=interrupted)
    whole = [file for file in tmp_path.rglob("*.bmp") if WORK_FOLDER not in file.parts]
    names = {file.relative_to(tmp_path).as_posix(): file.read_bytes() for file in whole}
    assert len(names) >= 3
    assert all(data == released.content(path) for path, data in names.items())
    assert bring(tmp_path, standin.url).placed == len(PATHS) - len(names)
    assert_whole(tmp_path)


def test_fetch__too_little_room(
    tmp_path: Path, standin: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(tmp_path)._replace(free=100_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with pytest.raises(DataError, match="make room"):
        bring(tmp_path, standin.url)
    assert not standin.asked


def test_fetch__folder_that_can_not_be_made(tmp_path: Path, standin: StandIn) -> None:
    released.put(tmp_path / "file", b"")
    with pytest.raises(DataError, match="can't be written"):
        bring(tmp_path / "file", standin.url)
    (tmp_path / "set" / f"{FINAL}/1.bmp").mkdir(parents=True)
    with pytest.raises(DataError, match="can't be written"):
        bring(tmp_path / "set", standin.url)


def test_fetch__never_writes_through_a_link(tmp_path: Path, standin: StandIn) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / TRAIN).symlink_to(outside)
    with pytest.raises(DataError, match="remove the link"):
        bring(tmp_path / "set", standin.url)
    assert list(outside.iterdir()) == []


def test_fetch__one_run_at_a_time(tmp_path: Path, standin: StandIn) -> None:
    (tmp_path / WORK_FOLDER).mkdir()
    with (
        FileLock(tmp_path / WORK_FOLDER / "lock"),
        pytest.raises(DataError, match="Another run"),
    ):
        bring(tmp_path, standin.url)


def test_fetch__from_a_folder_of_other_names(tmp_path: Path) -> None:
    source = tmp_path / "unpacked"
    for number, path in enumerate(PATHS):
        released.put(source / f"{number}.bin", released.content(path))
    released.put(source / "tables" / Path(release.LABELS_TABLE).name, LABELS)
    found = bring(tmp_path / "set", str(source))
    assert (found.placed, found.has_labels) == (10, True)
    assert_whole(tmp_path / "set")
    assert len(list(source.glob("*.bin"))) == 10


def test_fetch__from_a_folder_that_lacks_some(tmp_path: Path) -> None:
    lacking = [path for path in PATHS if not path.startswith(TRAIN) or path == TWINS[1]]
    released.lay(tmp_path / "some", without=tuple(lacking))
    found = bring(tmp_path / "set", str(tmp_path / "some"))
    # One twin's bytes are the other's.
    assert found.placed == 6
    assert found.verification.paths("missing") == [path for path in lacking if path != TWINS[1]]
    with pytest.raises(DataError, match="to take files from"):
        bring(tmp_path / "set", str(tmp_path / "none"))


class Kagglehub:
    """In place of the one call of kagglehub: unpacks a folder into its cache."""

    def __init__(self, source: Path) -> None:
        self.source = source
        self.calls = 0
        self.fails: list[Exception] = []

    def __call__(self) -> str:
        self.calls += 1
        cache = Path(os.environ["KAGGLEHUB_CACHE"])
        if self.fails:
            released.put(cache / "1.archive", b"half")
            raise self.fails.pop(0)
        unpacked = cache / "datasets" / "versions" / "2"
        shutil.copytree(self.source, unpacked / "C-NMC_Leukemia", dirs_exist_ok=True)
        return str(unpacked)


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Kagglehub:
    source = released.lay(tmp_path / "kaggle")
    released.put(source / release.LABELS_TABLE, LABELS)
    hub = Kagglehub(source)
    monkeypatch.setattr(kaggle, "_dataset_download", hub)
    monkeypatch.delenv("KAGGLEHUB_CACHE", raising=False)
    return hub


def test_fetch__from_kaggle(tmp_path: Path, hub: Kagglehub) -> None:
    found = bring(tmp_path / "set", None)
    assert (found.placed, found.has_labels) == (10, True)
    assert_whole(tmp_path / "set")
    assert "KAGGLEHUB_CACHE" not in os.environ
    assert bring(tmp_path / "set", None).placed == 0
    assert hub.calls == 1


def test_fetch__kaggle_breaks_off_and_is_asked_again(tmp_path: Path, hub: Kagglehub) -> None:
    hub.fails = [requests.exceptions.ChunkedEncodingError(), requests.ConnectionError()]
    assert bring(tmp_path / "set", None).placed == 10
    assert hub.calls == 3


def test_fetch__kaggle_files_that_were_altered_are_not_taken(
    tmp_path: Path, hub: Kagglehub
) -> None:
    released.put(hub.source / PATHS[0], b"z" * len(released.content(PATHS[0])))
    found = bring(tmp_path / "set", None)
    assert found.placed == 9
    assert found.verification.paths("missing") == [PATHS[0]]


def test_fetch__kaggle_without_a_network(
    tmp_path: Path, hub: Kagglehub, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreachable() -> str:
        hub.calls += 1
        raise requests.ConnectionError

    monkeypatch.setattr(kaggle, "_dataset_download", unreachable)
    with pytest.raises(DataError, match=f"no connection to Kaggle: download .*{release.DOI}"):
        bring(tmp_path / "set", None)
    assert hub.calls == 1


@pytest.mark.parametrize(
    ("error", "says", "kept"),
    [
        (requests.HTTPError("403 Client Error"), "Kaggle refuses", True),
        (ValueError("Unsupported archive type."), "Unsupported archive type. run", False),
        (OSError(28, "No space left on device"), "No space left on device", True),
    ],
)
def test_fetch__kaggle_fails(
    tmp_path: Path, hub: Kagglehub, error: Exception, says: str, kept: bool
) -> None:
    hub.fails = [error]
    with pytest.raises(DataError) as raised:
        bring(tmp_path / "set", None)
    assert says.replace(". run", "): run") in str(raised.value)
    archive = tmp_path / "set" / WORK_FOLDER / "kaggle" / "1.archive"
    assert archive.exists() == kept
    assert file_digests.list_files(tmp_path / "set").paths == ()


def test_dataset_download__is_kagglehubs(monkeypatch: pytest.MonkeyPatch) -> None:
    import kagglehub

    asked: list[str] = []
    monkeypatch.setattr(
        kagglehub, "dataset_download", lambda handle: asked.append(handle) or "folder"
    )
    assert kaggle._dataset_download() == "folder"
    assert asked == ["andrewmvd/leukemia-classification"]
