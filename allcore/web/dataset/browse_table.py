"""The images of a page as a table with pictures, and the whole list as it is exported."""

import base64
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from allcore.audit.index.queries import RECORDED, Page
from allcore.labels import CLASS_NAMES
from allcore.web.components import gallery
from allcore.web.dataset import browse_cards, browse_state, cell_window
from allcore.web.dataset.context import Context

_LEFT_OUT = ("indexed", "mtime_ns", "phash", "model_sha256", "map_x", "map_y")
_SMALL = ("saturated", "straight", "redness", "elongation")


def show(context: Context, page: Page, found: NDArray[np.intp], chosen: list[str]) -> None:
    """Draw the page; a row that is marked can be opened, or chosen for comparing."""
    measures = context.catalogue.shelf.measures
    columns: dict[str, Any] = {
        "picture": st.column_config.ImageColumn("Picture", width="small"),
        **{name: st.column_config.TextColumn(title) for name, title in RECORDED.items()},
        **{
            name: st.column_config.NumberColumn(
                fact.title.split(" (")[0],
                help=", ".join(filter(None, (fact.title, fact.unit))),
                format="%.3f" if name in _SMALL else "localized",
            )
            for name, fact in measures.items()
        },
        "copies": st.column_config.NumberColumn("Copies", help="Images of the same cell"),
        "error": st.column_config.TextColumn("Why it can't be used"),
    }
    event = st.dataframe(
        drawn(context, page.rows, list(measures)),
        column_config=columns,
        hide_index=True,
        row_height=64,
        height=620,
        on_select="rerun",
        selection_mode="single-row",
        key=f"browse_table_{page.number}",
    )
    marked = event["selection"]["rows"]
    if not marked:
        st.caption("Mark a row to open its cell, or to choose it for comparing.")
    elif marked[0] < len(page.rows):
        _marked(context, str(page.rows["image_id"].iat[marked[0]]), found, chosen)


def drawn(context: Context, rows: pd.DataFrame, measures: list[str]) -> pd.DataFrame:
    """Rows as the table shows them, with their pictures as data addresses."""
    pictures = gallery.store().get(browse_cards.sources(context, rows))
    shown = rows[[*RECORDED, *measures, "copies"]].assign(
        label=rows["label"].map(lambda label: CLASS_NAMES.get(label, label))
    )
    rounded = [name for name in measures if name not in _SMALL]
    shown[rounded] = shown[rounded].astype(float).round(1)
    shown.insert(0, "picture", [_address(each) for each in pictures])
    return shown if (rows["error"] == "").all() else shown.assign(error=rows["error"])


def exported(table: pd.DataFrame, found: NDArray[np.intp]) -> pd.DataFrame:
    """The list that was found as its export holds it."""
    return table[[name for name in table if name not in _LEFT_OUT]].iloc[found]


def _address(picture: bytes | None) -> str | None:
    return f"data:image/webp;base64,{base64.b64encode(picture).decode()}" if picture else None


def _marked(context: Context, image_id: str, found: NDArray[np.intp], chosen: list[str]) -> None:
    """What can be done with the row that is marked."""
    with st.container(horizontal=True, vertical_alignment="center"):
        opened = st.button("Open the cell", icon=":material/open_in_full:", key="table_open")
        full = len(chosen) >= browse_state.LIMIT
        if image_id in chosen:
            rest = [each for each in chosen if each != image_id]
            label, ids = "Take off the choice", rest
        else:
            label, ids = "Choose for comparing", [*chosen, image_id]
        st.button(
            label,
            key="table_choose",
            disabled=full and image_id not in chosen,
            on_click=browse_state.choose,
            args=(ids,),
        )
        if chosen:
            st.markdown(f"{len(chosen)} of {browse_state.LIMIT} chosen", width="content")
    if opened:
        cell_window.open_row(context, image_id, found)
