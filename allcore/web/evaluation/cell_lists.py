"""Lists of cells as pictures that open: what the model gets wrong, by whatever asks for it."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from allcore import formats
from allcore.errors import AllScopeError
from allcore.evaluation import outcomes
from allcore.labels import CLASS_NAMES
from allcore.web import frame
from allcore.web.components import picker
from allcore.web.components.picker import Card
from allcore.web.evaluation import cell_dialog
from allcore.web.evaluation.context import Context

SHOW, SUBJECTS, CLASS = "show", "subject", "label"
"""Keys of the controls, and of the address."""
ALL = "all"
CHOICES = outcomes.OUTCOMES | outcomes.LISTS | {ALL: "All cells"}
_DEFAULT = "confident_errors"


def choose_cells(context: Context) -> NDArray[np.intp]:
    """Draw the controls of the list; give the cells to show, most telling first."""
    left, right = st.columns(2)
    show = left.selectbox(
        "Show", list(CHOICES), index=list(CHOICES).index(_DEFAULT),
        format_func=CHOICES.__getitem__, key=SHOW, bind="query-params",
    )  # fmt: skip
    subjects = context.table["subject"].dropna()
    selected_subjects = right.multiselect(
        "Subjects", sorted(subjects.unique()), placeholder="All", key=SUBJECTS, bind="query-params"
    )
    label = st.pills(
        "Class",
        list(CLASS_NAMES),
        format_func=CLASS_NAMES.__getitem__,
        key=CLASS,
        bind="query-params",
        label_visibility="collapsed",
    )
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


def show_cells(
    context: Context, indices: NDArray[np.intp], *, key: str, per_page: int = 48
) -> None:
    """A page of cells; one that is clicked opens.

    Args:
        context: of the page.
        indices: rows of the context's table, in order.
        key: of this place on the page.
        per_page: pictures at once.
    """
    if not len(indices):
        st.info("No cell is in this list: change the threshold or the filters.",
                icon=":material/filter_alt_off:")  # fmt: skip
        return
    pages = -(-len(indices) // per_page)
    number = st.pagination(pages, key=f"{key}_page_{pages}") if pages > 1 else 1
    first = (number - 1) * per_page
    here = indices[first : first + per_page]
    rows = context.table.iloc[here]
    ids = rows["image_id"].astype(str).tolist()
    st.caption(f"{first + 1:,} to {first + len(here):,} of {formats.count(len(indices), 'cell')}")
    if len(ids) == context.images.missing(ids):
        st.caption(f":material/hide_image: {context.images.why_missing}")
    opened = picker.show_picker(cards(rows), context.images.sources(ids), key=key)
    if opened is not None:
        cell_dialog.open_cell(context, opened, cell_ids(context, indices))


def cards(rows: pd.DataFrame) -> list[Card]:
    """What stands under each picture: the model's probability, subject, label and file."""
    return [_card(row) for row in rows.itertuples()]


def _card(row: object) -> Card:
    label, subject = str(row.label), row.subject  # type: ignore[attr-defined]
    of = "" if pd.isna(subject) else f"subject {subject}, "
    name = CLASS_NAMES.get(label, "no label")
    return Card(
        image_id=str(row.image_id),  # type: ignore[attr-defined]
        label=label,
        title=f"{name}, {row.probability:.2f}",  # type: ignore[attr-defined]
        detail=f"{of}{row.image_id}",  # type: ignore[attr-defined]
    )


def cell_ids(context: Context, indices: NDArray[np.intp]) -> Sequence[str]:
    """The ids of a list, in order, for the way to the next cell."""
    ids: list[str] = context.table["image_id"].iloc[indices].astype(str).tolist()
    return ids


def export_table(context: Context, indices: NDArray[np.intp]) -> pd.DataFrame:
    """A list of cells as its export holds them."""
    rows = context.table.iloc[indices]
    columns = ["image_id", "subject", "label", "split", "fold", "logit", "probability"]
    return rows[columns].assign(threshold=context.threshold, outcome=context.outcomes[indices])
