"""Checks of the whole study: sources of labels, class balance and shortcuts."""

from collections.abc import Iterator

import numpy as np

from allcore import formats
from allcore.audit.findings import label_folds
from allcore.audit.findings.audit_inputs import AuditInputs
from allcore.audit.findings.finding import Check, Finding, Severity
from allcore.audit.findings.label_folds import LabelledCells
from allcore.evaluation.intervals import Interval
from allcore.labels import CLASS_NAMES

IMBALANCED, LOPSIDED = 3.0, 10.0
"""Class ratios from which imbalance is a finding, and one of high severity."""
FEW_SUBJECTS = 5
CUES = {
    ("area",): "the area alone",
    ("brightness",): "the brightness alone",
    ("redness",): "the colour (red over blue) alone",
    ("area", "brightness"): "area with brightness",
}
STRONG, PLAIN = 0.8, 0.65
"""AUROC on unseen subjects above which a shortcut has high, or medium, severity."""


def find_label_conflict(inputs: AuditInputs) -> Iterator[Finding]:
    """Yield at most one finding of images whose file name, folder and table contradict."""
    conflict = inputs.manifest.conflict
    if conflict is None:
        return
    table = inputs.manifest.table
    concerned = table["image_id"][table["path"].isin(conflict.paths)]
    severity: Severity = "low" if conflict.decided else "high"
    yield Finding(
        "label_conflict",
        severity,
        tuple(concerned.astype(str)),
        conflict.sentence,
        "Check these images, and exclude or move those in the wrong place."
        if conflict.decided
        else "Decide under Connect data on the Dataset page, or by --labels.",
        {"choices": [value for value, _ in conflict.choices], "decided": conflict.decided},
    )


def find_imbalance(inputs: AuditInputs) -> Iterator[Finding]:
    """Yield at most one finding of a missing class or of classes of very different size."""
    if inputs.manifest.conflict and not inputs.manifest.conflict.decided:
        return
    labels, groups = inputs.labels, inputs.groups
    count = {label: int((labels == label).sum()) for label in CLASS_NAMES}
    people = {}
    if all(subject is not None for subject in inputs.subjects):
        people = {label: len(set(groups[labels == label])) for label in CLASS_NAMES}
    detail = {"images": count, "subjects": people}
    small, large = sorted(count.values())
    if not small:
        what = "no image has a label" if not large else "all labelled images are of one class"
        yield Finding(
            "class_imbalance", "high", (), f"Nothing can be learned or tested where {what}.",
            "Connect images of both classes, or name the labels in a manifest.csv.", detail,
        )  # fmt: skip
        return
    if large < IMBALANCED * small and min(people.values(), default=FEW_SUBJECTS) >= FEW_SUBJECTS:
        return
    severity: Severity = "medium" if large < LOPSIDED * small else "high"
    yield Finding(
        "class_imbalance",
        severity,
        (),
        "Accuracy is high by always naming the larger class, and few subjects of a class "
        "tell little about others.",
        "Weigh the classes in training, judge by AUROC and balanced accuracy, and add "
        "subjects of the smaller class.",
        detail | {"ratio": round(large / small, 2)},
    )


def find_unknown_subjects(inputs: AuditInputs) -> Iterator[Finding]:
    """Yield at most one finding of images whose subject is not recorded."""
    rows = np.flatnonzero([subject is None for subject in inputs.subjects])
    if len(rows):
        images = formats.count(len(rows), "image")
        yield Finding(
            "unknown_subject",
            "medium",
            inputs.image_ids(rows),
            f"The subject of {images} is unknown, so nobody can say whether a subject is in two "
            "parts of a split: no figure is about unseen subjects.",
            "Give a CSV table with the columns path, label and subject.",
        )


def find_shortcuts(inputs: AuditInputs) -> Iterator[Finding]:
    """Yield one finding for each cue that alone predicts the label of unseen subjects.

    The whole interval of its AUROC lies above 0.5. ``model`` is the AUROC of the installed model
    on these cells, where known.
    """
    cells = LabelledCells.of(inputs)
    if cells is None:
        return
    detail: dict[str, object] = {"cells": len(cells.rows), "judged_on": cells.judged_on}
    held_out = label_folds.held_out_probabilities(inputs, cells)
    if held_out is not None:
        of_model = label_folds.auroc_detail(label_folds.subject_auroc(cells, held_out))
        detail["model"] = {"name": inputs.judge_name, **of_model}
    for columns, title in CUES.items():
        values = inputs.index.table[list(columns)].to_numpy(dtype=float)[cells.rows]
        auroc = label_folds.subject_auroc(cells, label_folds.tree_probabilities(values, cells))
        # Without an interval over subjects the AUROC may be chance.
        if auroc.known and auroc.low > 0.5:
            yield _shortcut(columns, title, auroc, detail)


def _shortcut(
    columns: tuple[str, ...], title: str, auroc: Interval, detail: dict[str, object]
) -> Finding:
    level = auroc.value
    severity: Severity = "high" if level > STRONG else "medium" if level > PLAIN else "low"
    return Finding(
        "shortcut",
        severity,
        (),
        f"On {detail['judged_on']}, {title} tells blasts from normal cells, so that a model may "
        "score well without looking at the cell.",
        "Report this baseline beside every model, and check that the classes were photographed "
        "and stained alike.",
        {"cue": " and ".join(columns), **label_folds.auroc_detail(auroc), **detail},
    )


CHECKS = (
    Check("label_conflict", "Contradicting labels", find_label_conflict),
    Check("class_imbalance", "Class imbalance", find_imbalance),
    Check("unknown_subject", "Images of unknown subject", find_unknown_subjects),
    Check("shortcut", "Shortcuts", find_shortcuts),
)
