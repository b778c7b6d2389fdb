"""The predictions of a batch: counts, a table to sort and open from, and shares by subject."""

import base64
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

import pandas as pd
import streamlit as st

from allcore import formats
from allcore.data import subject_assignment
from allcore.data.subject_assignment import SubjectAssignment
from allcore.errors import DataError
from allcore.evaluation import subjects
from allcore.evaluation.subjects import SubjectShare
from allcore.inference import export
from allcore.inference.export import ExportDetails
from allcore.inference.jobs import PredictedPicture
from allcore.inference.results import PredictedRow
from allcore.labels import VERDICT_NAMES
from allcore.model_folder import ModelInfo
from allcore.plots import predict, style
from allcore.web import frame
from allcore.web.components.charts import show_chart, show_download

PAGE = 100
"""Rows of a page of the table; every row has its picture."""
ORDERS: dict[str, Callable[[PredictedRow], Any]] = {
    "As they came": lambda row: 0,
    "Highest probability first": lambda row: (row.p_all is None, -(row.p_all or 0)),
    "Lowest probability first": lambda row: (row.p_all is None, row.p_all or 0),
    "Nearest to the threshold first": lambda row: (
        row.p_all is None,
        abs((row.p_all or 0) - row.threshold),
    ),
    "File name": lambda row: row.path.casefold(),
    "Refused first, by reason": lambda row: (row.reason == "", row.reason),
}
"""Sort keys of rows by the name of the order."""
_ROW, _HEAD, _TALLEST = 52, 38, 420  # pixels
NAMES, TABLE, FOLDERS, NONE = "File names", "A table", "Folders or archives", "Not grouped"
SOURCES = (NAMES, TABLE, FOLDERS, NONE)
_WIDE, _TALL = 160, 24  # pixels of a drawn interval
_ROWS = 500  # subjects that are drawn


class Subjects(NamedTuple):
    """What is known of a batch's subjects; nothing where they are not known."""

    assigned: SubjectAssignment | None = None
    shares: tuple[SubjectShare, ...] = ()


def show_batch(items: Sequence[PredictedPicture], info: ModelInfo) -> int | None:
    """Draw the predictions of a batch so far; return the place of the row that is marked."""
    st.subheader(counts(items), anchor=False)
    verdict, order = _choose_verdict_and_order(items)
    places = sorted_places(items, verdict, order)
    place = _show_table(items, places, key=f"batch {verdict} {order}")
    _show_downloads(items, info, _show_subjects(items))
    return place


def counts(items: Sequence[PredictedPicture]) -> str:
    """How many of each verdict, as a sentence."""
    number = Counter(str(item.row.verdict) for item in items)
    text = ", ".join(f"{number[verdict]:,} {word}" for verdict, word in VERDICT_NAMES.items())
    return f"{formats.count(len(items), 'picture')}: {text}"


def sorted_places(items: Sequence[PredictedPicture], verdict: str | None, order: str) -> list[int]:
    """Places of the items with a verdict (None for all), in an order of `ORDERS`."""
    places = [at for at, item in enumerate(items) if verdict in (None, item.row.verdict)]
    return sorted(places, key=lambda at: ORDERS[order](items[at].row))


def export_details(
    items: Sequence[PredictedPicture], subjects: Sequence[str | None] | None
) -> list[ExportDetails]:
    """What exports hold besides the rows."""
    return [
        ExportDetails(name, item.prediction.check, item.prediction.ood_score)
        for item, name in zip(items, subjects or [None] * len(items), strict=True)
    ]


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


def marked_place(rows: Sequence[int], here: Sequence[int]) -> int | None:
    """The place that a marked row of a page stands for; None where none is marked."""
    return here[rows[0]] if rows and rows[0] < len(here) else None


def batch_table(items: Sequence[PredictedPicture]) -> pd.DataFrame:
    """Items as the table shows them, with their pictures as data addresses."""
    return pd.DataFrame(
        {
            "Cell": f"data:image/jpeg;base64,{base64.b64encode(item.thumbnail).decode()}"
            if item.thumbnail
            else None,
            "Answer": VERDICT_NAMES[item.row.verdict],
            "Probability": item.row.p_all,
            "File": item.row.path,
            "Reason": item.row.reason,
        }
        for item in items
    )


def _choose_verdict_and_order(items: Sequence[PredictedPicture]) -> tuple[str | None, str]:
    number = Counter(str(item.row.verdict) for item in items)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        verdict = st.segmented_control(
            "Show",
            list(VERDICT_NAMES),
            format_func=lambda verdict: f"{VERDICT_NAMES[verdict]} ({number[verdict]:,})",
            key="batch verdict",
            help="Only pictures of one answer; none chosen shows all.",
        )
        order = st.selectbox("Order", list(ORDERS), key="batch order", width=290)
    return verdict, order


def _show_table(
    items: Sequence[PredictedPicture], places: Sequence[int], *, key: str
) -> int | None:
    """Draw a page of the table; return the place of the marked row."""
    if not places:
        st.caption("No picture has this answer.")
        return None
    pages = -(-len(places) // PAGE)
    number = st.pagination(pages, key=f"{key} page") if pages > 1 else 1
    here = places[(number - 1) * PAGE : number * PAGE]
    event = st.dataframe(
        batch_table([items[at] for at in here]),
        hide_index=True,
        row_height=_ROW,
        height=min(_HEAD + _ROW * len(here), _TALLEST),
        column_config={
            "Cell": st.column_config.ImageColumn(width=64),
            "Probability": st.column_config.ProgressColumn(
                "Probability of ALL blast", format="%.2f", min_value=0.0, max_value=1.0
            ),
            "Reason": st.column_config.TextColumn(width="large"),
        },
        on_select="rerun",
        selection_mode="single-row",
        key=f"{key} table {number}",
        alt="One row a picture: cell, answer, probability, file, reason",
    )
    first = (number - 1) * PAGE + 1
    text = f"{first:,} to {first + len(here) - 1:,} of {formats.count(len(places), 'picture')}."
    st.caption(f"{text} Mark a row to open its answer; a column's title sorts what is shown.")
    return marked_place(list(event["selection"]["rows"]), here)


def _show_subjects(items: Sequence[PredictedPicture]) -> Subjects:
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
        st.markdown(frame.plain(assigned.sentence), width=frame.TEXT_WIDTH)
    if assigned is None or not assigned.matched:
        return Subjects()
    verdicts = [item.row.verdict for item in items]
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
            alt="Share of cells called ALL blast, with its interval, of each subject",
        )
    few = sum(not share.enough for share in shares if share.subject is not None)
    if few:
        few_text, cells = formats.count(few, "subject"), formats.count(least, "answered cell")
        st.caption(f"{few_text} with fewer than {cells}: no share is said.")
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


def _show_downloads(items: Sequence[PredictedPicture], info: ModelInfo, grouping: Subjects) -> None:
    rows, assigned = [item.row for item in items], grouping.assigned
    details = export_details(items, assigned.subjects if assigned else None)

    def pdf() -> bytes:
        from allcore.reports import batch_pdf

        return batch_pdf.batch_pdf(
            rows,
            info=info,
            made_at=datetime.now(UTC),
            shares=grouping.shares,
            whence=assigned.sentence if assigned else "",
        )

    with st.container(horizontal=True):
        for label, make, suffix in (
            ("CSV", lambda: export.csv_bytes(rows, details), "csv"),
            ("Parquet", lambda: export.parquet_bytes(rows, details), "parquet"),
            ("PDF report", pdf, "pdf"),
        ):
            show_download(f"Download {label}", make, f"predictions.{suffix}", key=f"batch {suffix}")
