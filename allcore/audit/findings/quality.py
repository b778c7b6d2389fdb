"""Checks of single images: unreadable, cut, blurred, dark, bright, several cells, outliers."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from allcore.audit.findings.audit_inputs import AuditInputs
from allcore.audit.findings.finding import Finding, Severity

FAR_OUT, OUTLYING = 3.0, 4.0
"""Robust deviations from the set's median beyond which a measure is extreme, or a cell an
outlier."""
MIN_IMAGES = 20
"""Least number of images for a meaningful median and deviation."""
MEDIUM_SHARE = 0.05
"""Share of affected images from which a finding has medium severity."""
BLURRED, DARK, BRIGHT = 0.55, 0.65, 1.5
"""Ratios to the set's median beyond which an extreme cell is blurred, dark or bright."""
MIN_STRAIGHTNESS = 0.23
"""Least ``features.straightness`` of a cut cell. In the synthetic demonstration set, whole cells
reach 0.20 and cut ones start at 0.25."""
NEIGHBOURS = 10
REFERENCE, BLOCK = 20_000, 1024
"""Largest number of reference cells for distances, as all pairs take quadratic time; rows per
block."""


@dataclass(frozen=True)
class Unreadable:
    """Unusable files, with the reason of each."""

    kind: str = "unreadable"
    title: str = "Pictures that can't be used"

    def find(self, inputs: AuditInputs) -> list[Finding]:
        """Return at most one finding; ``reasons`` counts the sentences."""
        rows = np.flatnonzero(~inputs.usable)
        reasons = inputs.index.table["error"].iloc[rows].value_counts().to_dict()
        return _image_finding(
            self.kind,
            inputs,
            rows,
            "What can't be read is neither trained on nor tested, and may be missing unevenly.",
            "Restore or replace the files, or leave them out.",
            {"reasons": {str(text): int(count) for text, count in reasons.items()}},
        )


@dataclass(frozen=True)
class Truncated:
    """Cells that touch the image's border."""

    kind: str = "touches_border"
    title: str = "Cells that touch the picture's border"

    def find(self, inputs: AuditInputs) -> list[Finding]:
        """Return at most one finding."""
        touching = inputs.index.table["border"].to_numpy(dtype=bool) & inputs.usable
        return _image_finding(
            self.kind,
            inputs,
            np.flatnonzero(touching),
            "A cell that runs out of the picture lacks a part, and its size is wrong.",
            "Cut the cell out with a wider margin, or leave it out.",
        )


@dataclass(frozen=True)
class OverCropped:
    """Cells with a long straight edge, which were probably cut."""

    kind: str = "over_cropped"
    title: str = "Cells with a part cut away"

    def find(self, inputs: AuditInputs) -> list[Finding]:
        """Return at most one finding; the straightest cell comes first."""
        straight = _column(inputs, "straight")
        border = inputs.index.table["border"].to_numpy(dtype=bool)
        rows = np.flatnonzero((straight > MIN_STRAIGHTNESS) & ~border & inputs.usable)
        return _image_finding(
            self.kind,
            inputs,
            rows[np.argsort(-straight[rows])],
            "A cell that segmentation cut off lacks a part, and its size is wrong.",
            "Segment the cell again, or leave it out.",
            {"straight_from": MIN_STRAIGHTNESS},
        )


@dataclass(frozen=True)
class FarOut:
    """Images with a measure far below or above the median of the set.

    Attributes:
        kind: of the finding.
        title: of the finding, on pages.
        column: of the index.
        bound: ratio to the set's median that the measure must exceed, besides being extreme.
        why: as in the finding.
        do: as in the finding.
    """

    kind: str
    title: str
    column: str
    bound: float
    why: str
    do: str

    def find(self, inputs: AuditInputs) -> list[Finding]:
        """Return at most one finding; the most extreme image comes first."""
        values = _column(inputs, self.column)
        known = np.isfinite(values) & (values > 0)
        if known.sum() < MIN_IMAGES:
            return []
        below = self.bound < 1
        middle = float(np.median(values[known]))
        scaled = np.full(len(values), np.nan)
        scaled[known] = _robust(np.log(values[known]))
        far = (scaled < -FAR_OUT) & (values < self.bound * middle)
        if not below:
            far = (scaled > FAR_OUT) & (values > self.bound * middle)
        rows = np.flatnonzero(far & known)
        return _image_finding(
            self.kind,
            inputs,
            rows[np.argsort(scaled[rows] if below else -scaled[rows])],
            self.why,
            self.do,
            {"median": round(middle, 3), "beyond": round(self.bound * middle, 3)},
        )


