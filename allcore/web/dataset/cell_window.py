"""One image of the data set in a window of its own, reached by a click or by its address."""

import html
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from allcore import formats
from allcore.data import cells
from allcore.labels import CLASS_NAMES
from allcore.plots import style
from allcore.web import frame, guard
from allcore.web.components import cell_details, cell_pictures, gallery, picker
from allcore.web.dataset import browse_cards, browse_state, cell_answer
from allcore.web.dataset.context import Context

CELL = "cell"
"""Key of the open image in the address."""
ABSENT = (
    "The picture of this cell is not on this machine; what is recorded of it stands here all the "
    "same."
)
_ORDER = "dataset_cell_order"
_FIELD = 1024  # side, in pixels, of what is shown of a larger picture: its middle
_COPIES = 12
_RECORDED = ("width", "height", "size_bytes")
_STYLE = """<style>
.recorded { display: grid; grid-template-columns: max-content 1fr; gap: 0.2rem 0.9rem; margin: 0;
  font-size: 0.85rem; }
.recorded span:nth-child(odd) { opacity: 0.75; } .recorded span { overflow-wrap: anywhere; }
</style>"""


def open_cell(context: Context, image_id: str, order: Sequence[str]) -> None:
    """Open an image; the ids of its list, in order, lead to the ones before and after it."""
    open_row(context, image_id, context.catalogue.shelf.places(order))


def open_row(context: Context, image_id: str, rows: NDArray[np.intp]) -> None:
    """Open an image of a list that is given by row numbers of the context's table."""
    _lead(context, rows)
    st.query_params[CELL] = image_id
    _dialog(context)


def open_from_address(context: Context) -> None:
    """Open the image that the address names."""
    named = st.query_params.get(CELL)
    if not named:
        return
    if not len(context.catalogue.shelf.places([named])):
        st.warning(
            f"The cell {frame.plain(named)} of this address is not in this data set.",
            width=frame.TEXT_WIDTH,
        )
        return
    _dialog(context)


def close() -> None:
    """Take the image off the address; a run of the whole page then closes its window."""
    st.query_params.pop(CELL, None)
    st.session_state.pop(_ORDER, None)


@guard.dialog("Cell", width="large", on_dismiss=close)
def _dialog(context: Context) -> None:
    shelf = context.catalogue.shelf
    here = shelf.places([st.query_params.get(CELL, "")])
    if not len(here):  # a button inside has led elsewhere
        st.rerun()
    order = _order(context, int(here[0]))
    at = int(np.flatnonzero(order == here[0])[0])
    step = cell_details.steps(at, len(order))
    if step:
        _turn_to(str(context.table["image_id"].iat[order[(at + step) % len(order)]]))
    _show(context, int(here[0]))


def _turn_to(image_id: str) -> None:
    st.query_params[CELL] = image_id
    st.rerun(scope="fragment")


def _lead(context: Context, rows: NDArray[np.intp]) -> None:
    """Keep a list by its row numbers: of a large data set they are smaller than its ids."""
    st.session_state[_ORDER] = (context.path, rows.astype(np.int32))


def _order(context: Context, place: int) -> NDArray[np.int32]:
    """The list that was opened, else the image alone."""
    kept: tuple[Path, NDArray[np.int32]] | None = st.session_state.get(_ORDER)
    if kept is not None and kept[0] == context.path and place in kept[1]:
        return kept[1]
    return np.array([place], dtype=np.int32)


def _show(context: Context, place: int) -> None:
    row = context.table.iloc[place]
    mark, colour = gallery.MARKS.get(str(row["label"]), ("○", style.REFUSED))
    st.html(cell_pictures.heading(str(row["image_id"]), mark=mark, colour=colour))
    st.markdown(frame.plain(browse_cards.said(row)), width=frame.TEXT_WIDTH)
    if row["error"]:
        st.warning(frame.plain(str(row["error"])), width=frame.TEXT_WIDTH)
    picture = cell_details.read(browse_cards.file(context, row), missing=ABSENT)
    left, right = st.columns([3, 2], gap="medium")
    with left:
        if picture is not None:
            spoken = f"Picture of {row['image_id']}, {browse_cards.said(row)}"
            cell_pictures.zoomable(cells.centre_crop(picture.rgb, _FIELD), alt=spoken)
        st.html(recorded(row))
    with right:
        cell_details.measures(*_measures(context, row))
    _copies(context, place)
    _subject(context, row)
    cell_answer.show(str(row["image_id"]), context.split)


