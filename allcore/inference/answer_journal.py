"""Journal of a run's rows beside its output file, from which a later run resumes."""

import json
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from pathlib import Path

from allcore.errors import AllScopeError
from allcore.inference.results import PredictedRow


def journal_path(out: Path) -> Path:
    """Return the journal of an output file: hidden, as a folder may be predicted that holds it."""
    return out.with_name(f".{out.name}.partial")


def read(out: Path, *, model_sha256: str, threshold: float) -> dict[str, PredictedRow]:
    """Return the rows of a run that did not reach its end, by the SHA-256 of the picture.

    A last line that was cut off is left out, as are rows of another model or threshold and of
    pictures that could not be read.
    """
    rows: dict[str, PredictedRow] = {}
    path = journal_path(out)
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
        try:
            row = PredictedRow(**json.loads(line))
        except (ValueError, TypeError):
            continue
        if row.sha256 and (row.model_sha256, row.threshold) == (model_sha256, threshold):
            rows[row.sha256] = row
    return rows


def record(
    rows: Iterable[PredictedRow], out: Path, *, kept: Iterable[PredictedRow] = ()
) -> Iterator[PredictedRow]:
    """Yield rows, each after it is in a new journal, which is removed by ``remove``.

    Args:
        rows: as they are predicted.
        out: the output file.
        kept: rows of an earlier run, which the new journal begins with: it may be killed as well.

    Raises:
        AllScopeError: the journal can't be written.
    """
    path = journal_path(out)
    try:
        # A run that ends before its first row leaves no journal, or that of before.
        first = list(islice(rows := iter(rows), 1))
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w", encoding="utf-8") as file:
            file.writelines(map(_line, kept))
            file.flush()
            for row in chain(first, rows):
                file.write(_line(row))
                file.flush()
                yield row
    except OSError as error:
        raise AllScopeError(
            f"{path} can't be written ({error.strerror}): make room, or choose another place by "
            "--out; --resume takes up the rows that it holds."
        ) from error


def remove(out: Path) -> None:
    """Remove the journal of a run that is done."""
    journal_path(out).unlink(missing_ok=True)


def _line(row: PredictedRow) -> str:
    return json.dumps(row.to_dict(), ensure_ascii=False) + "\n"
