"""A batch by subject, and its exports."""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import NamedTuple

import pandas as pd
import streamlit as st

from allcore import formats
from allcore.data import subject_assignment
from allcore.data.subject_assignment import SubjectAssignment
from allcore.errors import DataError
from allcore.evaluation import subjects
from allcore.evaluation.subjects import SubjectShare
from allcore.explain.answer_summary import AnswerSummary
from allcore.inference import export, results
from allcore.inference.export import ExportDetails
from allcore.inference.jobs import PredictedPicture
from allcore.model_folder import ModelInfo
from allcore.plots import predict, style
from allcore.web import frame
from allcore.web.components import table_pictures
from allcore.web.components.charts import show_chart, show_download
from allcore.web.predict import batch, field_view

NAMES, TABLE, FOLDERS, NONE = "File names", "A table", "Folders or archives", "Not grouped"
SOURCES = (NAMES, TABLE, FOLDERS, NONE)
_ROWS = 500  # subjects that are drawn


class Subjects(NamedTuple):
    """What is known of a batch's subjects; nothing where they are not known."""

    assigned: SubjectAssignment | None = None
    shares: tuple[SubjectShare, ...] = ()


def show_rest(
    items: Sequence[PredictedPicture],
    summaries: Sequence[AnswerSummary],
    info: ModelInfo,
    places: batch.BatchPlaces,
) -> None:
    """Draw the subjects of a batch and its exports."""
    with places.subjects:
        if batch.any_field(items):
            _show_fields(items, summaries)
        grouping = _show_subjects(items, summaries)
    with places.exports:
        show_downloads(items, summaries, info, grouping)


def export_details(
    items: Sequence[PredictedPicture],
    summaries: Sequence[AnswerSummary],
    subjects: Sequence[str | None] | None,
) -> list[ExportDetails]:
    """What exports hold besides the rows."""
    return [
        ExportDetails(
            name,
            item.prediction.check,
            item.prediction.ood_score,
            one.probability if one.held_out else None,
            one.exposure,
            json.dumps(item.place.cut) if item.place else None,
        )
        for item, one, name in zip(items, summaries, subjects or [None] * len(items), strict=True)
    ]


def interval(share: SubjectShare) -> str:
    """A share and its interval on a line from 0 to 1, as a data address; too few cells: a line."""
    marks = ""
    if share.enough:
        low, value, high = (
            4 + (table_pictures.WIDE - 8) * part
            for part in (share.share.low, share.share.value, share.share.high)
        )
        marks = (
            f'<rect x="{low:.1f}" y="9" width="{max(high - low, 1):.1f}" height="6" '
            f'fill="{style.BLAST}" fill-opacity="0.45"/>'
            f'<circle cx="{value:.1f}" cy="12" r="4" fill="{style.BLAST}"/>'
        )
    width, colour = table_pictures.WIDE - 8, style.REFUSED
    line = f'<rect x="4" y="11" width="{width}" height="2" fill="{colour}" '
    return table_pictures.svg_address(f'{line}fill-opacity="0.35"/>{marks}')


def _show_fields(items: Sequence[PredictedPicture], summaries: Sequence[AnswerSummary]) -> None:
    """Draw the share of blasts among the answered cells of each field."""
    st.subheader("By field", anchor=False)
    cells = [(item, one) for item, one in zip(items, summaries, strict=True) if item.place]
    names = [item.row.path for item, _ in cells]
    shares = subjects.subject_shares([one.verdict for _, one in cells], names)
    by_name = {share.subject: share for share in shares}
    in_order = [by_name[name] for name in dict.fromkeys(names)]
    _show_table(in_order, subjects.LEAST_CELLS, noun="field")


def _show_subjects(
    items: Sequence[PredictedPicture], summaries: Sequence[AnswerSummary]
) -> Subjects:
    """Draw the subjects of a batch; return what files of the batch say of them."""
    st.subheader("By subject", anchor=False)
    paths = [item.row.path for item in items]
    usual = SOURCES.index(NAMES if subject_assignment.by_names(paths).matched else NONE)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        source = st.selectbox(
            "Subjects from", SOURCES, index=usual, key="batch subjects", width=220
        )
        least = st.number_input(
            "Cells that a share needs", 1, 1000, subjects.LEAST_CELLS, key="batch least", width=220
        )
    try:
        assigned = _assign(source, paths)
    except DataError as error:
        frame.problem(error)
        assigned = None
    if assigned is not None:
        frame.markdown(frame.plain(assigned.sentence))
    if assigned is None or not assigned.matched:
        return Subjects()
    verdicts = [one.verdict for one in summaries]
    shares = subjects.subject_shares(verdicts, assigned.subjects, least=int(least))
    _show_shares(shares, int(least))
    return Subjects(assigned, shares)


