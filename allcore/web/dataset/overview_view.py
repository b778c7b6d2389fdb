"""Counts of the data set: by class, split and subject."""

import pandas as pd
import streamlit as st

from allcore import plots
from allcore.data import overview
from allcore.web import frame
from allcore.web.charts import chart
from allcore.web.dataset import sources
from allcore.web.dataset.context import Context

METHOD = """
Counts are of the data set's table, whether or not the pictures are on this machine. The split is
that of the model chosen in the sidebar where it knows the images, otherwise the data set's own.
Cells of one subject look alike, so a subject stands on one side of an honest split only.
"""


def show(context: Context) -> None:
    """Draw the view."""
    st.markdown(summary(context.table), width=frame.TEXT_WIDTH)
    st.markdown(split_sentence(context), width=frame.TEXT_WIDTH)
    left, right = st.columns(2)
    with left:
        chart(plots.split_bars(overview.split_counts(context.table)), name="splits")
    with right:
        chart(plots.subject_bars(overview.subject_counts(context.table)), name="subjects")
    with st.expander("Method"):
        st.markdown(METHOD, width=frame.TEXT_WIDTH)


def summary(table: pd.DataFrame) -> str:
    """How many images of how many subjects of each class there are."""
    parts = [
        f"{plots.NAMES.get(str(row.label), str(row.label))}: {row.images:,} images of "
        f"{row.subjects:,} subjects"
        for row in overview.class_counts(table).itertuples()
    ]
    return f"**{len(table):,} images.** {'; '.join(parts)}."


def split_sentence(context: Context) -> str:
    """Whose split is shown."""
    if (context.table["split"] == overview.UNKNOWN).all():
        return "Which split each image is in is not known: no installed model was trained on them."
    if context.split == sources.OWN:
        return "The split is the data set's own: no installed model was trained on these images."
    return f"The split is that of {frame.plain(context.split)}, by which it was trained and judged."
