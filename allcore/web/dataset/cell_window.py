"""Window of one image, opened by a click or by the address."""

import html
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from allcore import formats
from allcore.data import cells
from allcore.labels import CLASS_NAMES
from allcore.web import frame, guard
from allcore.web.components import cell_details, cell_pictures, picker
from allcore.web.dataset import browse_filters, held_out_answers, image_cards
from allcore.web.dataset.context import DatasetContext

CELL = "cell"
"""Key of the open image in the address."""
ABSENT = (
    "The picture of this cell is not on this machine; what is recorded of it stands here all the "
    "same."
)
_LIST = "dataset_cell_order"
"""Session key of the list that the image was opened from."""
_MAX_SIDE = 1024  # pixels; of a larger image the middle is shown
_MAX_COPIES = 12
_RECORDED = ("width", "height", "size_bytes")
_STYLE = """<style>
.recorded { display: grid; grid-template-columns: max-content 1fr; gap: 0.2rem 0.9rem; margin: 0;
  font-size: 0.85rem; }
.recorded span:nth-child(odd) { opacity: 0.75; } .recorded span { overflow-wrap: anywhere; }
</style>"""


def open_cell(context: DatasetContext, image_id: str, image_ids: Sequence[str]) -> None:
    """Open an image of a list of ids, which the window's buttons step through."""
    open_row(context, image_id, context.catalogue.shelf.places(image_ids))


def open_row(context: DatasetContext, image_id: str, rows: NDArray[np.intp]) -> None:
    """Open an image of a list of row numbers of the context's table."""
    _store_list(context, rows)
    st.query_params[CELL] = image_id
    _show_dialog(context)


def open_from_address(context: DatasetContext) -> None:
    """Open the image that the address names."""
    image_id = st.query_params.get(CELL)
    if image_id and len(context.catalogue.shelf.places([image_id])):
        _show_dialog(context)
    elif image_id:
        st.warning(
            f"The cell {frame.plain(image_id)} of this address is not in this data set.",
            width=frame.TEXT_WIDTH,
        )


def close() -> None:
    """Remove the image from the address; the next run of the whole page closes the window."""
    st.query_params.pop(CELL, None)
    st.session_state.pop(_LIST, None)


def record_html(row: "pd.Series[Any]") -> str:
    """An image's entries in manifest and index, as HTML."""
    width, height, size = (row.get(name) for name in _RECORDED)
    entries = {
        "Path": row["path"],
        "Subject": row["subject"],
        "Class": CLASS_NAMES.get(str(row["label"]), row["label"]),
        "Split": row["split"],
        "Fold": row.get("fold"),
        "Picture": f"{width:.0f} × {height:.0f} pixels" if pd.notna(width) and width else "",
        "File": f"{size / 1000:,.1f} kB" if pd.notna(size) else "",
        "SHA-256": row.get("file_sha256") or row.get("sha256"),
    }
    lines = "".join(
        f"<span>{title}</span><span>{html.escape(str(value))}</span>"
        for title, value in entries.items()
        if pd.notna(value) and value != ""
    )
    return f'{_STYLE}<div class="recorded">{lines}</div>'


def copies_sentence(rows: pd.DataFrame) -> str:
    """Number of images of one cell, and the subjects, classes or splits that contradict."""
    sentence = f"The same cell in {formats.count(len(rows), 'image')}"
    for column, noun in (("subject", "subjects"), ("label", "classes"), ("split", "splits")):
        values = sorted(rows[column].astype(str).unique())
        if len(values) > 1:
            names = " and ".join(CLASS_NAMES.get(value, value) for value in values[:4])
            sentence += f", filed under different {noun}: {names}"
    return frame.plain(f"{sentence}.")


@guard.dialog("Cell", width="large", on_dismiss=close)
def _show_dialog(context: DatasetContext) -> None:
    places = context.catalogue.shelf.places([st.query_params.get(CELL, "")])
    if not len(places):  # a button inside has closed the window
        st.rerun()
    place = int(places[0])
    path, rows = st.session_state.get(_LIST, (None, ()))
    if path != context.path or place not in rows:  # not opened from a list of this data set
        rows = np.array([place], dtype=np.int32)
    position = int(np.flatnonzero(rows == place)[0])
    step = cell_details.steps(position, len(rows))
    if step:
        _turn_to(str(context.table["image_id"].iat[rows[(position + step) % len(rows)]]))
    _show_image(context, place)


