"""How well findings meet the truth about a drawn set."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import pandas as pd

from allcore.audit.findings.finding import Finding
from allcore.errors import DataError
from allcore.synthetic import faults

Pair = frozenset[str]


@dataclass(frozen=True)
class Score:
    """How well one kind of finding meets what was planted.

    Attributes:
        kind: of the finding.
        unit: what is counted: pairs of copies, or images.
        planted: how many there are.
        found: how many are named.
        right: how many of these are planted.
    """

    kind: str
    unit: str
    planted: int
    found: int
    right: int

    @property
    def recall(self) -> float:
        """Share of what was planted that is named."""
        return self.right / self.planted

    @property
    def precision(self) -> float:
        """Share of what is named that was planted; NaN where nothing is named."""
        return self.right / self.found if self.found else float("nan")


COPIES = {
    "exact_duplicate": (faults.EXACT.kind, faults.LEAK.kind),
    "near_duplicate": (faults.NEAR.kind,),
    "cell_under_two_subjects": (faults.LEAK.kind,),
}
"""Faults that findings of pairs are to name; a copy under another subject is a copy as well."""
IMAGES = {
    "probable_label_error": faults.WRONG_LABEL.kind,
    "blurred": faults.BLURRED.kind,
    "dark": faults.DARKENED.kind,
    "over_cropped": faults.CROPPED.kind,
}


def scores(findings: Iterable[Finding], truth: pd.DataFrame) -> list[Score]:
    """What was planted of each kind, and how much of it was found.

    Args:
        findings: of a drawn set.
        truth: as ``synthetic.truth`` reads it.

    Raises:
        DataError: nothing was planted.
    """
    of = {each.kind: each for each in findings}
    found: list[Score] = []
    for kind, planted in COPIES.items():
        groups = of[kind].detail["groups"] if kind in of else []
        found.append(_score(kind, "pairs", _pairs(groups), _planted(truth, planted)))
    for kind, fault in IMAGES.items():
        named = set(of[kind].image_ids) if kind in of else set()
        wanted = set(truth.loc[truth["fault"] == fault, "image_id"])
        found.append(_score(kind, "images", named, wanted))
    known = [each for each in found if each.planted]
    if not known:
        raise DataError("No fault was planted in this set: draw one with 'data synth'.")
    return known


def as_text(found: Iterable[Score]) -> str:
    """A table in Markdown."""
    lines = [
        "| kind | counted | planted | found | recall | precision |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for each in found:
        lines.append(
            f"| {each.kind} | {each.unit} | {each.planted} | {each.found} | {each.recall:.2f} | "
            f"{each.precision:.2f} |"
        )
    return "\n".join(lines)


def _score(kind: str, unit: str, found: set[Any], wanted: set[Any]) -> Score:
    return Score(kind, unit, len(wanted), len(found), len(found & wanted))


def _pairs(groups: Iterable[Iterable[str]]) -> set[Pair]:
    """Pairs within groups of copies."""
    found = {frozenset((one, other)) for names in groups for one in names for other in names}
    return {pair for pair in found if len(pair) == 2}


def _planted(truth: pd.DataFrame, kinds: tuple[str, ...]) -> set[Pair]:
    rows = truth[truth["fault"].isin(kinds)]
    return {frozenset(pair) for pair in zip(rows["image_id"], rows["partner"], strict=True)}
