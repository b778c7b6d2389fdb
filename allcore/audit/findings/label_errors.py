"""Check for label errors by confident learning (Northcutt et al., 2021)."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from allcore.audit.findings import label_folds, quality
from allcore.audit.findings.audit_inputs import AuditInputs
from allcore.audit.findings.finding import Check, Finding
from allcore.audit.findings.label_folds import LabelledCells
from allcore.evaluation import label_errors

KIND = "probable_label_error"
MIN_AUROC = 0.65
"""Least AUROC of a model that serves to check labels."""
MIN_DEVIATION = 2.9
"""Robust deviations by which a cell's log-odds must differ from the median of its label.

Where the classes overlap, confident learning flags the overlap, that is, atypical cells: over a
hundred of the 600 cells of a synthetic set with 18 wrong labels. This bound excludes the usual
spread of a label.
"""


def find_wrong_labels(inputs: AuditInputs) -> Iterator[Finding]:
    """Yield at most one finding of labels that contradict a model of other subjects.

    The least credible label comes first. Where the probabilities hardly separate the classes, flags
    are chance; the finding says so and lists no image.
    """
    cells = LabelledCells.of(inputs)
    if cells is None:
        return
    probabilities, source = label_folds.out_of_fold_probabilities(inputs, cells)
    auroc = label_folds.subject_auroc(cells, probabilities)
    detail = {"source": source, "judged_on": cells.judged_on, **label_folds.auroc_detail(auroc)}
    if not auroc.value >= MIN_AUROC:
        yield Finding(
            KIND,
            "low",
            (),
            "Whether labels are wrong can't be told here, for nothing at hand tells the classes "
            f"apart on {cells.judged_on} (AUROC {auroc.value:.2f}).",
            "Train a model on this data set, or have a sample of cells labelled twice.",
            detail,
        )
        return
    rows = _flagged_rows(inputs, cells, probabilities)
    if not len(rows):
        return
    names = inputs.image_ids(cells.rows[rows])
    detail |= {
        "share": round(len(rows) / len(cells.rows), 4),
        "subjects": _mostly_flagged(cells.groups, rows),
    }
    yield Finding(
        KIND,
        "medium",
        names,
        "A wrong label teaches the model the wrong thing, and counts right answers as errors.",
        "Have each looked at again without showing the label; a subject of which most are flagged "
        "is one the model errs on, or one labelled wrongly as a whole.",
        detail,
        leave_out=names,
    )


def _flagged_rows(
    inputs: AuditInputs, cells: LabelledCells, probabilities: NDArray[np.float64]
) -> NDArray[np.intp]:
    """Rows of ``cells`` whose label is probably wrong, the least credible first."""
    credible = np.where(cells.labels == 1, probabilities, 1 - probabilities)
    far = label_folds.label_deviations(cells.labels, probabilities) > MIN_DEVIATION
    findings = (finding for check in quality.FAULT_CHECKS for finding in check.find(inputs))
    faulty = {image_id for finding in findings for image_id in finding.image_ids}
    sound = ~pd.Series(inputs.ids[cells.rows]).isin(faulty).to_numpy()
    rows = np.flatnonzero((credible < 0.5) & far & sound)
    return rows[np.argsort(credible[rows])]


def _mostly_flagged(groups: NDArray[np.str_], rows: NDArray[np.intp]) -> list[str]:
    """Subjects with enough cells of which most are flagged, by descending share."""
    cells = pd.Series(groups).value_counts()
    share = pd.Series(groups[rows]).value_counts() / cells[cells >= label_errors.ENOUGH]
    return [str(name) for name in share[share > 0.5].sort_values(ascending=False).index]


CHECKS = (Check(KIND, "Labels that may be wrong", find_wrong_labels),)