def _assign(source: str, paths: Sequence[str]) -> SubjectAssignment | None:
    """Whose cells they are by the chosen source; None where that is not known yet.

    Raises:
        DataError: the table can't be used.
    """
    if source == NAMES:
        return subject_assignment.by_names(paths)
    if source == FOLDERS:
        return subject_assignment.by_folders(paths)
    if source == NONE:
        return None
    file = st.file_uploader(
        "A CSV or Parquet table with a column of files and one of subjects",
        type=["csv", "tsv", "txt", "parquet"],
        key="batch table of subjects",
        help="Columns such as file and subject; names match without case, folder and suffix.",
    )
    return subject_assignment.by_table(file.getvalue(), paths, name=file.name) if file else None


def _show_shares(shares: Sequence[SubjectShare], least: int) -> None:
    figure = predict.subject_shares(shares)
    if figure is not None:
        show_chart(
            figure,
            key="batch subject shares",
            name="subjects-of-batch",
            alt="Share of cells predicted ALL blast, with its interval, of each subject",
        )
    _show_table(shares, least, noun="subject")
    frame.caption(subjects.SHARES_MEANING)


def _show_table(shares: Sequence[SubjectShare], least: int, *, noun: str) -> None:
    """Draw one row a subject or field, with what is left out."""
    few = sum(not share.enough for share in shares if share.subject is not None)
    if few:
        few_text, cells = formats.count(few, noun), formats.count(least, "answered cell")
        st.caption(f"{few_text} with fewer than {cells}: no share is said.")
    table = pd.DataFrame(
        {
            noun.capitalize(): share.subject or "unknown",
            "Answered": share.answered,
            "Predicted ALL blast": share.words,
            "0 to 100 %": interval(share),
            "Refused": share.refused,
        }
        for share in shares[:_ROWS]
    )
    st.dataframe(
        table,
        hide_index=True,
        column_config={
            "0 to 100 %": st.column_config.ImageColumn(
                width=table_pictures.WIDE + 20, help="Share and 95 % interval over cells"
            ),
            "Predicted ALL blast": st.column_config.TextColumn(width="large"),
        },
        key=f"batch {noun}s table",
        alt=f"One row a {noun}: answered cells, share predicted ALL blast, refused pictures",
    )
    if len(shares) > _ROWS:
        st.caption(f"{len(shares) - _ROWS:,} more {noun}s are in the files.")


def show_downloads(
    items: Sequence[PredictedPicture],
    summaries: Sequence[AnswerSummary],
    info: ModelInfo,
    grouping: Subjects = Subjects(),
) -> None:
    """Draw the exports of predictions; the columns of fields are there where there are any."""
    rows, assigned = [item.row for item in items], grouping.assigned
    if not batch.any_field(items):
        rows = [results.plain_row(row) for row in rows]
    details = export_details(items, summaries, assigned.subjects if assigned else None)

    def pdf() -> bytes:
        from allcore.reports import batch_pdf

        return batch_pdf.batch_pdf(
            [
                replace(row, verdict=one.verdict, p_all=one.probability)
                for row, one in zip(rows, summaries, strict=True)
            ],
            info=info,
            made_at=datetime.now(UTC),
            shares=grouping.shares,
            whence=assigned.sentence if assigned else "",
            training=batch.training_sentence(summaries),
            fields=field_view.normalisation_sentence(items),
        )

    for label, make, suffix in (
        ("CSV", lambda: export.csv_bytes(rows, details), "csv"),
        ("Parquet", lambda: export.parquet_bytes(rows, details), "parquet"),
        ("PDF report", pdf, "pdf"),
    ):
        show_download(f"Download {label}", make, f"predictions.{suffix}", key=f"batch {suffix}")
