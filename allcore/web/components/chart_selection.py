"""The area that somebody draws on a chart: of its selection, else of the address."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from allcore.web.components import map_region
from allcore.web.components.map_region import Polygon

AREA = "area"
"""Key of the area in the address."""
_CLEARED, _OF = "areas cleared", "area drawn on"


def key(name: str) -> str:
    """Key of a chart that is drawn on; another one once its area is cleared.

    A new figure has no selection, and nothing else takes one away.
    """
    return f"{name}_{st.session_state.get(_CLEARED, 0)}"


def area(event: Mapping[str, Any] | None, *, of: str) -> Polygon | None:
    """The area that was just drawn, else the one in the address; None without one.

    Args:
        event: what the chart of `key` gives.
        of: what is drawn on; an area drawn on something else is dropped, for its corners mean
            other points there.
    """
    if st.session_state.setdefault(_OF, of) != of:
        st.query_params.pop(AREA, None)
        st.session_state[_OF] = of
    found = map_region.of_selection(event["selection"]) if event else None
    if found is not None:
        st.query_params[AREA] = map_region.to_text(found)
        return found
    return map_region.from_text(st.query_params.get(AREA, ""))


def clear() -> None:
    """Forget the area, in the address and on the chart."""
    st.query_params.pop(AREA, None)
    st.session_state[_CLEARED] = st.session_state.get(_CLEARED, 0) + 1


def clear_button() -> None:
    """Draw the button that clears the area."""
    st.button("Clear the selection", icon=":material/deselect:", on_click=clear)
