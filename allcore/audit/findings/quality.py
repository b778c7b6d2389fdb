"""Checks of single images: unreadable, cut, blurred, dark, bright, several cells, outliers."""

from collections.abc import Callable, Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from allcore.audit.findings.audit_inputs import AuditInputs
from allcore.audit.findings.finding import Check, Finding, Severity

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

Selection = tuple[NDArray[np.intp], Mapping[str, object]]
"""Rows of the images with a fault, the worst first, and the detail of the finding."""


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
    sample = np.sort(np.random.default_rng(0).permutation(len(own))[:reference])
    place = np.full(len(own), -1)
    place[sample] = np.arange(len(sample))
    count = min(NEIGHBOURS, len(sample) - 1)
    for start in range(0, len(own), BLOCK):
        likeness = own[start : start + BLOCK] @ own[sample].T
        own_place = place[start : start + BLOCK]
        here = np.flatnonzero(own_place >= 0)
        likeness[here, own_place[here]] = -np.inf
        nearest = np.partition(likeness, -count, axis=1)[:, -count:]
        distances[known[start : start + BLOCK]] = 1 - nearest.mean(axis=1)
    return distances


def robust_scores(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return robust z-scores (N,): deviations from the median, scaled by the quartiles."""
    low, middle, high = np.percentile(values, (25, 50, 75))
    return np.asarray((values - middle) / max((high - low) / 1.349, 1e-6))


def _image_check(
    kind: str, title: str, select: Callable[[AuditInputs], Selection], why: str, do: str
) -> Check:
    """Return a check of single images with at most one finding."""

    def find(inputs: AuditInputs) -> Iterator[Finding]:
        rows, detail = select(inputs)
        if not len(rows):
            return
        share = len(rows) / len(inputs)
        severity: Severity = "medium" if share > MEDIUM_SHARE else "low"
        names = inputs.image_ids(rows)
        detail = {"share": round(share, 4), **detail}
        yield Finding(kind, severity, names, why, do, detail, leave_out=names)

    return Check(kind, title, find)


def _unreadable(inputs: AuditInputs) -> Selection:
    rows = np.flatnonzero(~inputs.usable)
    reasons = inputs.index.table["error"].iloc[rows].value_counts().to_dict()
    return rows, {"reasons": {str(text): int(count) for text, count in reasons.items()}}


def _touching_border(inputs: AuditInputs) -> Selection:
    border = inputs.index.table["border"].to_numpy(dtype=bool)
    return np.flatnonzero(border & inputs.usable), {}


def _over_cropped(inputs: AuditInputs) -> Selection:
    straight = _column(inputs, "straight")
    border = inputs.index.table["border"].to_numpy(dtype=bool)
    rows = np.flatnonzero((straight > MIN_STRAIGHTNESS) & ~border & inputs.usable)
    return rows[np.argsort(-straight[rows])], {"straight_from": MIN_STRAIGHTNESS}


def _far_out(column: str, bound: float) -> Callable[[AuditInputs], Selection]:
    """Select images whose measure is extreme and beyond the median times ``bound``."""

    def select(inputs: AuditInputs) -> Selection:
        values = _column(inputs, column)
        known = np.isfinite(values) & (values > 0)
        if known.sum() < MIN_IMAGES:
            return np.zeros(0, dtype=np.intp), {}
        middle = float(np.median(values[known]))
        scaled = np.full(len(values), np.nan)
        scaled[known] = robust_scores(np.log(values[known]))
        sign = -1 if bound < 1 else 1
        far = (sign * scaled > FAR_OUT) & (sign * values > sign * bound * middle)
        rows = np.flatnonzero(far & known)
        detail = {"median": round(middle, 3), "beyond": round(bound * middle, 3)}
        return rows[np.argsort(-sign * scaled[rows])], detail

    return select


def _several_objects(inputs: AuditInputs) -> Selection:
    count = inputs.index.table["objects"].to_numpy()
    rows = np.flatnonzero((count > 1) & inputs.usable)
    return rows[np.argsort(-count[rows], kind="stable")], {}


def _outliers(inputs: AuditInputs) -> Selection:
    distances = neighbour_distances(inputs.index.embeddings)
    known = np.isfinite(distances)
    if known.sum() < MIN_IMAGES:
        return np.zeros(0, dtype=np.intp), {}
    scaled = np.full(len(distances), -np.inf)
    scaled[known] = robust_scores(np.log(np.maximum(distances[known], 1e-6)))
    rows = np.flatnonzero(scaled > OUTLYING)
    detail = {"median_distance": round(float(np.median(distances[known])), 4)}
    return rows[np.argsort(-scaled[rows])], detail


def _column(inputs: AuditInputs, name: str) -> NDArray[np.float64]:
    return inputs.index.table[name].to_numpy(dtype=float)


_LIGHT = "A cell lit otherwise looks stained otherwise, which models take for its kind."
_EXPOSURE = "Check exposure and stain normalisation, or leave these out."
FAULT_CHECKS = (
    _image_check(
        "touches_border",
        "Cells that touch the picture's border",
        _touching_border,
        "A cell that runs out of the picture lacks a part, and its size is wrong.",
        "Cut the cell out with a wider margin, or leave it out.",
    ),
    _image_check(
        "over_cropped",
        "Cells with a part cut away",
        _over_cropped,
        "A cell that segmentation cut off lacks a part, and its size is wrong.",
        "Segment the cell again, or leave it out.",
    ),
    _image_check(
        "blurred",
        "Blurred cells",
        _far_out("focus", BLURRED),
        "A cell out of focus shows no chromatin, and the model guesses by its outline.",
        "Photograph the field again, or leave these out.",
    ),
    _image_check("dark", "Dark cells", _far_out("brightness", DARK), _LIGHT, _EXPOSURE),
    _image_check("bright", "Bright cells", _far_out("brightness", BRIGHT), _LIGHT, _EXPOSURE),
    _image_check(
        "several_objects",
        "Several objects in one picture",
        _several_objects,
        "Only the largest object is looked at, and it need not be the cell that was labelled.",
        "Cut out one cell a picture, or leave these out.",
    ),
)
"""Checks of the picture of a cell, whose label can't be judged then."""
CHECKS = (
    _image_check(
        "unreadable",
        "Pictures that can't be used",
        _unreadable,
        "What can't be read is neither trained on nor tested, and may be missing unevenly.",
        "Restore or replace the files, or leave them out.",
    ),
    *FAULT_CHECKS,
    _image_check(
        "outlier",
        "Cells unlike all others",
        _outliers,
        "A cell unlike all others may be no cell, or one of a kind that the model never met.",
        "Look at each, and leave out what is no cell of this study.",
    ),
)
