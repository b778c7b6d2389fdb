"""The predictions of a batch: counts, a table to sort and open from, and the subjects."""

import base64
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime

import pandas as pd
import streamlit as st

from allcore import formats
from allcore.data.subject_assignment import SubjectAssignment
from allcore.inference import export
from allcore.inference.export import ExportDetails
from allcore.inference.jobs import PredictedPicture
from allcore.labels import VERDICT_NAMES
from allcore.model_folder import ModelInfo
from allcore.web.predict import batch_subjects
from allcore.web.predict.batch_subjects import Subjects

PAGE = 100
"""Rows of a page of the table; every row has its picture."""
ORDERS = (
    "As they came", "Highest probability first", "Lowest probability first",
    "Nearest to the threshold first", "File name", "Refused first, by reason",
)  # fmt: skip
_ROW, _HEAD, _TALLEST = 52, 38, 420  # pixels


def show(items: Sequence[PredictedPicture], info: ModelInfo, *, key: str) -> int | None:
    """Draw the answers of a batch.

    Args:
        items: what is answered so far.
        info: the model that answered.
        key: of the widgets.

    Returns:
        The place among `items` of the row that is marked; None where none is.
    """
    st.subheader(counts(items), anchor=False)
    chosen, order = _controls(items, key)
    places = sorted_places(items, chosen, order)
    marked = _table(items, places, key=f"{key} {chosen} {order}")
    grouping = batch_subjects.show(items, key=key)
    _downloads(items, info, grouping, key)
    return marked


def counts(items: Sequence[PredictedPicture]) -> str:
    """How many of each verdict, as a sentence."""
    number = Counter(str(item.row.verdict) for item in items)
    text = ", ".join(f"{number[verdict]:,} {word}" for verdict, word in VERDICT_NAMES.items())
    return f"{formats.count(len(items), 'picture')}: {text}"


def sorted_places(items: Sequence[PredictedPicture], verdict: str | None, order: str) -> list[int]:
    """Places of the items with a verdict (None for all), in an order of `ORDERS`."""
    places = [at for at, item in enumerate(items) if verdict in (None, item.row.verdict)]
    if order == ORDERS[1]:
        places.sort(key=lambda at: -_probability(items[at], missing=-1.0))
    elif order == ORDERS[2]:
        places.sort(key=lambda at: _probability(items[at], missing=2.0))
    elif order == ORDERS[3]:
        places.sort(key=lambda at: _distance(items[at]))
    elif order == ORDERS[4]:
        places.sort(key=lambda at: items[at].row.path.casefold())
    elif order == ORDERS[5]:
        places.sort(key=lambda at: (items[at].row.reason == "", items[at].row.reason))
    return places


def more(
    items: Sequence[PredictedPicture], subjects: Sequence[str | None] | None
) -> list[ExportDetails]:
    """What exports tell besides the rows."""
    names = subjects if subjects is not None else [None] * len(items)
    return [
        ExportDetails(name, item.prediction.check, item.prediction.ood_score)
        for item, name in zip(items, names, strict=True)
    ]


def _controls(items: Sequence[PredictedPicture], key: str) -> tuple[str | None, str]:
    number = Counter(str(item.row.verdict) for item in items)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.segmented_control(
            "Show",
            list(VERDICT_NAMES),
            format_func=lambda verdict: f"{VERDICT_NAMES[verdict]} ({number[verdict]:,})",
            key=f"{key} verdict",
            help="Only pictures of one answer; none chosen shows all.",
        )
        order = st.selectbox("Order", ORDERS, key=f"{key} order", width=290)
    return chosen, order


def _table(items: Sequence[PredictedPicture], places: Sequence[int], *, key: str) -> int | None:
    """A page of the table; gives the place of the marked row."""
    if not places:
        st.caption("No picture has this answer.")
        return None
    pages = -(-len(places) // PAGE)
    number = st.pagination(pages, key=f"{key} page") if pages > 1 else 1
    here = places[(number - 1) * PAGE : number * PAGE]
    event = st.dataframe(
        answers_table([items[at] for at in here]),
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
    return marked(list(event["selection"]["rows"]), here)


def marked(rows: Sequence[int], here: Sequence[int]) -> int | None:
    """The place that a marked row of a page stands for; None where none is marked."""
    return here[rows[0]] if rows and rows[0] < len(here) else None


def answers_table(items: Sequence[PredictedPicture]) -> pd.DataFrame:
    """Items as the table shows them, with their pictures as data addresses."""
    return pd.DataFrame(
        {
            "Cell": [_address(item.thumbnail) for item in items],
            "Answer": [VERDICT_NAMES[item.row.verdict] for item in items],
            "Probability": [item.row.p_all for item in items],
            "File": [item.row.path for item in items],
            "Reason": [item.row.reason for item in items],
        }
    )


def _downloads(
    items: Sequence[PredictedPicture], info: ModelInfo, grouping: Subjects, key: str
) -> None:
    """Files of all predictions, made on demand."""
    rows = [item.row for item in items]
    subjects = grouping.assigned.subjects if grouping.assigned else None

    def pdf() -> bytes:
        from allcore.reports import batch_pdf

        return batch_pdf.batch_pdf(
            rows,
            info=info,
            made_at=datetime.now(UTC),
            shares=grouping.shares,
            whence=_whence(grouping.assigned),
        )

    with st.container(horizontal=True):
        for label, make, suffix, mime in (
            ("CSV", lambda: export.csv_bytes(rows, more(items, subjects)), "csv", "text/csv"),
            ("Parquet", lambda: export.parquet_bytes(rows, more(items, subjects)), "parquet",
             "application/vnd.apache.parquet"),
            ("PDF report", pdf, "pdf", "application/pdf"),
        ):  # fmt: skip
            st.download_button(
                f"Download {label}",
                make,
                file_name=f"predictions.{suffix}",
                mime=mime,
                icon=":material/download:",
                on_click="ignore",
                key=f"{key} {suffix}",
            )


def _whence(assigned: SubjectAssignment | None) -> str:
    return assigned.sentence if assigned else ""


def _probability(item: PredictedPicture, *, missing: float) -> float:
    return missing if item.row.p_all is None else item.row.p_all


def _distance(item: PredictedPicture) -> float:
    return 2.0 if item.row.p_all is None else abs(item.row.p_all - item.row.threshold)


def _address(jpeg: bytes | None) -> str | None:
    return None if jpeg is None else "data:image/jpeg;base64," + base64.b64encode(jpeg).decode()
