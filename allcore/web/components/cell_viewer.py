"""One picture of a list, with zoom at the pointer, arrow keys, brightness and a scale bar."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import streamlit as st

AHEAD = 5
"""Cells before and after the one shown that the browser can turn to without the page's answer."""
_HTML = """<div class="viewer">
<div class="stage" role="group" aria-label="Picture: wheel to enlarge, arrow keys for the next">
<img alt=""><span class="none"></span><span class="bar"></span></div>
<div class="controls">
<button type="button" class="before" title="Arrow left">‹ Previous</button>
<button type="button" class="after" title="Arrow right">Next ›</button>
<span class="place" role="status"></span>
<label>Brightness <input type="range" class="brightness" min="1" max="3" step="0.1"></label>
<button type="button" class="fit">Fit</button>
</div></div>
"""
_MOUNT = st.components.v2.component(
    "allscope_cell_viewer",
    html=_HTML,
    css=Path(__file__).with_suffix(".css").read_text(encoding="utf-8"),
    js=Path(__file__).with_suffix(".js").read_text(encoding="utf-8"),
)


def show_viewer(
    image_ids: Sequence[str],
    pictures: Mapping[str, str],
    *,
    at: str,
    place: int,
    total: int,
    key: str,
    on_step: Callable[[str], None],
) -> None:
    """Draw the picture of a cell, which can be turned to those beside it.

    Args:
        image_ids: of the cell and up to `AHEAD` on each side, in the list's order.
        pictures: data addresses by id, of the cell and of those that are shown without waiting; an
            empty one stands for a picture that is not here.
        at: id of the cell.
        place: its place in the list, from 0.
        total: length of the list.
        key: unique on the page.
        on_step: called with the id of the cell turned to, before the run that shows it.
    """
    counter = f"{key}_count"

    def turn() -> None:
        step = st.session_state[key].at
        # Counted, since an answer that is older than the last key must not turn back.
        st.session_state[counter] = step["count"]
        on_step(str(step["id"]))

    data = {
        "ids": list(image_ids), "pictures": dict(pictures), "at": at, "place": place,
        "total": total, "count": st.session_state.get(counter, 0),
    }  # fmt: skip
    _MOUNT(key=key, data=data, on_at_change=turn)
