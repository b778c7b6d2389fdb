"""Window of one image, opened by a click or by the address."""

import html
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray
from PIL import Image

from allcore import formats
from allcore.audit.index import queries, store
from allcore.data import cells
from allcore.data.images import decoding
from allcore.errors import AllScopeError
from allcore.explain.answer_summary import AnswerSummary
from allcore.explain.neighbours import Neighbours
from allcore.labels import CLASS_NAMES
from allcore.model_folder import InstalledModel
from allcore.web import frame, guard, navigation
from allcore.web.cell_images import CellImages
from allcore.web.components import (
    cell_details,
    cell_pictures,
    cell_viewer,
    explanation_view,
    picker,
    verdict_block,
)
from allcore.web.dataset import browse_filters, held_out_answers, image_cards
from allcore.web.dataset.context import DatasetContext
from allcore.web.evaluation import synthetic_cells

CELL = "cell"
"""Key of the open image in the address."""
NO_FEATURES = "No nearest cells: this data set is not indexed with a model's features."
_LIST = "dataset_cell_order"
"""Session key of the list that the image was opened from."""
_MAX_SIDE = 1024  # pixels; of a larger image the middle is shown
_COPIES, _NEAREST = 6, 6
_RECORDED = ("width", "height", "size_bytes")
_STYLE = frame.styles(__file__)


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
        frame.warning(f"The cell {frame.plain(image_id)} of this address is not in this data set.")


def close() -> None:
    """Remove the image from the address; the next run of the whole page closes the window."""
    st.query_params.pop(CELL, None)
    st.session_state.pop(_LIST, None)


def record_html(row: "pd.Series[Any]", below: "pd.Series[float] | None" = None) -> str:
    """An image's entries in manifest and index, as HTML.

    Args:
        row: of the catalogue's table.
        below: percentage of measured images below each measure that the image has.
    """
    width, height, size = (row.get(name) for name in _RECORDED)
    entries = {
        "Path": row["path"],
        "Fold": row.get("fold"),
        "Picture": f"{width:.0f} × {height:.0f} pixels" if pd.notna(width) and width else "",
        "File": f"{size / 1000:,.1f} kB" if pd.notna(size) else "",
        "SHA-256": row.get("file_sha256") or row.get("sha256"),
    }
    lines = [
        f"<div><span>{title}</span><span>{html.escape(str(value))}</span></div>"
        for title, value in entries.items()
        if pd.notna(value) and value != ""
    ]
    for name, share in ({} if below is None else below).items():
        fact = queries.MEASURES[str(name)]
        value = cell_details.in_words(float(row[str(name)]), fact.unit)
        lines.append(
            f"<div><span>{fact.title}</span><span>{value}</span><i>above {share:.0f} %</i></div>"
        )
    return f'{_STYLE}<div class="recorded">{"".join(lines)}</div>'


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
    left, right = st.columns(2, gap="medium")
    with left:
        _show_picture(context, rows, int(np.flatnonzero(rows == place)[0]))
    with right:
        _show_facts(context, place)
        _show_copies(context, place)
        _show_nearest(context, place)
        _show_links(context, context.table.iloc[place])
    row = context.table.iloc[place]
    st.html(record_html(row, _shares_below(context, row)))


def _step_to(image_id: str) -> None:
    st.query_params[CELL] = image_id


def _turn_to(image_id: str) -> None:
    _step_to(image_id)
    st.rerun(scope="fragment")


def _store_list(context: DatasetContext, rows: NDArray[np.intp]) -> None:
    # Row numbers, since the ids of a large data set would take much more memory.
    st.session_state[_LIST] = (context.path, rows.astype(np.int32))


def _show_picture(context: DatasetContext, rows: NDArray[np.int32], at: int) -> None:
    """Draw the picture; those before and after it are sent along, to be seen at once."""
    first = max(0, at - cell_viewer.AHEAD)
    around = context.table.iloc[rows[first : at + cell_viewer.AHEAD + 1]]
    ids = around["image_id"].astype(str).tolist()
    here = at - first
    pictures = {
        ids[place]: _picture_address(image_cards.image_file(context, around.iloc[place]))
        for place in range(max(0, here - 1), min(len(ids), here + 2))
    }
    cell_viewer.show_viewer(
        ids, pictures, at=ids[here], place=at, total=len(rows), key="cell_viewer", on_step=_step_to
    )


def _picture_address(path: Path | None) -> str:
    """The middle of an image as a data address; empty where it can't be read."""
    try:
        return "" if path is None else _encode(path, path.stat().st_mtime_ns)
    except (OSError, AllScopeError):
        return ""


@st.cache_data(max_entries=60, show_spinner=False)
def _encode(path: Path, changed: int) -> str:
    middle = cells.centre_crop(decoding.decode(path.read_bytes()), _MAX_SIDE)
    return cell_pictures.data_address(Image.fromarray(middle), "PNG", compress_level=3)


def _show_facts(context: DatasetContext, place: int) -> None:
    """Draw name, class and subject of an image, and a model's held-out answer."""
    row = context.table.iloc[place]
    mark, colour = picker.class_mark(row["label"])
    st.html(cell_pictures.heading(str(row["image_id"]), mark=mark, colour=colour))
    st.markdown(frame.plain(image_cards.describe_image(row)))
    if row["error"]:
        st.warning(frame.plain(str(row["error"])))
    _show_held_out_answer(context, str(row["image_id"]))


