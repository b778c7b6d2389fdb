"""An area drawn on a chart: read from the chart's selection or the address, tested for points."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

Polygon = NDArray[np.float64]
"""(K, 2) corners, at least three."""
MAX_CORNERS = 40
AREA = "area"
"""Key of the area in the address."""
_CLEARED, _SUBJECT = "areas cleared", "area drawn on"


def chart_key(name: str) -> str:
    """Key of a chart on which areas are drawn; it changes when the area is cleared.

    Streamlit offers no other way to clear a chart's selection than a new chart.
    """
    return f"{name}_{st.session_state.get(_CLEARED, 0)}"


def current_area(event: Mapping[str, Any] | None, *, of: str) -> Polygon | None:
    """The area just drawn, else the one in the address; None without one.

    Args:
        event: what the chart with `chart_key` returned.
        of: what the chart shows; an area drawn on another chart is dropped, for its corners mean
            other points there.
    """
    if st.session_state.setdefault(_SUBJECT, of) != of:
        st.query_params.pop(AREA, None)
        st.session_state[_SUBJECT] = of
    polygon = selected_area(event["selection"]) if event else None
    if polygon is not None:
        st.query_params[AREA] = area_to_text(polygon)
        return polygon
    return area_from_text(st.query_params.get(AREA, ""))


def show_clear_button() -> None:
    """Draw the button that clears the area, in the address and on the chart."""
    st.button("Clear the selection", icon=":material/deselect:", on_click=_clear)


def selected_area(selection: Mapping[str, Any]) -> Polygon | None:
    """The lasso of a plotly selection, else its box; None where nothing was drawn."""
    for lasso in selection.get("lasso", []):
        corners = np.column_stack([lasso["x"], lasso["y"]]).astype(float)
        if len(corners) >= 3:
            return _simplify(corners)
    for box in selection.get("box", []):
        (left, right), (low, high) = sorted(box["x"]), sorted(box["y"])
        return np.array([[left, low], [right, low], [right, high], [left, high]], dtype=float)
    return None


def points_inside(points: NDArray[np.float64], polygon: Polygon) -> NDArray[np.bool_]:
    """(N,) whether each point (N, 2) lies inside, by the even-odd rule; NaN lies outside."""
    from skimage import measure  # takes its time, and most pages have no area

    inside: NDArray[np.bool_] = measure.points_in_poly(points, polygon)  # type: ignore[no-untyped-call]
    return inside


def area_to_text(polygon: Polygon) -> str:
    """An area as text for an address; three decimals are finer than a screen."""
    return "_".join(f"{x:.3f},{y:.3f}" for x, y in polygon)


def area_from_text(text: str) -> Polygon | None:
    """The area that `area_to_text` wrote; None for any other text."""
    try:
        corners = np.array([[float(v) for v in part.split(",")] for part in text.split("_")])
    except ValueError:
        return None
    valid = corners.ndim == 2 and corners.shape[1] == 2 and 3 <= len(corners) <= MAX_CORNERS
    return corners if valid and bool(np.isfinite(corners).all()) else None


def _clear() -> None:
    st.query_params.pop(AREA, None)
    st.session_state[_CLEARED] = st.session_state.get(_CLEARED, 0) + 1


def _simplify(corners: Polygon) -> Polygon:
    """At most `MAX_CORNERS` corners, evenly chosen."""
    if len(corners) <= MAX_CORNERS:
        return corners
    chosen = np.linspace(0, len(corners) - 1, MAX_CORNERS).round().astype(int)
    return np.take(corners, chosen, axis=0)
