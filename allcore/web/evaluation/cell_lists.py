"""Lists of cells as pictures that open, such as those that the model gets wrong."""

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

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
    """Draw the controls of the list; return the rows of the cells, most telling first."""
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
        "Class", list(CLASS_NAMES), format_func=CLASS_NAMES.__getitem__, key=CLASS,
        bind="query-params", label_visibility="collapsed",
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


def show_cells(
    context: Context, indices: NDArray[np.intp], *, key: str, per_page: int = 48
) -> None:
    """Draw a page of cells; a click opens one.

    Args:
        context: of the page.
        indices: rows of the context's table, in order.
        key: of this place on the page.
        per_page: number of pictures on a page.
    """
    if not len(indices):
        st.info("No cell is in this list: change the threshold or the filters.",
                icon=":material/filter_alt_off:")  # fmt: skip
        return
    page = picker.choose_page(len(indices), per_page, key=key)
    rows = context.table.iloc[indices[page]]
    ids = rows["image_id"].astype(str).tolist()
    if len(ids) == context.images.missing(ids):
        st.caption(f":material/hide_image: {context.images.why_missing}")
    opened = picker.show_picker(cards(rows), context.images.sources(ids), key=key)
    if opened is not None:
        cell_dialog.open_cell(context, opened, cell_ids(context, indices))


def cards(rows: pd.DataFrame) -> list[Card]:
    """Captions of the pictures: the label, the model's probability, subject and file."""
    columns = rows[["image_id", "label", "subject", "probability"]]
    return [
        Card(
            str(image_id),
            str(label),
            title=f"{CLASS_NAMES.get(str(label), 'no label')}, {probability:.2f}",
            detail=f"{'' if pd.isna(subject) else f'subject {subject}, '}{image_id}",
        )
        for image_id, label, subject, probability in columns.itertuples(index=False)
    ]


def cell_ids(context: Context, indices: NDArray[np.intp]) -> list[str]:
    """The ids of a list, in order."""
    ids: list[str] = context.table["image_id"].iloc[indices].astype(str).tolist()
    return ids


def export_table(context: Context, indices: NDArray[np.intp]) -> pd.DataFrame:
    """A list of cells, for the export."""
    rows = context.table.iloc[indices]
    columns = ["image_id", "subject", "label", "split", "fold", "logit", "probability"]
    return rows[columns].assign(threshold=context.threshold, outcome=context.outcomes[indices])