@dataclass(frozen=True)
class SeveralObjects:
    """Images with more than one object on the black background."""

    kind: str = "several_objects"
    title: str = "Several objects in one picture"

    def find(self, inputs: AuditInputs) -> list[Finding]:
        """Return at most one finding; the image with most objects comes first."""
        count = inputs.index.table["objects"].to_numpy()
        rows = np.flatnonzero((count > 1) & inputs.usable)
        return _image_finding(
            self.kind,
            inputs,
            rows[np.argsort(-count[rows], kind="stable")],
            "Only the largest object is looked at, and it need not be the cell that was labelled.",
            "Cut out one cell a picture, or leave these out.",
        )


@dataclass(frozen=True)
class Outliers:
    """Cells far from all others in the network's feature space."""

    kind: str = "outlier"
    title: str = "Cells unlike all others"

    def find(self, inputs: AuditInputs) -> list[Finding]:
        """Return at most one finding, the farthest cell first; none without embeddings."""
        distances = neighbour_distances(inputs.index.embeddings)
        known = np.isfinite(distances)
        if known.sum() < MIN_IMAGES:
            return []
        scaled = np.full(len(distances), -np.inf)
        scaled[known] = _robust(np.log(np.maximum(distances[known], 1e-6)))
        rows = np.flatnonzero(scaled > OUTLYING)
        return _image_finding(
            self.kind,
            inputs,
            rows[np.argsort(-scaled[rows])],
            "A cell unlike all others may be no cell, or one of a kind that the model never met.",
            "Look at each, and leave out what is no cell of this study.",
            {"median_distance": round(float(np.median(distances[known])), 4)},
        )


def neighbour_distances(
    embeddings: NDArray[np.floating], *, reference: int = REFERENCE
) -> NDArray[np.float64]:
    """Return the mean cosine distance (N,) to the 10 nearest cells; NaN without an embedding.

    Args:
        embeddings: (N, F), NaN where there is no embedding.
        reference: largest number of reference cells; a random sample where there are more.
    """
    distances = np.full(len(embeddings), np.nan)
    known = np.flatnonzero(np.isfinite(embeddings).all(axis=1))
    if len(known) < 2 or not embeddings.shape[1]:
        return distances
    own = np.asarray(embeddings, dtype=np.float32)[known]
    own /= np.maximum(np.linalg.norm(own, axis=1, keepdims=True), 1e-12)
    others = np.sort(np.random.default_rng(0).permutation(len(own))[:reference])
    place = np.full(len(own), -1)
    place[others] = np.arange(len(others))
    count = min(NEIGHBOURS, len(others) - 1)
    for start in range(0, len(own), BLOCK):
        likeness = own[start : start + BLOCK] @ own[others].T
        own_place = place[start : start + BLOCK]
        here = np.flatnonzero(own_place >= 0)
        likeness[here, own_place[here]] = -np.inf
        nearest = np.partition(likeness, -count, axis=1)[:, -count:]
        distances[known[start : start + BLOCK]] = 1 - nearest.mean(axis=1)
    return distances


CHECKS = (
    Unreadable(),
    Truncated(),
    OverCropped(),
    FarOut(
        "blurred",
        "Blurred cells",
        "focus",
        BLURRED,
        "A cell out of focus shows no chromatin, and the model guesses by its outline.",
        "Photograph the field again, or leave these out.",
    ),
    FarOut(
        "dark",
        "Dark cells",
        "brightness",
        DARK,
        "A cell lit otherwise looks stained otherwise, which models take for its kind.",
        "Check exposure and stain normalisation, or leave these out.",
    ),
    FarOut(
        "bright",
        "Bright cells",
        "brightness",
        BRIGHT,
        "A cell lit otherwise looks stained otherwise, which models take for its kind.",
        "Check exposure and stain normalisation, or leave these out.",
    ),
    SeveralObjects(),
    Outliers(),
)


def _image_finding(
    kind: str,
    inputs: AuditInputs,
    rows: NDArray[np.intp],
    why: str,
    do: str,
    detail: dict[str, object] | None = None,
) -> list[Finding]:
    if not len(rows):
        return []
    share = len(rows) / len(inputs)
    severity: Severity = "medium" if share > MEDIUM_SHARE else "low"
    names = inputs.image_ids(rows)
    detail = {"share": round(share, 4), **(detail or {})}
    return [Finding(kind, severity, names, why, do, detail, leave_out=names)]


def _column(inputs: AuditInputs, name: str) -> NDArray[np.float64]:
    return inputs.index.table[name].to_numpy(dtype=float)


def _robust(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Robust z-scores: deviations from the median, scaled by the quartiles."""
    low, middle, high = np.percentile(values, (25, 50, 75))
    return np.asarray((values - middle) / max((high - low) / 1.349, 1e-6))
