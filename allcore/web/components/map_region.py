"""An area drawn on the map, small enough to stand in an address."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Polygon = NDArray[np.float64]
"""(K, 2) corners, at least three."""
MOST_CORNERS = 40


def of_selection(selection: Mapping[str, Any]) -> Polygon | None:
    """The area of a plotly selection: its lasso, else its box; None where nothing was drawn."""
    for drawn in selection.get("lasso", []):
        corners = np.column_stack([drawn["x"], drawn["y"]]).astype(float)
        if len(corners) >= 3:
            return _thinned(corners)
    for drawn in selection.get("box", []):
        (left, right), (low, high) = sorted(drawn["x"]), sorted(drawn["y"])
        return np.array([[left, low], [right, low], [right, high], [left, high]], dtype=float)
    return None


def inside(points: NDArray[np.float64], polygon: Polygon) -> NDArray[np.bool_]:
    """(N,) whether each point (N, 2) lies inside, by the even-odd rule; NaN lies outside."""
    found = np.zeros(len(points), dtype=bool)
    near = np.flatnonzero(
        ((points >= polygon.min(axis=0)) & (points <= polygon.max(axis=0))).all(axis=1)
    )
    x, y = points[near].T
    within = np.zeros(len(near), dtype=bool)
    for (x0, y0), (x1, y1) in zip(polygon, np.roll(polygon, -1, axis=0), strict=True):
        if y0 != y1:  # a level edge is never crossed
            crosses = (y0 > y) != (y1 > y)
            within ^= crosses & (x < (x1 - x0) * (y - y0) / (y1 - y0) + x0)
    found[near] = within
    return found


def to_text(polygon: Polygon) -> str:
    """For an address; three decimals are finer than a screen."""
    return "_".join(f"{x:.3f},{y:.3f}" for x, y in polygon)


def from_text(text: str) -> Polygon | None:
    """What ``to_text`` wrote; None for anything else."""
    try:
        corners = np.array([[float(v) for v in part.split(",")] for part in text.split("_")])
    except ValueError:
        return None
    fits = corners.ndim == 2 and corners.shape[1] == 2 and 3 <= len(corners) <= MOST_CORNERS
    return corners if fits and bool(np.isfinite(corners).all()) else None


def _thinned(corners: Polygon) -> Polygon:
    """Evenly chosen corners of a long lasso."""
    if len(corners) <= MOST_CORNERS:
        return corners
    thinned: Polygon = corners[np.linspace(0, len(corners) - 1, MOST_CORNERS).round().astype(int)]
    return thinned
