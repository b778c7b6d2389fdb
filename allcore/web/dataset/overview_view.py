"""Counts by class, split, fold and subject, and distributions of measures by class."""

from datetime import datetime

import numpy as np
import pandas as pd
import streamlit as st

from allcore.audit.index import distributions
from allcore.audit.index.catalogue import Catalogue
from allcore.data import dataset_counts
from allcore.data.cell_measurements import MEASURES, Measure
from allcore.formats import count
from allcore.labels import CLASS_NAMES
from allcore.plots import dataset as dataset_plots
from allcore.web import frame, guard
from allcore.web.components.charts import show_chart, show_csv_download
from allcore.web.dataset import cell_window, connect_index, image_cards
from allcore.web.dataset.context import OWN_SPLIT, DatasetContext, computed, saved_name

METHOD = """
Counts are of the data set's table, whether or not the pictures are on this machine. The split is
that of the model chosen above where it knows the images, otherwise the data set's own.
Cells of one subject look alike, so a subject stands on one side of an honest split only; subject
ids that share a cell count as one subject wherever subjects are compared.

A measure's curve gives each cell the same weight. The marks below it are the means of subjects, and
it is these that the title compares: the difference of the classes' means over subjects with
Welch's 95 % interval. Area is in pixels of the picture; brightness runs from 0 to 255; focus is the
standard deviation of the Laplacian inside the cell, away from its outline.
"""
SHOWN_MEASURES = ("area", "brightness", "focus")
"""Measures that the page shows; the others open on demand."""
EXAMPLES = 4
"""Cells of each class that are shown."""
MISSING = "Size, brightness and focus of the cells"
"""What an index adds to the view."""


def show_overview(context: DatasetContext) -> None:
    """Draw the view."""
    st.markdown(f"{computed(summary, context.table)} {split_sentence(context)}")
    _show_examples(context)
    if context.catalogue.is_indexed:
        st.caption(index_sentence(context.catalogue))
    subjects = computed(dataset_counts.subject_counts, context.table)
    left, right = st.columns(2)
    with left:
        counts = computed(dataset_counts.split_counts, context.table)
        show_chart(dataset_plots.split_bars(counts), name="splits")
    with right:
        show_chart(dataset_plots.subject_bars(subjects), name="subjects")
    if context.catalogue.is_indexed:
        _show_measures(context)
    else:
        connect_index.show_missing(context, MISSING)
    with st.expander(f"All {len(subjects):,} subjects"):
        st.dataframe(subjects, hide_index=True, width="stretch")
        show_csv_download(subjects, "subjects")
    with st.expander("Method"):
        frame.markdown(METHOD)


def summary(table: pd.DataFrame) -> str:
    """Number of images and subjects of each class."""
    counts = dataset_counts.class_counts(table)
    columns = (counts[name].tolist() for name in ("label", "images", "subjects"))
    parts = [
        f"{CLASS_NAMES.get(label, label)}: {count(images, 'image')} of {count(subjects, 'subject')}"
        for label, images, subjects in zip(*columns, strict=True)
    ]
    return f"**{len(table):,} images.** {'; '.join(parts)}."


def split_sentence(context: DatasetContext) -> str:
    """Origin of the split shown."""
    if (context.table["split"] == dataset_counts.UNKNOWN).all():
        return "Which split each image is in is not known: no installed model was trained on them."
    own = context.manifest.table["split"]
    known = context.table["split"].where(context.table["split"] != dataset_counts.UNKNOWN)
    if context.split == OWN_SPLIT or known.equals(own):
        return "The split is the data set's own."
    saved = saved_name(context.split)
    if saved is not None:
        return f"The split is the saved one {frame.plain(saved)}."
    return f"The split is that of {frame.plain(context.split)}, by which it was trained and judged."


def index_sentence(catalogue: Catalogue) -> str:
    """Time of the last index run, its changes, and images that are unindexed or unusable."""
    about = catalogue.about
    if about is None:
        return "Not indexed yet."
    sentences = [f"Indexed on {datetime.fromisoformat(about.finished):%d %B %Y, %H:%M UTC}."]
    words = {"added": "added", "changed": "changed", "dropped": "gone", "kept": "as before"}
    changes = [
        f"{about.changes[key]:,} {word}" for key, word in words.items() if about.changes.get(key)
    ]
    if changes:
        sentences.append(f"In the last run: {', '.join(changes)}.")
    if missing := int((~catalogue.table["indexed"]).sum()):
        sentences.append(f"{count(missing, 'image')} came since: index again under Connect data.")
    if unusable := int((catalogue.table["error"] != "").sum()):
        sentences.append(f"{count(unusable, 'picture')} can't be used: see Health.")
    return " ".join(sentences)


@guard.fragment
def _show_examples(context: DatasetContext) -> None:
    """Draw some cells of each class, evenly drawn from the data set."""
    labels = context.table["label"].to_numpy(dtype=object)
    places = [np.flatnonzero(labels == label) for label in CLASS_NAMES]
    drawn = [at[np.linspace(0, len(at) - 1, EXAMPLES).astype(int)] for at in places if len(at)]
    rows = np.unique(np.concatenate(drawn)) if drawn else np.arange(min(EXAMPLES, len(labels)))
    opened = image_cards.show_images(context, context.table.iloc[rows], key="overview_examples")
    if opened is not None:
        cell_window.open_row(context, opened, rows)


def _show_measures(context: DatasetContext) -> None:
    facts = {fact.name: fact for fact in MEASURES if fact.name != "border"}
    for column, name in zip(st.columns(len(SHOWN_MEASURES)), SHOWN_MEASURES, strict=True):
        with column:
            _show_measure(context, facts[name])
    folds = dataset_plots.fold_bars(context.table)
    more = st.expander("More measures, and the data set's folds", on_change="rerun", key="more")
    if more.open:
        with more:
            for name in facts:
                if name not in SHOWN_MEASURES:
                    _show_measure(context, facts[name])
            if folds is not None:
                show_chart(folds, name="folds")


def _show_measure(context: DatasetContext, fact: Measure) -> None:
    distribution = computed(distributions.measure_distribution, context.catalogue.measured, fact)
    if distribution is None:
        st.caption(f"{fact.title}: no labelled cell was measured.")
        return
    show_chart(dataset_plots.measure_distribution(distribution), name=fact.name)
