"""What an experiment found, as one JSON file keeps it; imports no torch, for pages."""

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from allcore.errors import ModelError
from allcore.evaluation.comparison import Figure

NAMES = ("cues", "interventions", "recipe", "stages", "head", "subjects", "subjects-features")
"""Every experiment, in the order of the log."""
AIMS = {"auroc": 0.96, "weighted_f1": 0.92}
"""What is aimed at on unseen subjects."""


@dataclass(frozen=True)
class Row:
    """One thing that was varied.

    Attributes:
        name: what was varied, as people read it.
        figures: by the names of ``Record.titles``; one that does not apply is missing.
        cells: that the figures rest on.
        subjects: independent subjects they come from.
        group: what the row belongs to where there are several, such as a model.
        prediction: what was expected of this very row, if anything.
    """

    name: str
    figures: dict[str, Figure]
    cells: int
    subjects: int
    group: str = ""
    prediction: str = ""


@dataclass(frozen=True)
class Record:
    """One experiment.

    Attributes:
        name: key in ``NAMES``; the file's name.
        title: as a heading.
        question: that it answers, one sentence.
        why: what hangs on the answer.
        prediction: written before the run.
        command: the command line that ran it.
        data: name of the data set.
        data_digest: SHA-256 of its manifest.
        device: that computed it.
        titles: column title of each figure, in the order of the table.
        rows: what was varied.
        finding: sentences computed from the rows.
        notes: how the figures came about, and what they can't say.
    """

    name: str
    title: str
    question: str
    why: str
    prediction: str
    command: str
    data: str
    data_digest: str
    device: str
    titles: dict[str, str]
    rows: tuple[Row, ...]
    finding: str
    notes: tuple[str, ...] = ()

    def row(self, name: str, group: str = "") -> Row | None:
        """The row of a name, if there is one."""
        found = (row for row in self.rows if (row.name, row.group) == (name, group))
        return next(found, None)


def unknown(value: float) -> Figure:
    """A figure for which no interval can be given."""
    return Figure(value, float("nan"), float("nan"))


def path(folder: Path, name: str) -> Path:
    """The file of an experiment."""
    return folder / f"{name}.json"


def write(folder: Path, record: Record) -> None:
    """Write one experiment, whole or not at all; the same results give the same bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(_plain(asdict(record)), indent=1, ensure_ascii=False)
    part = folder / f"{record.name}.json.part"
    part.write_text(text + "\n", encoding="utf-8")
    part.replace(path(folder, record.name))


def read(folder: Path, name: str) -> Record:
    """One experiment.

    Raises:
        ModelError: it was not run yet, or its file is damaged.
    """
    try:
        fields = json.loads(path(folder, name).read_text(encoding="utf-8"))
        return Record(
            **fields | {"rows": tuple(_row(row) for row in fields["rows"])}
            | {"notes": tuple(fields["notes"])}
        )  # fmt: skip
    except FileNotFoundError:
        raise ModelError(
            f"The experiment '{name}' was not run yet: 'python -m allcore experiment {name}'."
        ) from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(
            f"{path(folder, name)} can't be read ({type(error).__name__}): restore it, or run "
            f"'python -m allcore experiment {name}' again."
        ) from error


def read_all(folder: Path) -> list[Record]:
    """Every experiment that was run, in the order of ``NAMES``.

    Raises:
        ModelError: a file is damaged.
    """
    return [read(folder, name) for name in NAMES if path(folder, name).is_file()]


def verdict(parts: Sequence[tuple[str, bool]]) -> str:
    """Sentences that say plainly which parts of a prediction held."""
    kept = sum(held for _, held in parts)
    if kept == len(parts):
        head = "The prediction held."
    elif kept == 0:
        head = "The prediction did not hold."
    else:
        head = f"The prediction held in {kept} of {len(parts)} parts."
    return " ".join([head, *(f"{'Held' if held else 'Not held'}: {text}." for text, held in parts)])


def _row(entry: dict[str, Any]) -> Row:
    figures = {
        name: Figure(**{end: _number(value[end]) for end in ("value", "low", "high")})
        for name, value in entry["figures"].items()
    }
    return Row(**entry | {"figures": figures})


def _number(value: float | None) -> float:
    return float("nan") if value is None else float(value)


def _plain(value: Any) -> Any:
    """JSON's own types: six significant digits, null for NaN and for what never ends."""
    if isinstance(value, dict):
        return {key: _plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    if isinstance(value, float):
        return float(f"{value:.6g}") if math.isfinite(value) else None
    return value
