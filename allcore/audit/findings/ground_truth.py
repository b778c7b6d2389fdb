"""Recall and precision of findings on a synthetic set with known faults."""

import itertools
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import pandas as pd

from allcore.audit.findings.finding import Finding
from allcore.errors import DataError
from allcore.synthetic import faults


@dataclass(frozen=True)
class DetectionScore:
    """Recall and precision of one kind of finding."""

    kind: str  # of the finding
    unit: str  # counted unit: pairs of duplicates, or images
    planted: int  # number of planted faults
    detected: int  # number of detected faults
    right: int  # number of detected faults that were planted

    @property
    def recall(self) -> float:
        """Share of planted faults that are detected."""
        return self.right / self.planted

    @property
    def precision(self) -> float:
        """Share of detected faults that were planted; NaN without detections."""
        return self.right / self.detected if self.detected else float("nan")


COPIES = {
    "exact_duplicate": (faults.EXACT.kind, faults.LEAK.kind),
    "near_duplicate": (faults.NEAR.kind,),
    "cell_under_two_subjects": (faults.LEAK.kind,),
}
"""Faults that findings of duplicates should detect; a copy under another subject counts too."""
IMAGES = {
    "probable_label_error": faults.WRONG_LABEL.kind,
    "blurred": faults.BLURRED.kind,
    "dark": faults.DARKENED.kind,
    "over_cropped": faults.CROPPED.kind,
}


def detection_scores(findings: Iterable[Finding], truth: pd.DataFrame) -> list[DetectionScore]:
    """Return the scores of all kinds with planted faults.

    Raises:
        DataError: the set has no planted faults.
    """
    by_kind = {finding.kind: finding for finding in findings}
    scores: list[DetectionScore] = []
    for kind, faults_of in COPIES.items():
        groups = by_kind[kind].detail["groups"] if kind in by_kind else []
        pairs = {frozenset(pair) for ids in groups for pair in itertools.combinations(ids, 2)}
        rows = truth.loc[truth["fault"].isin(faults_of), ["image_id", "partner"]]
        planted = {frozenset(pair) for pair in rows.itertuples(index=False)}
        scores.append(_score(kind, "pairs", pairs, planted))
    for kind, fault in IMAGES.items():
        named = set(by_kind[kind].image_ids) if kind in by_kind else set()
        wanted = set(truth.loc[truth["fault"] == fault, "image_id"])
        scores.append(_score(kind, "images", named, wanted))
    scores = [score for score in scores if score.planted]
    if not scores:
        raise DataError("No fault was planted in this set: draw one with 'data synth'.")
    return scores


def as_text(scores: Iterable[DetectionScore]) -> str:
    """Return the scores as a Markdown table."""
    lines = [
        "| kind | counted | planted | found | recall | precision |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for score in scores:
        lines.append(
            f"| {score.kind} | {score.unit} | {score.planted} | {score.detected} | "
            f"{score.recall:.2f} | {score.precision:.2f} |"
        )
    return "\n".join(lines)


def _score(kind: str, unit: str, named: set[Any], planted: set[Any]) -> DetectionScore:
    return DetectionScore(kind, unit, len(planted), len(named), len(named & planted))
