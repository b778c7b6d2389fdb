"""Checks for single pictures: unreadable, cut, blurred, dark, of several cells, or outliers."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from allcore.audit.findings.audit_inputs import AuditInputs
from allcore.audit.findings.finding import Finding, Severity

FAR_OUT, OUTLYING = 3.0, 4.0
"""Robust deviations from the set's median from which a measure is far out, or a cell an outlier."""
MIN_IMAGES = 20
"""Images from which a median and a deviation of a set mean something."""
MEDIUM_SHARE = 0.05
"""Share of a set's images from which a fault of pictures is more than a nuisance."""
BLURRED, DARK, BRIGHT = 0.55, 0.65, 1.5
"""Shares of the set's median from which a cell far out is blurred, dark or bright."""
MIN_STRAIGHTNESS = 0.23
"""From here (``features.straightness``) a cell seems cut. Of the drawn demonstration set the whole
cells reach 0.20, the cut ones start at 0.25."""
NEIGHBOURS = 10
REFERENCE, BLOCK = 20_000, 1024
"""Largest number of cells that distances are taken to, since all pairs take the square; rows at
once."""


@dataclass(frozen=True)
class Unreadable:
    """Files that can't be used, with the reason of each."""

    kind: str = "unreadable"
    title: str = "Pictures that can't be used"

    def find(self, inputs: AuditInputs) -> list[Finding]:
        """One finding, or none; ``reasons`` counts the sentences."""
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
    """Cells that touch the picture's border."""

    kind: str = "touches_border"
    title: str = "Cells that touch the picture's border"

    def find(self, inputs: AuditInputs) -> list[Finding]:
        """One finding, or none."""
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
    """Cells with a long straight edge, of which something seems cut away."""

    kind: str = "over_cropped"
    title: str = "Cells with a part cut away"

    def find(self, inputs: AuditInputs) -> list[Finding]:
        """One finding, or none; the straightest first."""
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
    """A measure of the images that lies far below or above the median of the set.

    Attributes:
        kind: of the finding.
        title: of the finding, for people.
        column: of the index.
        bound: share of the set's median that the measure must pass, besides being far out.
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
        """One finding, or none; the farthest first."""
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
    """Pictures with more than one object on the black."""

    kind: str = "several_objects"
    title: str = "Several objects in one picture"

    def find(self, inputs: AuditInputs) -> list[Finding]:
        """One finding, or none; most objects first."""
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
    """Cells far from any others by the network's features."""

    kind: str = "outlier"
    title: str = "Cells unlike all others"

    def find(self, inputs: AuditInputs) -> list[Finding]:
        """One finding, or none, the farthest first; none without embeddings."""
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
    """(N,) mean cosine distance to the 10 nearest cells; NaN where there is no vector.

    Args:
        embeddings: (N, F), NaN where there is no vector.
        reference: number of cells that distances are taken to; a sample where there are more.
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
    """Deviations from the median, in deviations estimated from the quartiles."""
    low, middle, high = np.percentile(values, (25, 50, 75))
    return np.asarray((values - middle) / max((high - low) / 1.349, 1e-6))
