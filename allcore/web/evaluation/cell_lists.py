"""Lists of cells as pictures that open, such as those that the model gets wrong."""

import zlib
from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from allcore import formats
from allcore.errors import AllScopeError
from allcore.evaluation import outcomes
from allcore.labels import CLASS_NAMES
from allcore.web import frame, guard, navigation
from allcore.web.components import picker, views
from allcore.web.components.picker import Card
from allcore.web.evaluation import cell_dialog
from allcore.web.evaluation.context import Context

SHOW, SUBJECTS, CLASS = "show", "subject", "label"
"""Keys of the controls, and of the address."""
ALL = "all"
CHOICES = outcomes.OUTCOMES | outcomes.LISTS | {ALL: "All cells"}
MOST_SELECTED = 500
_DEFAULT = "confident_errors"


def choose_cells(context: Context, *, filters: bool = True) -> NDArray[np.intp]:
    """Draw the controls of the list; return the rows of the cells, most telling first.

    Args:
        context: of the page.
        filters: whether subjects and class can be chosen too.
    """
    selected_subjects, label = [], None
    with st.container(horizontal=True, vertical_alignment="bottom"):
        show = st.selectbox(
            "Show", list(CHOICES), index=list(CHOICES).index(_DEFAULT),
            format_func=CHOICES.__getitem__, key=SHOW, bind="query-params",
            width=280 if filters else "stretch",
            label_visibility="visible" if filters else "collapsed",
        )  # fmt: skip
        if filters:
            selected_subjects = st.multiselect(
                "Subjects", sorted(context.table["subject"].dropna().unique()), placeholder="All",
                key=SUBJECTS, bind="query-params", width=260,
            )  # fmt: skip
            label = st.pills(
                "Actual", list(CLASS_NAMES), format_func=CLASS_NAMES.__getitem__, key=CLASS,
                bind="query-params",
            )  # fmt: skip
    try:
        ranked = list_cells(context, show)
    except AllScopeError as error:
        frame.problem(error)
        return np.empty(0, dtype=np.intp)
    rows = context.table.iloc[ranked]
    keep = np.ones(len(rows), dtype=bool)
    if selected_subjects:
        keep &= rows["subject"].isin(selected_subjects).to_numpy()
    if label:
        keep &= (rows["label"] == label).to_numpy()
    return ranked[keep]


def list_cells(context: Context, key: str) -> NDArray[np.intp]:
    """The cells of a list of `CHOICES`, most telling first.

    Raises:
        DataError: the list can't be made of these cells.
    """
    if key == ALL:
        return np.arange(len(context.table))
    if key in outcomes.OUTCOMES:
        of_kind = np.flatnonzero(context.outcomes == key)
        distance = np.abs(context.sample.probabilities[of_kind] - context.threshold)
        return of_kind[np.argsort(-distance, kind="stable")]
    return outcomes.rank_cells(
        key,
        labels=context.sample.labels,
        probabilities=context.sample.probabilities,
        threshold=context.threshold,
        label_errors=context.evaluated.label_errors,
    )


@guard.fragment  # opening a cell draws this part of the page, not all of it
def show_cells(
    context: Context,
    indices: NDArray[np.intp],
    *,
    key: str,
    per_page: int = 48,
    size: int = picker.MEDIUM,
    actions: Callable[[Context, NDArray[np.intp]], None] | None = None,
) -> None:
    """Draw a page of cells; a click opens one. Without any picture they are rows of a table.

    Args:
        context: of the page.
        indices: rows of the context's table, in order.
        key: of this place on the page.
        per_page: number of pictures on a page.
        size: least width of a picture in pixels.
        actions: draws what can be done with the selected cells, by their rows; None allows no
            selection.
    """
    if not len(indices):
        st.info("No cell is in this list: change the threshold or the filters.",
                icon=":material/filter_alt_off:")  # fmt: skip
        return
    page = picker.choose_page(len(indices), per_page, key=key)
    rows = context.table.iloc[indices[page]]
    ids = rows["image_id"].astype(str).tolist()
    if context.images.missing(ids) < len(ids):
        sources = context.images.sources(ids)
        shown = cards(rows, context.threshold, synthetic=context.source.synthetic)
        if actions is None:
            opened = picker.show_picker(shown, sources, key=key, size=size)
        else:
            place = st.container()
            chosen = _chosen(context, key)
            choice = picker.show_selectable(
                shown, sources, key=key, chosen=chosen, limit=MOST_SELECTED
            )
            if list(choice.chosen) != chosen:
                st.session_state[f"{key}_chosen"] = list(choice.chosen)
                st.rerun(scope="fragment")
            if chosen:
                with place:
                    _show_selected(context, chosen, actions, key=key)
            opened = choice.opened
    else:
        opened = _show_rows(context, rows, key=key)
    if opened is not None:
        cell_dialog.open_cell(context, opened, cell_ids(context, indices))


