"""Subjects: probabilities of their cells, their accuracy, and one answer a subject."""

import numpy as np
import pandas as pd
import streamlit as st

from allcore import formats
from allcore.evaluation import subjects
from allcore.evaluation.subjects import SubjectRow
from allcore.labels import CLASS_NAMES
from allcore.plots.evaluation import subjects as subject_plots
from allcore.reports import evaluation_html
from allcore.web import frame
from allcore.web.components.charts import show_chart, show_csv_download
from allcore.web.evaluation import cell_lists
from allcore.web.evaluation.context import Context

ONE, CUTOFF, LEAST = "who", "cutoff", "least"
"""Keys of the controls, and of the address."""
UNKNOWN = "Subjects are unknown for these cells, so nothing can be said of any of them."


def show_subjects(context: Context) -> None:
    """Draw the view."""
    if not context.subjects:
        st.info(UNKNOWN, icon=":material/info:")
        return
    name = st.selectbox(
        "Subject", [row.subject for row in context.subjects], index=None, key=ONE,
        placeholder="All, or open one", bind="query-params", width=300,
    )  # fmt: skip
    if name is not None:
        _show_subject(context, next(row for row in context.subjects if row.subject == name))
        return
    show_chart(
        subject_plots.subject_strip(context.table, context.subjects, threshold=context.threshold),
        name="subjects",
        alt="Probability of every cell, one line a subject",
    )
    show_subject_table(context)
    st.subheader("One prediction a subject", anchor=False)
    _show_calls(context)


def show_subject_table(context: Context) -> None:
    """Draw a row a subject, the one that is most often wrong first; a click opens it."""
    if not context.subjects:
        st.markdown(UNKNOWN)
        return
    selection = st.dataframe(
        evaluation_html.subjects_table(context.subjects),
        hide_index=True,
        column_config={"Median probability": st.column_config.NumberColumn(format="%.2f")},
        on_select="rerun",
        selection_mode="single-row",
        key=f"subjects_table_{context.source.key}",
        alt="One row a subject: cells, correct, predicted ALL blast",
    )
    selected = selection["selection"]["rows"]
    if selected and selected[0] < len(context.subjects):
        _show_subject(context, context.subjects[selected[0]])
    show_csv_download(subjects_table(context), name=f"{context.source.name}-subjects")


def subjects_table(context: Context) -> pd.DataFrame:
    """The subjects as numbers, for the export."""
    return pd.DataFrame(
        {
            "subject": row.subject,
            "label": row.label,
            "cells": row.cells,
            "called_rightly": row.accuracy.value,
            "called_rightly_low": row.accuracy.low,
            "called_rightly_high": row.accuracy.high,
            "called_blast": row.blasts.value,
            "called_blast_low": row.blasts.low,
            "called_blast_high": row.blasts.high,
            "median_probability": row.probability,
            "threshold": context.threshold,
        }
        for row in context.subjects
    )


def _show_subject(context: Context, row: SubjectRow) -> None:
    st.subheader(f"Subject {frame.plain(row.subject)}", anchor=False)
    frame.markdown(
        f"{formats.count(row.cells, 'cell')}, labelled {CLASS_NAMES[row.label]}: "
        f"{formats.share(row.accuracy, row.cells)} correct, "
        f"{formats.share(row.blasts, row.cells)} predicted ALL blast."
    )
    here = np.flatnonzero((context.table["subject"] == row.subject).to_numpy())
    falling = here[np.argsort(-context.sample.probabilities[here], kind="stable")]
    cell_lists.show_cells(context, falling, key="subject_cells")


def _show_calls(context: Context) -> None:
    left, right, _ = st.columns([2, 2, 3])
    cutoff = left.slider(
        "ALL from a share of blasts of (%)", 1, 99, 50, key=CUTOFF, bind="query-params"
    )
    least = right.number_input(
        "Cells that an answer needs", 1, 500, 20, key=LEAST, bind="query-params"
    )
    calls = subjects.call_subjects(context.subjects, cutoff=cutoff / 100, least_cells=int(least))
    show_chart(
        subject_plots.subject_call_shares(calls, cutoff / 100),
        name="subject-calls",
        alt="Share of cells predicted ALL blast, with its interval, of each subject",
    )
    frame.caption(
        "A subject is predicted by the share of its cells that are predicted ALL blast. Where the "
        'interval of that share holds the cut-off the answer is "can\'t tell". The cells of this '
        "data set were picked one by one, so the share is not the one of a whole smear."
    )
