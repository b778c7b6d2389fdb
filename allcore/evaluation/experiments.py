"""Results of the experiments on the cues and training of networks.

`allcore.research.experiments` computes them; `allcore.reports.json_files` reads and writes them.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from allcore.evaluation.intervals import Interval

NAMES = (
    "cues",
    "interventions",
    "finetuning",
    "runs",
    "recipe",
    "stages",
    "head",
    "subjects",
    "subjects-features",
)
"""Every experiment, in the order of the log."""
AIMS = {"auroc": 0.96, "weighted_f1": 0.92}
"""Target values of the metrics on unseen subjects."""


@dataclass(frozen=True)
class ExperimentRow:
    """Results of one variant of an experiment."""

    name: str  # the variant, as a label for readers
    # estimates by the keys of ``ExperimentRecord.titles``; one that does not apply is missing
    figures: dict[str, Interval]
    cells: int  # number of cells of the estimates
    subjects: int  # number of their independent subjects
    group: str = ""  # group of the row, such as a model, where there are several
    prediction: str = ""  # expected result of this row, if any


@dataclass(frozen=True)
class ExperimentRecord:
    """Results of one experiment."""

    name: str  # key in ``NAMES`` and name of the file
    title: str
    question: str  # question of the experiment, one sentence
    why: str  # relevance of the question
    prediction: str  # prediction written before the run
    command: str  # command line of the run
    data: str  # name of the data set
    data_digest: str  # SHA-256 of its manifest
    device: str  # device of the run
    titles: dict[str, str]  # column title of each estimate, in the order of the table
    rows: tuple[ExperimentRow, ...]  # results of the variants
    finding: str  # sentences computed from the rows
    notes: tuple[str, ...] = ()  # method and limitations of the estimates

    def row(self, name: str, group: str = "") -> ExperimentRow | None:
        """Return the row of a name and group, or None."""
        return next((row for row in self.rows if (row.name, row.group) == (name, group)), None)


def prediction_verdict(parts: Sequence[tuple[str, bool]]) -> str:
    """Verdict sentences: the parts of a prediction that held and those that did not."""
    count = sum(held for _, held in parts)
    if count == len(parts):
        head = "The prediction held."
    elif count == 0:
        head = "The prediction did not hold."
    else:
        head = f"The prediction held in {count} of {len(parts)} parts."
    return " ".join([head, *(f"{'Held' if held else 'Not held'}: {text}." for text, held in parts)])


def split_finding(finding: str) -> tuple[str, tuple[str, ...]]:
    """Split a finding into its sentences on the results, and the verdicts on the prediction.

    >>> split_finding("A is best. The prediction held in 1 of 2 parts. Held: b. Not held: c.")
    ('A is best.', ('The prediction held in 1 of 2 parts.', 'Held: b.', 'Not held: c.'))
    """
    results, start, verdict = finding.partition("The prediction ")
    parts = re.split(r" (?=(?:Held|Not held): )", start + verdict)
    return results.strip(), tuple(part for part in parts if part)
