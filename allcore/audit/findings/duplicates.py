"""Checks for one cell that a data set holds more than once."""

from collections import Counter
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from allcore.audit.findings.audit_inputs import Material
from allcore.audit.findings.finding import Finding, Severity
from allcore.data import splits

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
        places = [_place(material.parts[rows]) for rows in sets]
        out = [rows[place < place.max()] for rows, place in zip(sets, places, strict=True)]
        return [
            Finding(
                self.kind,
                "high",
                material.names(np.concatenate(sets)),
                "A model that was trained on a cell is not tested by it, and figures are too good.",
                "Leave the cell out of the earlier part: of training and validation where its twin "
                "is tested, of training where it validates.",
                {"pairs": len(pairs), "groups": [list(material.names(each)) for each in sets]},
                leave_out=material.names(np.concatenate(out)),
            )
        ]


@dataclass(frozen=True)
class SubjectsAcrossParts:
    """A subject in two parts of a split."""

    kind: str = "subject_across_split"

    def find(self, material: Material) -> list[Finding]:
        """One finding, or none; ``subjects`` are the independent ones."""
        table = pd.DataFrame(
            {"subject": material.subjects, "group": material.groups, "part": material.parts}
        )
        known = table.dropna().query("part != @splits.EXCLUDED")
        parts = known.groupby("group")["part"].nunique()
        torn = sorted(parts.index[parts > 1], key=_reading)
        if not torn:
            return []
        rows = known.index[known["group"].isin(torn)].to_numpy(dtype=np.intp)
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
    codes, _ = pd.factorize(values)
    known = (codes >= 0) & (values != splits.EXCLUDED)
    differ = codes[pairs[:, 0]] != codes[pairs[:, 1]]
    kept: NDArray[np.intp] = pairs[differ & known[pairs].all(axis=1)]
    return kept


def _place(parts: NDArray[np.object_]) -> NDArray[np.intp]:
    """Which comes first: training, validation, test."""
    order = {name: place for place, name in enumerate(splits.PARTS)}
    return np.array([order.get(part, -1) for part in parts], dtype=np.intp)


def _reading(name: object) -> tuple[bool, int, str]:
    text = str(name)
    digits = "".join(letter for letter in text if letter.isdigit())
    return not text[:1].isdigit(), int(digits[:9] or 0), text
