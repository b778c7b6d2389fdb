"""Results of the experiments on what networks learn, as `allcore.research.experiments` finds them.

`allcore.reports.json_files` reads and writes them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from allcore.evaluation.intervals import Interval

NAMES = ("cues", "interventions", "recipe", "stages", "head", "subjects", "subjects-features")
"""Every experiment, in the order of the log."""
AIMS = {"auroc": 0.96, "weighted_f1": 0.92}
"""What is aimed at on unseen subjects."""


@dataclass(frozen=True)
class ExperimentRow:
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
    figures: dict[str, Interval]
    cells: int
    subjects: int
    group: str = ""
    prediction: str = ""


@dataclass(frozen=True)
class ExperimentRecord:
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
    rows: tuple[ExperimentRow, ...]
    finding: str
    notes: tuple[str, ...] = ()

    def row(self, name: str, group: str = "") -> ExperimentRow | None:
        """The row of a name, if there is one."""
        return next((row for row in self.rows if (row.name, row.group) == (name, group)), None)


def prediction_verdict(parts: Sequence[tuple[str, bool]]) -> str:
    """Sentences that say plainly which parts of a prediction held."""
    count = sum(held for _, held in parts)
    if count == len(parts):
        head = "The prediction held."
    elif count == 0:
        head = "The prediction did not hold."
    else:
        head = f"The prediction held in {count} of {len(parts)} parts."
    return " ".join([head, *(f"{'Held' if held else 'Not held'}: {text}." for text, held in parts)])
