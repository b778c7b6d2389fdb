from collections.abc import Iterator
from pathlib import Path

import pytest

from allcore.errors import AllScopeError
from allcore.inference import answer_journal
from allcore.inference.results import PredictedRow


def row(digest: str, *, threshold: float = 0.5) -> PredictedRow:
    return PredictedRow(
        f"{digest}.bmp", digest, "all", 0.75, threshold, "", "tiny", "weights", "fp32"
    )


def test_read__rows_of_a_killed_run_without_a_line_that_was_cut_off(tmp_path: Path) -> None:
    out = tmp_path / "p.csv"
    rows = [row("a"), row("b"), row("c", threshold=0.4), row("")]
    assert list(answer_journal.record(rows, out)) == rows
    with answer_journal.journal_path(out).open("a") as file:
        file.write('{"path": "d.b')
    assert answer_journal.read(out, model_sha256="weights", threshold=0.5) == {
        "a": row("a"),
        "b": row("b"),
    }
    assert not answer_journal.read(out, model_sha256="other", threshold=0.5)
    answer_journal.remove(out)
    assert not answer_journal.read(out, model_sha256="weights", threshold=0.5)


def test_record__a_row_is_in_the_journal_before_it_is_given(tmp_path: Path) -> None:
    out = tmp_path / "p.csv"
    stream = answer_journal.record(iter([row("a"), row("b")]), out)
    assert next(stream) == row("a")
    assert set(answer_journal.read(out, model_sha256="weights", threshold=0.5)) == {"a"}
    stream.close()  # type: ignore[attr-defined]


def test_record__a_resumed_run_that_is_killed_keeps_the_rows_of_the_first(tmp_path: Path) -> None:
    out = tmp_path / "p.csv"
    assert list(answer_journal.record([row("a"), row("b")], out)) == [row("a"), row("b")]
    kept = answer_journal.read(out, model_sha256="weights", threshold=0.5)
    resumed = answer_journal.record(iter([row("c")]), out, kept=kept.values())
    assert next(resumed) == row("c")
    resumed.close()  # type: ignore[attr-defined]
    rows = answer_journal.read(out, model_sha256="weights", threshold=0.5)
    assert set(rows) == {"a", "b", "c"}


def test_record__a_run_that_fails_at_once_changes_no_journal(tmp_path: Path) -> None:
    def failing() -> Iterator[PredictedRow]:
        raise AllScopeError("no such device")
        yield row("a")

    out = tmp_path / "p.csv"
    for there in (False, True):
        with pytest.raises(AllScopeError, match="no such device"):
            list(answer_journal.record(failing(), out))
        assert answer_journal.journal_path(out).exists() == there
        if not there:
            assert list(answer_journal.record([row("b")], out)) == [row("b")]
    assert set(answer_journal.read(out, model_sha256="weights", threshold=0.5)) == {"b"}
