import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from allcore.cnmc import release, verification
from allcore.cnmc.verification import VerificationJob
from tests import released
from tests.released import PATHS, TRAIN

FILE = f"{TRAIN}/fold_0/hem/UID_H1_1_1_hem.bmp"


@pytest.fixture(autouse=True)
def small_release(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(release, "read_release", released.facts)


def test_check__whole_release(tmp_path: Path) -> None:
    check = VerificationJob(released.lay(tmp_path), {})
    check.join(60)
    assert (check.problem, check.cancelled) == (None, False)
    assert check.result is not None
    assert check.result.problem is None
    assert check.done == check.total > 0


def test_check__known_digests_are_not_read(tmp_path: Path) -> None:
    released.lay(tmp_path)
    known = released.facts().set_index("path")["sha256"].to_dict()
    (tmp_path / FILE).write_bytes(b"x" * 900)  # unseen, for its digest is known
    found = verification.verify(tmp_path, known=known, progress=lambda *_: pytest.fail("read"))
    assert found.problem is None
    assert verification.verify(tmp_path, known={FILE: "0" * 64}).paths("altered") == [FILE]
    gone = known | {"gone.bmp": known[FILE]}
    (tmp_path / FILE).unlink()
    assert verification.verify(tmp_path, known=gone).paths("missing") == [FILE]


def test_check__cancelled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    released.lay(tmp_path)
    told, go, compute = (
        threading.Event(),
        threading.Event(),
        verification.file_digests.compute_digests,
    )

    def held(*given: object, progress: Callable[[int, int], object], **named: object) -> object:
        def slow(done: int, total: int) -> None:
            progress(done, total)
            told.set()
            assert go.wait(60)

        return compute(*given, progress=slow, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(verification.file_digests, "compute_digests", held)
    check = VerificationJob(tmp_path, {})
    assert told.wait(60)
    assert check.is_alive()
    assert 0 < check.done < check.total
    assert check.seconds_left is not None
    check.cancel()
    go.set()
    check.join(60)
    assert check.result is None
    assert "was cancelled" in str(check.problem)


def test_check__folder_that_is_gone(tmp_path: Path) -> None:
    check = VerificationJob(tmp_path / "gone", {})
    check.join(60)
    assert "There is no folder" in str(check.problem)


def test_check__what_nobody_foresaw(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*given: object, **named: object) -> None:
        raise RuntimeError(PATHS[0])

    monkeypatch.setattr(verification, "verify", fail)
    check = VerificationJob(tmp_path, {})
    check.join(60)
    assert check.problem == verification.FAILED
