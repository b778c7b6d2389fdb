"""Checks for duplicate images of one cell, and for subjects in two parts of a split."""

from collections import Counter
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from allcore.audit.findings.audit_inputs import AuditInputs
from allcore.audit.findings.finding import Finding, Severity
from allcore.data import splits

MAX_PAIRS_NAMED = 20
"""Largest number of subject pairs in a finding."""


@dataclass(frozen=True)
class ExactDuplicates:
    """Byte-identical files."""

    kind: str = "exact_duplicate"
    title: str = "Identical files"

    def find(self, inputs: AuditInputs) -> list[Finding]:
        """Return at most one finding."""
        return _duplicate_finding(
            self.kind,
            inputs,
            inputs.exact_pairs,
            "A cell that counts twice weighs twice, and on both sides of a split it is a leak.",
            "Leave out all but one of each group.",
        )


@dataclass(frozen=True)
class NearDuplicates:
    """Duplicate images of one cell with different files: rotated, relit or cropped twice."""

    kind: str = "near_duplicate"
    title: str = "Near duplicates"

    def find(self, inputs: AuditInputs) -> list[Finding]:
        """Return at most one finding."""
        return _duplicate_finding(
            self.kind,
            inputs,
            inputs.near_pairs,
            "One cell in two pictures counts twice, and on both sides of a split it is a leak.",
            "Look at the pairs and leave out all but one of each group.",
        )


@dataclass(frozen=True)
class SharedCells:
    """One cell recorded under two subjects."""

    kind: str = "cell_under_two_subjects"
    title: str = "The same cell under two subjects"

    def find(self, inputs: AuditInputs) -> list[Finding]:
        """Return at most one finding; ``subjects`` counts pairs of cells by pair of subjects."""
        pairs = _differing(inputs.same_cell_pairs, inputs.subjects)
        if not len(pairs):
            return []
        named = inputs.subjects[pairs]
        counts = Counter(" and ".join(sorted(map(str, pair), key=_natural_order)) for pair in named)
        unmerged = _differing(pairs, inputs.groups)
        rows = inputs.connected_rows(pairs)
        return [
            Finding(
                self.kind,
                "high" if len(unmerged) else "medium",
                inputs.image_ids(np.concatenate(rows)),
                "Two subject ids that share a cell may be one person, and a split that puts them "
                "apart tests on a subject it was trained on.",
                "Keep such subjects together in every split, and leave these cells out where it "
                "is not known whose they are.",
                {
                    "pairs": len(pairs),
                    "subjects": dict(counts.most_common(MAX_PAIRS_NAMED)),
                    "pairs_of_subjects": len(counts),
                    "not_kept_together": len(unmerged),
                    "groups": [list(inputs.image_ids(cell)) for cell in rows],
                },
                leave_out=inputs.image_ids(np.concatenate(rows)),
            )
        ]


@dataclass(frozen=True)
class CellsAcrossParts:
    """One cell in two parts of a split."""

    kind: str = "twin_across_split"
    title: str = "Cells in two parts of the split"

    def find(self, inputs: AuditInputs) -> list[Finding]:
        """Return at most one finding."""
        pairs = _differing(inputs.same_cell_pairs, inputs.parts)
        if not len(pairs):
            return []
        sets = inputs.connected_rows(pairs)
        positions = [_part_order(inputs.parts[rows]) for rows in sets]
        earlier = [
            rows[position < position.max()] for rows, position in zip(sets, positions, strict=True)
        ]
        return [
            Finding(
                self.kind,
                "high",
                inputs.image_ids(np.concatenate(sets)),
                "A model that was trained on a cell is not tested by it, and figures are too good.",
                "Leave the cell out of the earlier part: of training and validation where its twin "
                "is tested, of training where it validates.",
                {"pairs": len(pairs), "groups": [list(inputs.image_ids(rows)) for rows in sets]},
                leave_out=inputs.image_ids(np.concatenate(earlier)),
            )
        ]


@dataclass(frozen=True)
class SubjectsAcrossParts:
    """One subject in two parts of a split."""

    kind: str = "subject_across_split"
    title: str = "Subjects in two parts of the split"

    def find(self, inputs: AuditInputs) -> list[Finding]:
        """Return at most one finding; ``subjects`` are independent subjects."""
        table = pd.DataFrame(
            {"subject": inputs.subjects, "group": inputs.groups, "part": inputs.parts}
        )
        known = table.dropna().query("part != @splits.EXCLUDED")
        parts = known.groupby("group")["part"].nunique()
        divided = sorted(parts.index[parts > 1], key=_natural_order)
        if not divided:
            return []
        rows = known.index[known["group"].isin(divided)].to_numpy(dtype=np.intp)
        return [
            Finding(
                self.kind,
                "high",
                inputs.image_ids(rows),
                "Whoever recognises a subject knows the label, so that figures on subjects that "
                "were trained on come out too good.",
                "Split by subject: 'python -m allcore train --split subject'.",
                {"subjects": divided, "of": len(parts)},
            )
        ]


def _duplicate_finding(
    kind: str, inputs: AuditInputs, pairs: NDArray[np.intp], why: str, do: str
) -> list[Finding]:
    if not len(pairs):
        return []
    sets = inputs.connected_rows(pairs)
    crossing = _differing(pairs, inputs.labels)
    severity: Severity = "high" if len(crossing) else "medium"
    return [
        Finding(
            kind,
            severity,
            inputs.image_ids(np.concatenate(sets)),
            why,
            do,
            {
                "pairs": len(pairs),
                "two_labels": len(crossing),
                "groups": [list(inputs.image_ids(rows)) for rows in sets],
            },
            leave_out=inputs.image_ids(np.concatenate([rows[1:] for rows in sets])),
        )
    ]


def _differing(pairs: NDArray[np.intp], values: NDArray[np.object_]) -> NDArray[np.intp]:
    """Return the pairs whose two values are known and differ; excluded images have no part."""
    codes, _ = pd.factorize(values)
    known = (codes >= 0) & (values != splits.EXCLUDED)
    differ = codes[pairs[:, 0]] != codes[pairs[:, 1]]
    return np.asarray(pairs[differ & known[pairs].all(axis=1)], dtype=np.intp)


def _part_order(parts: NDArray[np.object_]) -> NDArray[np.intp]:
    """(N,) position of each part in the order training, validation, test; -1 for others."""
    order = {part: position for position, part in enumerate(splits.PARTS)}
    return np.array([order.get(part, -1) for part in parts], dtype=np.intp)


def _natural_order(name: object) -> tuple[bool, int, str]:
    text = str(name)
    digits = "".join(letter for letter in text if letter.isdigit())
    return not text[:1].isdigit(), int(digits[:9] or 0), text
