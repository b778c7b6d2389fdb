"""A batch by subject: whose cells they are, and the share of blasts among each one's."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd
import streamlit as st

from allcore import formats
from allcore.data import subject_assignment
from allcore.data.subject_assignment import SubjectAssignment
from allcore.errors import DataError
from allcore.evaluation import subjects
from allcore.evaluation.subjects import SubjectShare
from allcore.inference.jobs import PredictedPicture
from allcore.plots import predict, style
from allcore.web import frame
from allcore.web.components.charts import show_chart

NAMES, TABLE, FOLDERS, NONE = "File names", "A table", "Folders or archives", "Not grouped"
SOURCES = (NAMES, TABLE, FOLDERS, NONE)
_WIDE, _TALL = 160, 24  # pixels of a drawn interval
_ROWS = 500  # subjects that are drawn


@dataclass(frozen=True)
class Subjects:
    """What is known of a batch's subjects; nothing where they are not known."""

    assigned: SubjectAssignment | None = None
    shares: tuple[SubjectShare, ...] = ()


def show_subjects(items: Sequence[PredictedPicture]) -> Subjects:
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
        return Subjects()
    if assigned is None:
        return Subjects()
    st.markdown(frame.plain(assigned.sentence), width=frame.TEXT_WIDTH)
    if not assigned.matched:
        return Subjects()
    verdicts = [item.row.verdict for item in items]
    shares = subjects.subject_shares(verdicts, assigned.subjects, least=int(least))
    _show_shares(shares, int(least))
    return Subjects(assigned, shares)


def interval(share: SubjectShare) -> str | None:
    """A share and its interval on a line from 0 to 1, as a data address; None for too few cells."""
    if not share.enough:
        return None
    low, value, high = (
        4 + (_WIDE - 8) * part for part in (share.share.low, share.share.value, share.share.high)
    )
    middle = _TALL / 2
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDE}" height="{_TALL}">'
        f'<rect x="4" y="{middle - 1}" width="{_WIDE - 8}" height="2" fill="{style.REFUSED}" '
        'fill-opacity="0.35"/>'
        f'<rect x="{low:.1f}" y="{middle - 3}" width="{max(high - low, 1):.1f}" height="6" '
        f'fill="{style.BLAST}" fill-opacity="0.45"/>'
        f'<circle cx="{value:.1f}" cy="{middle}" r="4" fill="{style.BLAST}"/></svg>'
    )
    return "data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode()


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
            alt="Share of cells called ALL blast, with its interval, of each subject",
        )
    few = sum(not share.enough for share in shares if share.subject is not None)
    if few:
        left = formats.count(few, "subject")
        st.caption(
            f"{left} with fewer than {formats.count(least, 'answered cell')}: no share is said."
        )
    table = pd.DataFrame(
        {
            "Subject": share.subject or "unknown",
            "Answered": share.answered,
            "Called ALL blast": share.words,
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
                width=_WIDE + 20, help="Share and 95 % interval over cells"
            ),
            "Called ALL blast": st.column_config.TextColumn(width="large"),
        },
        key="batch subjects table",
        alt="One row a subject: answered cells, share called ALL blast, refused pictures",
    )
    if len(shares) > _ROWS:
        st.caption(f"{len(shares) - _ROWS:,} more subjects are in the files below.")
    st.caption(subjects.SHARES_MEANING, width=frame.TEXT_WIDTH)
