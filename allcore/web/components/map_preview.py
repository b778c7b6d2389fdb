"""Thumbnail of the cell under the pointer on a map, and the cell that was clicked."""

from collections.abc import Callable, Mapping
from pathlib import Path

import streamlit as st

from allcore.data.thumbnails import ImageSource
from allcore.web import guard
from allcore.web.components import picker

_MOUNT = st.components.v2.component(
    "allscope_map_preview",
    html='<div class="preview" aria-hidden="true" hidden><img alt=""><span></span></div>\n',
    css=Path(__file__).with_suffix(".css").read_text(encoding="utf-8"),
    js=Path(__file__).with_suffix(".js").read_text(encoding="utf-8"),
)


@guard.fragment  # pointing draws neither the map nor the page
def show_preview(
    sources_near: Callable[[str], Mapping[str, ImageSource]],
    on_open: Callable[[str], None],
    *,
    synthetic: bool,
    key: str,
) -> None:
    """Show cells of the chart that stands in the same container.

    Args:
        sources_near: thumbnail sources by id of a cell and of some cells around it; of none for an
            unknown id.
        on_open: called with the id of the cell that was clicked.
        synthetic: whether the images were drawn by ALLScope.
        key: unique on the page. The chart's points have their cell's id as ``customdata``.
    """
    at = f"{key}_at"

    def point() -> None:
        st.session_state[at] = st.session_state[key].pointed

    sources = sources_near(st.session_state[at]) if st.session_state.get(at) else {}
    thumbnails = picker.thumbnail_store().get(list(sources.values()))
    pictures = {
        image_id: "" if webp is None else picker.thumbnail_address(webp)
        for image_id, webp in zip(sources, thumbnails, strict=True)
    }
    result = _MOUNT(
        key=key, data={"pictures": pictures, "drawn": synthetic}, on_pointed_change=point,
        on_opened_change=lambda: None,
    )  # fmt: skip
    if result.opened:
        on_open(str(result.opened))
