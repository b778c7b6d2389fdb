"""One file from a mirror that breaks off, answers errors, ignores ranges or has other bytes."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from allcore.cnmc import mirror as cnmc_mirror
from allcore.cnmc.mirror import CHUNK, Mirror, MirrorError, ReleaseFile
from tests import mirrors, released
from tests.mirrors import StandIn

PATH = f"{released.FINAL}/1.bmp"
DATA = released.content(PATH)


@pytest.fixture
def standin() -> Iterator[StandIn]:
    with mirrors.serving() as mirror:
        yield mirror


@pytest.fixture
def mirror(standin: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Mirror:
    monkeypatch.setattr(cnmc_mirror, "DELAYS", (0.0, 0.0))
    monkeypatch.setattr(cnmc_mirror, "TIMEOUT", (5, 5))
    return Mirror(standin.url, tmp_path)


def wanted() -> ReleaseFile:
    rows = released.facts().set_index("path")
    return ReleaseFile((PATH,), int(rows.loc[PATH, "size"]), str(rows.loc[PATH, "sha256"]))


def part(folder: Path) -> Path:
    return folder / f"{wanted().sha256}.part"


def test_fetch__whole_file(mirror: Mirror, standin: StandIn) -> None:
    assert mirror.fetch(wanted()).read_bytes() == DATA
    assert standin.asked == {PATH: 1}
    assert standin.starts == []


def test_fetch__goes_on_after_broken_connections(mirror: Mirror, standin: StandIn) -> None:
    standin.break_after[PATH] = (20_000, 2)
    assert mirror.fetch(wanted()).read_bytes() == DATA
    assert standin.starts == [CHUNK, 2 * CHUNK]


def test_fetch__gives_up_but_keeps_the_part_for_the_next_run(
    mirror: Mirror, standin: StandIn, tmp_path: Path
) -> None:
    standin.break_after[PATH] = (CHUNK, 3)
    with pytest.raises(MirrorError, match="broke off"):
        mirror.fetch(wanted())
    assert part(tmp_path).read_bytes() == DATA[: 3 * CHUNK]
    assert mirror.fetch(wanted()).read_bytes() == DATA
    assert standin.starts[-1] == 3 * CHUNK


def test_fetch__whole_part_is_not_asked_for(
    mirror: Mirror, standin: StandIn, tmp_path: Path
) -> None:
    part(tmp_path).write_bytes(DATA)
    assert mirror.fetch(wanted()).read_bytes() == DATA
    assert not standin.asked


def test_fetch__server_that_ignores_ranges(
    mirror: Mirror, standin: StandIn, tmp_path: Path
) -> None:
    standin.ranges = False
    part(tmp_path).write_bytes(DATA[:1000])
    assert mirror.fetch(wanted()).read_bytes() == DATA


def test_fetch__server_that_sends_another_range(
    mirror: Mirror, standin: StandIn, tmp_path: Path
) -> None:
    standin.wrong_start = True
    part(tmp_path).write_bytes(DATA[:1000])
    assert mirror.fetch(wanted()).read_bytes() == DATA
    assert standin.starts == [1000]


@pytest.mark.parametrize("damaged", [b"x" * 1000, b"x" * len(DATA), b"x" * (len(DATA) + 1)])
def test_fetch__damaged_part_is_begun_anew(mirror: Mirror, tmp_path: Path, damaged: bytes) -> None:
    part(tmp_path).write_bytes(damaged)
    assert mirror.fetch(wanted()).read_bytes() == DATA


def test_fetch__range_that_can_not_be_served(
    mirror: Mirror, standin: StandIn, tmp_path: Path
) -> None:
    standin.statuses[PATH] = [416]
    part(tmp_path).write_bytes(DATA[:1000])
    assert mirror.fetch(wanted()).read_bytes() == DATA
    assert standin.starts == []


@pytest.mark.parametrize(
    "served", [b"x" * len(DATA), DATA[:-1] + b"x", DATA + b"x", b"<html>sign in</html>" * 9999]
)
def test_fetch__altered_bytes_never_come_through(
    mirror: Mirror, standin: StandIn, tmp_path: Path, served: bytes
) -> None:
    standin.files[PATH] = served
    with pytest.raises(MirrorError, match="other bytes"):
        mirror.fetch(wanted())
    assert not part(tmp_path).exists() or part(tmp_path).stat().st_size == 0
    assert standin.asked[PATH] == 1


def test_fetch__busy_server_is_asked_again(mirror: Mirror, standin: StandIn) -> None:
    standin.statuses[PATH] = [500, 429]
    assert mirror.fetch(wanted()).read_bytes() == DATA
    assert standin.asked[PATH] == 3


@pytest.mark.parametrize(
    ("status", "says", "times"),
    [(404, "does not have it", 1), (403, "refuses .HTTP 403", 1), (503, "refuses .HTTP 503", 3)],
)
def test_fetch__server_that_will_not(
    mirror: Mirror, standin: StandIn, status: int, says: str, times: int
) -> None:
    standin.statuses[PATH] = status
    with pytest.raises(MirrorError, match=says):
        mirror.fetch(wanted())
    assert standin.asked[PATH] == times


def test_fetch__waits_longer_each_time(
    mirror: Mirror, standin: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[float] = []
    monkeypatch.setattr(mirror.stop, "wait", lambda delay: waited.append(delay))
    monkeypatch.setattr(cnmc_mirror, "DELAYS", (1.0, 2.0, 4.0))
    standin.statuses[PATH] = 500
    with pytest.raises(MirrorError):
        mirror.fetch(wanted())
    assert waited == [1.0, 2.0, 4.0]


def test_fetch__stops_when_told(mirror: Mirror) -> None:
    mirror.stop.set()
    with pytest.raises(MirrorError, match="stopped"):
        mirror.fetch(wanted())


def test_check_connection__nobody_answers(tmp_path: Path) -> None:
    with pytest.raises(MirrorError, match="no connection"):
        Mirror("http://127.0.0.1:9", tmp_path).check_connection(PATH)
    with pytest.raises(MirrorError):
        Mirror("http://", tmp_path).check_connection(PATH)


def test_read_small_file__small_files_only(mirror: Mirror, standin: StandIn) -> None:
    standin.files["labels.csv"] = b"a,b\n"
    assert mirror.read_small_file("labels.csv", max_bytes=4) == b"a,b\n"
    assert mirror.read_small_file("labels.csv", max_bytes=3) is None
    assert mirror.read_small_file("none.csv", max_bytes=9) is None