def _turn_to(image_id: str) -> None:
    st.query_params[CELL] = image_id
    st.rerun(scope="fragment")


def _store_list(context: DatasetContext, rows: NDArray[np.intp]) -> None:
    # Row numbers, since the ids of a large data set would take much more memory.
    st.session_state[_LIST] = (context.path, rows.astype(np.int32))


def _show_image(context: DatasetContext, place: int) -> None:
    row = context.table.iloc[place]
    description = image_cards.describe_image(row)
    mark, colour = picker.class_mark(row["label"])
    st.html(cell_pictures.heading(str(row["image_id"]), mark=mark, colour=colour))
    st.markdown(frame.plain(description), width=frame.TEXT_WIDTH)
    if row["error"]:
        st.warning(frame.plain(str(row["error"])), width=frame.TEXT_WIDTH)
    picture = cell_details.read(image_cards.image_file(context, row), missing=ABSENT)
    left, right = st.columns([3, 2], gap="medium")
    with left:
        if picture is not None:
            alt = f"Picture of {row['image_id']}, {description}"
            cell_pictures.zoomable(cells.centre_crop(picture.rgb, _MAX_SIDE), alt=alt)
        st.html(record_html(row))
    with right:
        cell_details.measures(*_measures(context, row))
    _show_copies(context, place)
    _show_subject_link(context, row)
    _show_held_out_answer(context, str(row["image_id"]))


def _measures(
    context: DatasetContext, row: "pd.Series[Any]"
) -> tuple[dict[str, float], dict[str, float]]:
    """Measures of an image, and the percentage of measured images below each of them."""
    if row["error"] or not row["indexed"]:
        return {}, {}
    known = [name for name in context.catalogue.shelf.measures if name not in _RECORDED]
    names = [name for name in known if pd.notna(row[name])]
    values = {name: float(row[name]) for name in names}
    below = (context.catalogue.measured[names] < pd.Series(values)).mean() * 100
    flags = {"border": bool(row["border"])} if "border" in row else {}
    return values | flags, {str(name): float(share) for name, share in below.items()}


def _show_copies(context: DatasetContext, place: int) -> None:
    """Draw the other images of the same cell."""
    image_id = str(context.table["image_id"].iat[place])
    family = context.catalogue.shelf.family(image_id)
    copies = family[family != place]
    if not len(copies):
        return
    st.markdown(f"**{copies_sentence(context.table.iloc[family])}**", width=frame.TEXT_WIDTH)
    rows = context.table.iloc[copies[:_MAX_COPIES]]
    opened = image_cards.show_images(context, rows, key=f"copies_{place}")
    if opened is not None:
        _store_list(context, family)
        _turn_to(opened)
    st.button(
        f"Show the {len(family):,} in Browse",
        icon=":material/content_copy:",
        key="cell_family",
        on_click=_leave_for_browse,
        kwargs={"same_as": image_id},
    )


def _show_subject_link(context: DatasetContext, row: "pd.Series[Any]") -> None:
    images = int((context.table["subject"] == row["subject"]).sum())
    if images < 2:
        return
    st.button(
        f"Show all {formats.count(images, 'cell')} of subject {frame.plain(str(row['subject']))}",
        icon=":material/person_search:",
        key="cell_subject",
        on_click=_leave_for_browse,
        kwargs={"subjects": [str(row["subject"])]},
    )


def _show_held_out_answer(context: DatasetContext, image_id: str) -> None:
    """A model's held-out prediction, with a link to its window on the Evaluation page."""
    predictions = held_out_answers.load_answers(context.split)
    answer = None if predictions is None else predictions.find(image_id)
    if predictions is None or answer is None:
        return
    model, threshold = predictions.model.name, predictions.model.info.threshold
    outcome = cell_details.outcome(answer.label, answer.probability, threshold)
    st.markdown(
        f"**Held-out answer of {frame.plain(model)}:** probability of ALL blast "
        f"{answer.probability:.2f} at a threshold of {threshold:.2f}; {outcome}.",
        width=frame.TEXT_WIDTH,
    )
    if answer.split in formats.SPLITS and answer.label is not None:
        st.page_link(
            "pages/evaluation.py",
            label="Why, on the Evaluation page",
            icon=":material/query_stats:",
            query_params={
                "model": model, "split": formats.SPLITS[answer.split], "cell": answer.image_id,
            },
        )  # fmt: skip


def _leave_for_browse(**filters: Any) -> None:
    close()
    browse_filters.open_browse(**filters)
