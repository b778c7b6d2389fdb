"""Checks for one cell that a data set holds more than once."""

from collections import Counter
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from allcore.health.findings import Finding, Severity
from allcore.health.material import Material

SHOWN = 20
"""Pairs of subjects that a finding counts by name at most."""


@dataclass(frozen=True)
class ExactDuplicates:
    """Files that are equal byte for byte."""

    kind: str = "exact_duplicate"

    def find(self, material: Material) -> list[Finding]:
        """One finding, or none."""
        return _copies(
            self.kind,
            material,
            material.exact,
            "A cell that counts twice weighs twice, and on both sides of a split it is a leak.",
            "Leave out all but one of each group.",
        )


@dataclass(frozen=True)
class NearDuplicates:
    """Pictures of one cell whose files differ: turned, lit or stored otherwise, cut out twice."""

    kind: str = "near_duplicate"

    def find(self, material: Material) -> list[Finding]:
        """One finding, or none."""
        return _copies(
            self.kind,
            material,
            material.near,
            "One cell in two pictures counts twice, and on both sides of a split it is a leak.",
            "Look at the pairs and leave out all but one of each group.",
        )


@dataclass(frozen=True)
class SharedCells:
    """The same cell under two subjects."""

    kind: str = "cell_under_two_subjects"

    def find(self, material: Material) -> list[Finding]:
        """One finding, or none; ``subjects`` counts the pairs of cells by pair of subjects."""
        pairs = _differing(material.same, material.subjects)
        if not len(pairs):
            return []
        named = material.subjects[pairs]
        counts = Counter(" and ".join(sorted(map(str, pair), key=_reading)) for pair in named)
        unmerged = _differing(pairs, material.groups)
        rows = material.sets(pairs)
        return [
            Finding(
                self.kind,
                "high" if len(unmerged) else "medium",
                material.names(np.concatenate(rows)),
                "Two subject ids that share a cell may be one person, and a split that puts them "
                "apart tests on a subject it was trained on.",
                "Keep such subjects together in every split, and leave these cells out where it "
                "is not known whose they are.",
                {
                    "pairs": len(pairs),
                    "subjects": dict(counts.most_common(SHOWN)),
                    "pairs_of_subjects": len(counts),
                    "not_kept_together": len(unmerged),
                    "groups": [list(material.names(each)) for each in rows],
                },
                leave_out=material.names(np.concatenate(rows)),
            )
        ]


@dataclass(frozen=True)
class TwinsAcrossParts:
    """One cell in two parts of a split."""

    kind: str = "twin_across_split"

    def find(self, material: Material) -> list[Finding]:
        """One finding, or none."""
        pairs = _differing(material.same, material.parts)
        if not len(pairs):
            return []
        sets = material.sets(pairs)
        rows = np.concatenate(sets)
        out = rows[material.parts[rows] != "test"]
        return [
            Finding(
                self.kind,
                "high",
                material.names(rows),
                "A model that was trained on a cell is not tested by it, and figures are too good.",
                "Leave the cell out of training and validation where its twin is tested.",
                {"pairs": len(pairs), "groups": [list(material.names(each)) for each in sets]},
                leave_out=material.names(out if len(out) else rows),
            )
        ]


@dataclass(frozen=True)
class SubjectsAcrossParts:
    """A subject in two parts of a split."""

    kind: str = "subject_across_split"

    def find(self, material: Material) -> list[Finding]:
        """One finding, or none; ``subjects`` are the independent ones."""
        known = np.array([part is not None for part in material.parts], dtype=bool)
        known &= np.array([each is not None for each in material.subjects], dtype=bool)
        parts: dict[str, set[str]] = {}
        for group, part in zip(material.groups[known], material.parts[known], strict=True):
            if part != "excluded":
                parts.setdefault(group, set()).add(part)
        torn = sorted((name for name, of in parts.items() if len(of) > 1), key=_reading)
        if not torn:
            return []
        rows = np.flatnonzero(known & np.isin(material.groups.astype(str), torn))
        return [
            Finding(
                self.kind,
                "high",
                material.names(rows),
                "Whoever recognises a subject knows the label, so that figures on subjects that "
                "were trained on come out too good.",
                "Split by subject: 'python -m allcore train --split subject'.",
                {"subjects": torn, "of": len(parts)},
            )
        ]


def _copies(
    kind: str, material: Material, pairs: NDArray[np.intp], why: str, do: str
) -> list[Finding]:
    if not len(pairs):
        return []
    sets = material.sets(pairs)
    crossing = _differing(pairs, material.labels)
    severity: Severity = "high" if len(crossing) else "medium"
    return [
        Finding(
            kind,
            severity,
            material.names(np.concatenate(sets)),
            why,
            do,
            {
                "pairs": len(pairs),
                "two_labels": len(crossing),
                "groups": [list(material.names(each)) for each in sets],
            },
            leave_out=material.names(np.concatenate([each[1:] for each in sets])),
        )
    ]


def _differing(pairs: NDArray[np.intp], values: NDArray[np.object_]) -> NDArray[np.intp]:
    """The pairs whose two values are both known and differ; excluded images are in no part."""
    one, other = values[pairs[:, 0]], values[pairs[:, 1]]
    known = np.array([a is not None and b is not None for a, b in zip(one, other, strict=True)])
    excluded = (one == "excluded") | (other == "excluded")
    kept: NDArray[np.intp] = pairs[known.astype(bool) & (one != other) & ~excluded]
    return kept


def _reading(name: object) -> tuple[bool, int, str]:
    text = str(name)
    digits = "".join(letter for letter in text if letter.isdigit())
    return not text[:1].isdigit(), int(digits[:9] or 0), text
