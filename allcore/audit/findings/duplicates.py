"""Checks for duplicate images of one cell, and for subjects in two parts of a split."""

from collections import Counter
from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from allcore.audit.findings.audit_inputs import AuditInputs
from allcore.audit.findings.finding import Check, Finding, Severity
from allcore.data import splits

MAX_PAIRS_NAMED = 20
"""Largest number of subject pairs in a finding."""


def find_shared_cells(inputs: AuditInputs) -> Iterator[Finding]:
    """Yield at most one finding of cells recorded under two subjects.

    ``subjects`` counts pairs of cells by pair of subjects.
    """
    pairs = _differing(inputs.same_cell_pairs, inputs.subjects)
    if not len(pairs):
        return
    named = inputs.subjects[pairs]
    counts = Counter(" and ".join(sorted(map(str, pair), key=_natural_order)) for pair in named)
    unmerged = _differing(pairs, inputs.groups)
    sets = inputs.connected_rows(pairs)
    image_ids = inputs.image_ids(np.concatenate(sets))
    yield Finding(
        "cell_under_two_subjects",
        "high" if len(unmerged) else "medium",
        image_ids,
        "Two subject ids that share a cell may be one person, and a split that puts them "
        "apart tests on a subject it was trained on.",
        "Keep such subjects together in every split, and leave these cells out where it "
        "is not known whose they are.",
        {
            "pairs": len(pairs),
            "subjects": dict(counts.most_common(MAX_PAIRS_NAMED)),
            "pairs_of_subjects": len(counts),
            "not_kept_together": len(unmerged),
            "groups": [list(inputs.image_ids(rows)) for rows in sets],
        },
        leave_out=image_ids,
    )


def find_cells_across_parts(inputs: AuditInputs) -> Iterator[Finding]:
    """Yield at most one finding of cells in two parts of the split."""
    pairs = _differing(inputs.same_cell_pairs, inputs.parts)
    if not len(pairs):
        return
    sets = inputs.connected_rows(pairs)
    positions = [pd.Index(splits.PARTS).get_indexer(pd.Index(inputs.parts[rows])) for rows in sets]
    earlier = [
        rows[position < position.max()] for rows, position in zip(sets, positions, strict=True)
    ]
    yield Finding(
        "twin_across_split",
        "high",
        inputs.image_ids(np.concatenate(sets)),
        "A model that was trained on a cell is not tested by it, and figures are too good.",
        "Leave the cell out of the earlier part: of training and validation where its twin "
        "is tested, of training where it validates.",
        {"pairs": len(pairs), "groups": [list(inputs.image_ids(rows)) for rows in sets]},
        leave_out=inputs.image_ids(np.concatenate(earlier)),
    )


def find_subjects_across_parts(inputs: AuditInputs) -> Iterator[Finding]:
    """Yield at most one finding of independent subjects in two parts of the split."""
    table = pd.DataFrame({"subject": inputs.subjects, "group": inputs.groups, "part": inputs.parts})
    known = table.dropna().query("part != @splits.EXCLUDED")
    parts = known.groupby("group")["part"].nunique()
    divided = sorted(parts.index[parts > 1], key=_natural_order)
    if not divided:
        return
    rows = known.index[known["group"].isin(divided)].to_numpy(dtype=np.intp)
    yield Finding(
        "subject_across_split",
        "high",
        inputs.image_ids(rows),
        "Whoever recognises a subject knows the label, so that figures on subjects that "
        "were trained on come out too good.",
        "Split by subject: 'python -m allcore train --split subject'.",
        {"subjects": divided, "of": len(parts)},
    )


def _duplicate_check(
    kind: str, title: str, pairs_of: Callable[[AuditInputs], NDArray[np.intp]], why: str, do: str
) -> Check:
    """Return a check with at most one finding, of the pairs that a function returns."""

    def find(inputs: AuditInputs) -> Iterator[Finding]:
        pairs = pairs_of(inputs)
        if not len(pairs):
            return
        sets = inputs.connected_rows(pairs)
        crossing = _differing(pairs, inputs.labels)
        severity: Severity = "high" if len(crossing) else "medium"
        groups = [list(inputs.image_ids(rows)) for rows in sets]
        detail = {"pairs": len(pairs), "two_labels": len(crossing), "groups": groups}
        affected = inputs.image_ids(np.concatenate(sets))
        leave_out = inputs.image_ids(np.concatenate([rows[1:] for rows in sets]))
        yield Finding(kind, severity, affected, why, do, detail, leave_out)

    return Check(kind, title, find)


def _differing(pairs: NDArray[np.intp], values: NDArray[np.object_]) -> NDArray[np.intp]:
    """Return the pairs whose two values are known and differ; excluded images have no part."""
    codes, _ = pd.factorize(values)
    known = (codes >= 0) & (values != splits.EXCLUDED)
    differ = codes[pairs[:, 0]] != codes[pairs[:, 1]]
    return np.asarray(pairs[differ & known[pairs].all(axis=1)], dtype=np.intp)


def _natural_order(name: object) -> tuple[bool, int, str]:
    text = str(name)
    digits = "".join(letter for letter in text if letter.isdigit())
    return not text[:1].isdigit(), int(digits[:9] or 0), text


SPLIT_CHECKS = (
    Check("twin_across_split", "Cells in two parts of the split", find_cells_across_parts),
    Check("subject_across_split", "Subjects in two parts of the split", find_subjects_across_parts),
)
CHECKS = (
    Check("cell_under_two_subjects", "The same cell under two subjects", find_shared_cells),
    _duplicate_check(
        "exact_duplicate",
        "Identical files",
        lambda inputs: inputs.exact_pairs,
        "A cell that counts twice weighs twice, and on both sides of a split it is a leak.",
        "Leave out all but one of each group.",
    ),
    _duplicate_check(
        "near_duplicate",
        "Near duplicates",
        lambda inputs: inputs.near_pairs,
        "One cell in two pictures counts twice, and on both sides of a split it is a leak.",
        "Look at the pairs and leave out all but one of each group.",
    ),
)