def recorded(row: "pd.Series[Any]") -> str:
    """What data set and index hold of an image, as HTML."""
    digest = row.get("file_sha256") or row.get("sha256")
    known = {
        "Path": row["path"],
        "Subject": row["subject"],
        "Class": CLASS_NAMES.get(str(row["label"]), row["label"]),
        "Split": row["split"],
        "Fold": row.get("fold"),
        "Picture": _size(row),
        "File": _bytes(row.get("size_bytes")),
        "SHA-256": digest,
    }
    lines = "".join(
        f"<span>{title}</span><span>{html.escape(str(value))}</span>"
        for title, value in known.items()
        if value is not None and not pd.isna(value) and value != ""
    )
    return f'{_STYLE}<div class="recorded">{lines}</div>'


def _size(row: "pd.Series[Any]") -> str:
    width, height = row.get("width"), row.get("height")
    if width is None or pd.isna(width) or not width:
        return ""
    return f"{width:.0f} × {height:.0f} pixels"


def _bytes(size: float | None) -> str:
    return "" if size is None or pd.isna(size) else f"{size / 1000:,.1f} kB"


def _measures(context: Context, row: "pd.Series[Any]") -> tuple[dict[str, float], dict[str, float]]:
    """The measures of an image, and the share of measured images below each of them."""
    if row["error"] or not row["indexed"]:
        return {}, {}
    known = [name for name in context.catalogue.shelf.measures if name not in _RECORDED]
    names = [name for name in known if pd.notna(row[name])]
    values = {name: float(row[name]) for name in names}
    below = (context.catalogue.measured[names] < pd.Series(values)).mean() * 100
    flags = {"border": bool(row["border"])} if "border" in row else {}
    return values | flags, {str(name): float(share) for name, share in below.items()}


def _copies(context: Context, place: int) -> None:
    """The other images of the same cell; one that is clicked opens."""
    shelf, image_id = context.catalogue.shelf, str(context.table["image_id"].iat[place])
    family = shelf.family(image_id)
    others = family[family != place]
    if not len(others):
        return
    rows = context.table.iloc[others]
    st.markdown(f"**{copies_in_words(context.table.iloc[family])}**", width=frame.TEXT_WIDTH)
    shown = rows.iloc[:_COPIES]
    cards = browse_cards.cards(shown, synthetic=context.synthetic)
    opened = picker.show(cards, browse_cards.sources(context, shown), key=f"copies_{place}")
    if opened is not None:
        _lead(context, family)
        _turn_to(opened)
    st.button(
        f"Show the {len(family):,} in Browse",
        icon=":material/content_copy:",
        key="cell_family",
        on_click=_leave,
        kwargs={"same_as": image_id},
    )


def copies_in_words(rows: pd.DataFrame) -> str:
    """How many images show one cell, and whether subjects or classes differ."""
    said = f"The same cell in {formats.count(len(rows), 'image')}"
    for column, what in (("subject", "subjects"), ("label", "classes"), ("split", "splits")):
        found = sorted(rows[column].astype(str).unique())
        if len(found) > 1:
            named = " and ".join(CLASS_NAMES.get(name, name) for name in found[:4])
            said += f", filed under different {what}: {named}"
    return frame.plain(f"{said}.")


def _subject(context: Context, row: "pd.Series[Any]") -> None:
    """The way to the other cells of the image's subject."""
    count = int((context.table["subject"] == row["subject"]).sum())
    if count < 2:
        return
    named = frame.plain(str(row["subject"]))
    st.button(
        f"Show all {formats.count(count, 'cell')} of subject {named}",
        icon=":material/person_search:",
        key="cell_subject",
        on_click=_leave,
        kwargs={"subjects": [str(row["subject"])]},
    )


def _leave(**asked: Any) -> None:
    close()
    browse_state.ask(**asked)