def _chosen(context: Context, key: str) -> list[str]:
    """Ids of the selected cells that are among the cells shown."""
    known = set(context.table["image_id"].astype(str))
    return [name for name in st.session_state.get(f"{key}_chosen", ()) if name in known]


def _show_selected(
    context: Context,
    chosen: Sequence[str],
    actions: Callable[[Context, NDArray[np.intp]], None],
    *,
    key: str,
) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{formats.count(len(chosen), 'cell')} selected**", width="content")
        actions(context, np.flatnonzero(context.table["image_id"].astype(str).isin(chosen)))
        st.button(
            "Clear", icon=":material/deselect:", key=f"{key}_clear",
            on_click=lambda: st.session_state.pop(f"{key}_chosen", None),
        )  # fmt: skip


def _show_rows(context: Context, rows: pd.DataFrame, *, key: str) -> str | None:
    """Draw cells without pictures as a table; return the id of the row just chosen."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(f":material/hide_image: {context.images.why_missing}", width="content")
        navigation.link("Dataset", "Connect images", address={views.OPEN: "connect"})
    table = pd.DataFrame(
        {
            "Actual": rows["label"].map(CLASS_NAMES),
            "Predicted": _predicted(rows, context.threshold).map(CLASS_NAMES),
            "Probability": rows["probability"],
            "Subject": rows["subject"],
            "Cell": rows["image_id"],
        }
    )
    # The key holds the cells: a row chosen of other cells must open none of these.
    event = st.dataframe(
        table, hide_index=True, on_select="rerun", selection_mode="single-row",
        key=f"{key}_rows_{zlib.crc32(chr(0).join(map(str, rows['image_id'])).encode())}",
        column_config={"Probability": st.column_config.NumberColumn(format="%.2f")},
        alt="One row a cell; choosing one opens it",
    )  # fmt: skip
    chosen = [str(rows["image_id"].iloc[place]) for place in event["selection"]["rows"]]
    opened, before = f"{key}_row", st.session_state.get(f"{key}_row")
    st.session_state[opened] = chosen
    return chosen[0] if chosen and chosen != before else None


def cards(rows: pd.DataFrame, threshold: float, *, synthetic: bool = False) -> list[Card]:
    """Captions of the pictures: the label, the prediction with its probability, and the subject."""
    columns = rows[["image_id", "label", "subject", "probability"]]
    predicted = _predicted(rows, threshold).map(CLASS_NAMES)
    return [
        Card(
            str(image_id),
            str(label),
            title=f"Actual {CLASS_NAMES.get(str(label), 'unknown')}",
            detail=f"predicted {name} {probability:.2f}"
            f"{'' if pd.isna(subject) else f', subject {subject}'}",
            synthetic=synthetic,
        )
        for (image_id, label, subject, probability), name in zip(
            columns.itertuples(index=False), predicted, strict=True
        )
    ]


def _predicted(rows: pd.DataFrame, threshold: float) -> "pd.Series[str]":
    """The class that each cell is predicted, as a code."""
    return (rows["probability"] >= threshold).map({True: "all", False: "hem"})


def cell_ids(context: Context, indices: NDArray[np.intp]) -> list[str]:
    """The ids of a list, in order."""
    ids: list[str] = context.table["image_id"].iloc[indices].astype(str).tolist()
    return ids


def export_table(context: Context, indices: NDArray[np.intp]) -> pd.DataFrame:
    """A list of cells, for the export."""
    rows = context.table.iloc[indices]
    columns = ["image_id", "subject", "label", "split", "fold", "logit", "probability"]
    return rows[columns].assign(threshold=context.threshold, outcome=context.outcomes[indices])
