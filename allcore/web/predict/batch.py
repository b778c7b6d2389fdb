"""The predictions of a batch: gallery or table, histogram, shares by subject, exports."""

import base64
import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from allcore import formats
from allcore.explain.answer_summary import AnswerSummary
from allcore.inference.jobs import PredictedPicture
from allcore.inference.results import PredictedRow
from allcore.labels import VERDICT_NAMES
from allcore.web import frame
from allcore.web.components import picker, table_pictures, verdict_block
from allcore.web.components.picker import Card

GALLERY, TABLE_VIEW, FIELD_VIEW = "Gallery", "Table", "Field"
PAGES = {GALLERY: 48, TABLE_VIEW: 100}
"""Pictures on a page of each view."""
ORDERS: dict[str, Callable[[AnswerSummary, PredictedRow], Any]] = {
    "As they came": lambda one, row: 0,
    "Highest probability first": lambda one, row: (one.refused, -(one.probability or 0)),
    "Lowest probability first": lambda one, row: (one.refused, one.probability or 0),
    "Nearest to the threshold first": lambda one, row: (
        one.refused,
        abs((one.probability or 0) - one.threshold),
    ),
    "File name": lambda one, row: row.path.casefold(),
    "Refused first, by reason": lambda one, row: (not one.refused, row.reason),
}
"""Sort keys of answers by the name of the order."""
_COLUMNS = (3, 2)
CHOSEN = "batch chosen"
"""Key of the session with the place of the chosen prediction."""
_ROW, _TALL = 52, 620  # pixels


class BatchPlaces(NamedTuple):
    """The chosen prediction of a batch, and places of what belongs to the batch."""

    chosen: int  # place of the prediction among the items
    view: str  # one of the views; the caller draws the fields
    detail: DeltaGenerator  # beside the list
    evidence: DeltaGenerator  # below both
    subjects: DeltaGenerator
    exports: DeltaGenerator


def show_list(items: Sequence[PredictedPicture], summaries: Sequence[AnswerSummary]) -> BatchPlaces:
    """Draw the predictions of a batch so far, as gallery or table, and the places beside it."""
    head, plot = st.columns(_COLUMNS, gap="large", vertical_alignment="bottom")
    with head:
        cells = all(item.place for item in items)
        noun = "white cell" if cells else "answer" if any_field(items) else "picture"
        st.subheader(counts(summaries, noun=noun), anchor=False)
        notes = f"{uncertain_sentence(summaries)} {training_sentence(summaries)}"
        notes = f"{_single_cells_sentence(items)} {notes}"
        frame.markdown(notes.strip())
    probabilities = [one.probability for one in summaries if one.probability is not None]
    if probabilities:
        plot.container(key="histogram").html(
            verdict_block.histogram_html(probabilities, summaries[0].threshold)
        )
    with st.container(horizontal=True, vertical_alignment="bottom", key="controls_batch"):
        views = [GALLERY, TABLE_VIEW, *[FIELD_VIEW] * any_field(items)]
        view = st.segmented_control(
            "View", views, default=GALLERY, required=True, key="batch view", width="content"
        )
        verdict, order = None, next(iter(ORDERS))
        if view != FIELD_VIEW:
            verdict, order = _choose_verdict_and_order(summaries)
        exports = st.popover("Export", icon=":material/download:")
    if view == FIELD_VIEW:
        own = st.container()
        chosen = min(st.session_state.get(CHOSEN, 0), len(items) - 1)
        return BatchPlaces(chosen, view, own, st.container(), st.container(), exports)
    places = sorted_places(summaries, items, verdict, order)
    left, right = st.columns(_COLUMNS, gap="large")
    with left:
        if places:
            chosen = _show_page(items, summaries, places, view)
        else:
            st.caption("No picture has this answer.")
            chosen = min(st.session_state.get(CHOSEN, 0), len(items) - 1)
    return BatchPlaces(chosen, view, right.container(), st.container(), st.container(), exports)


def any_field(items: Sequence[PredictedPicture]) -> bool:
    """Whether some of the items are cells of fields."""
    return any(item.place for item in items)


def counts(summaries: Sequence[AnswerSummary], *, noun: str = "picture") -> str:
    """How many of each verdict, as a sentence; `noun` names what was answered."""
    number = Counter(str(one.verdict) for one in summaries)
    text = ", ".join(f"{number[verdict]:,} {word}" for verdict, word in VERDICT_NAMES.items())
    return f"{formats.count(len(summaries), noun)}: {text}"


def uncertain_sentence(summaries: Sequence[AnswerSummary]) -> str:
    """How many answers are uncertain; empty where no prediction set is known."""
    if not any(one.classes for one in summaries):
        return ""
    number = sum(one.uncertain for one in summaries)
    return f"Uncertain, with both classes in the 95 % prediction set: {number:,}."


def training_sentence(summaries: Sequence[AnswerSummary]) -> str:
    """How many cells the network was trained on, and what is shown of these; empty for none."""
    trained_on = [one for one in summaries if one.training_note]
    if not trained_on:
        return ""
    held_out = sum(one.held_out for one in trained_on)
    text = f"The network was trained on {len(trained_on):,} of these cells or their subjects"
    if held_out:
        return f"{text}: of {held_out:,} the held-out answer is shown."
    return f"{text}, and no held-out answer of them is on record: take these for memories."