def _shares_below(context: DatasetContext, row: "pd.Series[Any]") -> "pd.Series[float] | None":
    """Percentage of measured images below each measure of an image; None without measures."""
    if row["error"] or not row["indexed"]:
        return None
    measures = [name for name in context.catalogue.shelf.measures if name not in _RECORDED]
    values = row[[name for name in measures if pd.notna(row[name])]].astype(float)
    return (context.catalogue.measured[values.index] < values).mean() * 100


def _show_nearest(context: DatasetContext, place: int) -> None:
    """Draw the cells that are nearest by the network's features, copies left out."""
    about, row = context.catalogue.about, context.table.iloc[place]
    found = None if about is None else _neighbours(context, context.path, about.finished)
    image_id = str(row["image_id"])
    if found is None or image_id not in found:
        st.caption(NO_FEATURES)
        return
    family = set(context.table["image_id"].iloc[context.catalogue.shelf.family(image_id)])
    near = [
        one for one in found.nearest(image_id, _NEAREST + len(family)) if one.image_id not in family
    ][:_NEAREST]
    rows = context.table.iloc[context.catalogue.shelf.places([one.image_id for one in near])]
    same = int((rows["label"] == row["label"]).sum())
    label = CLASS_NAMES.get(str(row["label"]))
    agree = "" if label is None else f": {same} of {len(rows)} are {label}"
    st.markdown(f"**Nearest cells**{agree}")
    _show_others(context, rows, key="cell_nearest", around=np.r_[place, rows.index.to_numpy()])


def _show_others(
    context: DatasetContext, rows: pd.DataFrame, *, key: str, around: NDArray[np.intp]
) -> None:
    """Draw small pictures; one that is opened is stepped through with the others."""
    opened = image_cards.show_images(context, rows, key=key, size=picker.TINY)
    if opened is not None:
        _store_list(context, around)
        _turn_to(opened)


# One set of vectors a data set, read once for all sessions.
@st.cache_resource(max_entries=2, show_spinner=False)
def _neighbours(_context: DatasetContext, path: Path, finished: str) -> Neighbours | None:
    """The indexed cells with their features; None without any."""
    index = store.read(path)
    known = np.isfinite(index.embeddings).all(axis=1) & index.table["image_id"].isin(
        _context.table["image_id"]
    ).to_numpy(dtype=bool)
    if not index.embeddings.shape[1] or not known.any():
        return None
    table = _context.table.set_index("image_id").loc[index.table["image_id"][known]].reset_index()
    columns = table[["image_id", "label", "subject", "group"]]
    return Neighbours(columns.assign(probability=np.nan, part="unknown"), index.embeddings[known])


def _show_copies(context: DatasetContext, place: int) -> None:
    """Draw the other images of the same cell."""
    image_id = str(context.table["image_id"].iat[place])
    family = context.catalogue.shelf.family(image_id)
    copies = family[family != place]
    if not len(copies):
        return
    st.markdown(f"**{copies_sentence(context.table.iloc[family])}**")
    _show_others(context, context.table.iloc[copies[:_COPIES]], key="cell_copies", around=family)


def _show_links(context: DatasetContext, row: "pd.Series[Any]") -> None:
    """Draw the buttons that turn to Browse."""
    image_id, subject = str(row["image_id"]), str(row["subject"])
    copies = len(context.catalogue.shelf.family(image_id))
    images = int((context.table["subject"] == row["subject"]).sum())
    with st.container(horizontal=True):
        if images > 1:
            st.button(
                f"All {formats.count(images, 'cell')} of subject {frame.plain(subject)}",
                icon=":material/person_search:", key="cell_subject", on_click=_leave_for_browse,
                kwargs={"subjects": [subject]},
            )  # fmt: skip
        if copies > 1:
            st.button(
                f"The {copies:,} images of this cell in Browse",
                icon=":material/content_copy:", key="cell_family", on_click=_leave_for_browse,
                kwargs={"same_as": image_id},
            )  # fmt: skip


def _show_held_out_answer(context: DatasetContext, image_id: str) -> None:
    """The verdict of a model's held-out prediction, with a link to its window on Evaluation."""
    predictions = held_out_answers.load_answers(context.split, synthetic=context.synthetic)
    answer = None if predictions is None else predictions.find(image_id)
    if predictions is None or answer is None:
        return
    model = predictions.model
    # The prediction sets have no coverage for cells that were drawn.
    summary = _summary(model, answer.probability, with_sets=not context.synthetic)
    name = f"{'Answer' if context.synthetic else 'Held-out answer'} of {model.name}"
    st.html(verdict_block.text_html(summary, name=name, certainty=summary.certainty()))
    outcome = cell_details.outcome(answer.label, answer.probability, summary.threshold)
    split = synthetic_cells.TITLE if context.synthetic else formats.SPLITS.get(answer.split)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{outcome[0].upper()}{outcome[1:]}.**", width="content")
        if split and answer.label is not None:
            navigation.link(
                "Evaluation",
                "Open in Evaluation",
                address={"model": model.name, "split": split, "cell": answer.image_id},
            )


def _summary(model: InstalledModel, probability: float, *, with_sets: bool) -> AnswerSummary:
    """The verdict of a held-out probability at the model's threshold."""
    threshold = model.info.threshold
    explainer = explanation_view.explainer(CellImages())
    sets = explainer.record(model).sets if with_sets else None
    return AnswerSummary(
        verdict="all" if probability >= threshold else "hem",
        probability=probability,
        threshold=threshold,
        held_out=True,
        classes=sets.of(probability) if sets else (),
    )


def _leave_for_browse(**filters: Any) -> None:
    close()
    browse_filters.open_browse(**filters)