def _single_cells_sentence(items: Sequence[PredictedPicture]) -> str:
    """How many pictures among fields show one cell on black; empty without fields."""
    checks = [item.prediction.check for item in items if item.place is None]
    number = sum(check not in ("readable", "cell") for check in checks)
    if not number or not any_field(items):
        return ""
    if number == 1:
        return "1 picture shows one cell on black and is answered as it is."
    return f"{number:,} pictures show one cell on black and are answered as they are."


def sorted_places(
    summaries: Sequence[AnswerSummary],
    items: Sequence[PredictedPicture],
    verdict: str | None,
    order: str,
) -> list[int]:
    """Places of the answers with a verdict (None for all), in an order of `ORDERS`."""
    places = [at for at, one in enumerate(summaries) if verdict in (None, one.verdict)]
    return sorted(places, key=lambda at: ORDERS[order](summaries[at], items[at].row))


def batch_table(
    items: Sequence[PredictedPicture], summaries: Sequence[AnswerSummary]
) -> pd.DataFrame:
    """Answers as the table shows them, with their pictures as data addresses."""
    table = pd.DataFrame(
        {
            "Cell": picture_address(item) or None,
            "Predicted": one.words,
            "Probability": one.probability,
            "0 to 1": table_pictures.probability_bar(one.probability, one.threshold),
            "Answer": "held out" if one.held_out else "trained on" if one.training_note else "",
            "Field" if any_field(items) else "File": item.row.path,
            "Number": item.place.number if item.place else None,
            "Worth": item.place.mark if item.place else "",
            "Reason": item.row.reason,
        }
        for item, one in zip(items, summaries, strict=True)
    )
    optional = ("Answer", "Number", "Worth", "Reason")
    return table.drop(columns=[name for name in optional if not table[name].any()])


def card_title(one: AnswerSummary) -> str:
    """Probability and verdict of a cell on its card."""
    return one.words if one.probability is None else f"{one.probability:.2f} {one.words}"


def picture_address(item: PredictedPicture) -> str:
    """Small picture of an item's cell as a data address; empty without one."""
    if not item.thumbnail:
        return ""
    return f"data:image/jpeg;base64,{base64.b64encode(item.thumbnail).decode()}"


def _choose_verdict_and_order(summaries: Sequence[AnswerSummary]) -> tuple[str | None, str]:
    number = Counter(str(one.verdict) for one in summaries)
    verdict = st.segmented_control(
        "Show",
        list(VERDICT_NAMES),
        format_func=lambda verdict: f"{VERDICT_NAMES[verdict]} ({number[verdict]:,})",
        key="batch verdict",
        help="Only pictures of one answer; none chosen shows all.",
        width="content",
    )
    order = st.selectbox("Order", list(ORDERS), key="batch order", width=260)
    return verdict, order


def _show_page(
    items: Sequence[PredictedPicture],
    summaries: Sequence[AnswerSummary],
    places: Sequence[int],
    view: str,
) -> int:
    """Draw a page of the list; return the place of the chosen answer, by default the first."""
    size = PAGES[view]
    pages = -(-len(places) // size)
    number = min(st.session_state.get(f"batch page {pages}", 1), pages)
    here = places[(number - 1) * size : number * size]
    chosen = int(st.session_state.get(CHOSEN, here[0]))
    chosen = chosen if chosen in places else here[0]
    shown = [items[at] for at in here], [summaries[at] for at in here]
    with st.container(height=_TALL, border=False):
        draw = _show_gallery if view == GALLERY else _show_table
        opened = draw(*shown, here.index(chosen) if chosen in here else None)
    if opened is not None:
        chosen = here[opened]
        st.session_state[CHOSEN] = chosen
    if pages > 1:
        st.pagination(pages, key=f"batch page {pages}")
    first = (number - 1) * size + 1
    noun = "answer" if any_field(items) else "picture"
    text = f"{first:,} to {first + len(here) - 1:,} of {formats.count(len(places), noun)}"
    st.caption(f"{text}. The chosen one stands beside the list.")
    return chosen


def _show_gallery(
    items: Sequence[PredictedPicture], summaries: Sequence[AnswerSummary], current: int | None
) -> int | None:
    """Draw cells with their answers; return the one just opened."""
    cards = [
        Card(
            str(at),
            one.verdict,
            title=card_title(one),
            detail=item.name,
            kind="predicted",
        )
        for at, (item, one) in enumerate(zip(items, summaries, strict=True))
    ]
    mark = None if current is None else str(current)
    opened = picker.show_pictures(
        cards, [picture_address(item) for item in items], key="batch gallery", current=mark
    )
    return None if opened is None else int(opened)


def _show_table(
    items: Sequence[PredictedPicture], summaries: Sequence[AnswerSummary], current: int | None
) -> int | None:
    """Draw answers as rows; return the marked one."""
    digest = hashlib.sha256(repr([item.digest or item.row.path for item in items]).encode())
    event = st.dataframe(
        batch_table(items, summaries),
        hide_index=True,
        row_height=_ROW,
        height=_TALL - 20,
        column_config=table_pictures.answer_columns(),
        on_select="rerun",
        selection_mode="single-row-required",
        selection_default={"selection": {"rows": [current or 0]}},
        placeholder="",
        key=f"batch table {digest.hexdigest()[:12]}",
        alt="One row a picture: cell, answer, probability, file, reason of a refusal",
    )
    rows = list(event["selection"]["rows"])
    return rows[0] if rows and rows[0] < len(items) else None
