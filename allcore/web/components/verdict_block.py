"""The verdict on one cell: picture, words, probability on its scale, how sure, actions.

Predict, History and the cell windows show the same block.
"""

import html
from typing import NamedTuple

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from allcore.data.cells import Rgb
from allcore.explain.answer_summary import AnswerSummary
from allcore.labels import CLASS_COLOURS, CLASS_NAMES
from allcore.plots import style
from allcore.web import frame
from allcore.web.components import cell_pictures, picker
from allcore.web.components.cell_pictures import Frame

_COLUMNS, _COLUMNS_ZOOMED = (1, 3), (2, 3)
_BEFORE = 120  # least pixels of the pictures before and after normalisation
_STYLE = frame.styles(__file__)


class VerdictPlaces(NamedTuple):
    """Places of a block that are filled or updated later."""

    text: DeltaGenerator  # of `show_text`
    actions: DeltaGenerator  # a row of buttons
    more: DeltaGenerator  # below the buttons


def show_block(
    summary: AnswerSummary,
    *,
    name: str,
    reason: str = "",
    rgb: Rgb | None,
    caption: str,
    compact: bool = False,
    zoom: bool = False,
    mark: str = "",
    before: Rgb | None = None,
) -> VerdictPlaces:
    """Draw the block; return the places that are filled later.

    Args:
        summary: the answer.
        name: of the image.
        reason: of a refusal, one sentence.
        rgb: picture of the cell (H, W, 3); None where there is none.
        caption: of the picture, or why there is none.
        compact: for a narrow place: a small picture beside the text.
        zoom: whether the picture can be enlarged, in one block of a page.
        mark: what the answer is worth, such as "other laboratory, not validated".
        before: the cell as it was before normalisation (S, S, 3), drawn beside ``rgb`` below the
            text; None where nothing was normalised.
    """
    if before is not None:
        return _show_before_and_after(summary, name, reason, Frame(rgb, caption), before, mark)
    shares = _COLUMNS_ZOOMED if compact or zoom else _COLUMNS
    left, right = st.columns(shares, gap="small" if compact else "medium")
    # The keys are of places whose height the page's head reserves.
    with left.container(key="verdict_picture"):
        if zoom and rgb is not None:
            cell_pictures.zoomable(rgb, alt=f"{caption}: {summary.words}")
        else:
            cell_pictures.show_framed(rgb, caption=caption, alt=f"{caption}: {summary.words}")
    with right:
        text = st.container(key="verdict_text").empty()
        actions = st.container(horizontal=True, vertical_alignment="center")
        more = st.container()
    show_text(text, summary, name=name, reason=reason, certainty=summary.certainty(), mark=mark)
    return VerdictPlaces(text, actions, more)


def show_text(
    place: DeltaGenerator,
    summary: AnswerSummary,
    *,
    name: str,
    certainty: str,
    reason: str = "",
    mark: str = "",
) -> None:
    """Draw the words of a block: verdict, scale, how sure it is, and what training means for it."""
    place.html(text_html(summary, name=name, certainty=certainty, reason=reason, mark=mark))


def text_html(
    summary: AnswerSummary, *, name: str, certainty: str, reason: str = "", mark: str = ""
) -> str:
    """The words of a block as HTML."""
    shape, colour = picker.class_mark(summary.verdict)
    lines = [
        f'<div class="name">{html.escape(name)}</div>',
        f'<div class="verdict" role="heading" aria-level="2"><span aria-hidden="true" '
        f'style="color: {colour}">{shape}</span> {html.escape(summary.words)}</div>',
        mark_html(mark),
    ]
    if summary.probability is None:
        lines.append(f"<p>{html.escape(reason)}</p>")
    else:
        lines.append(scale_html(summary.probability, summary.threshold, summary.scale_text))
        lines.append(f'<p class="certainty">{html.escape(certainty)}</p>')
        lines.append(f"<p>{html.escape(summary.training_note)}</p>" * bool(summary.training_note))
    return f'{_STYLE}<section class="verdict-block">{"".join(lines)}</section>'


def mark_html(mark: str) -> str:
    """What an answer is worth, in words on amber, as HTML; empty for no mark."""
    if not mark:
        return ""
    return (
        f'<p><span style="background: {style.CAUTION}; color: #181522; border-radius: 4px; '
        f'padding: 0.1rem 0.5rem; font-size: 0.85rem; font-weight: 600">{html.escape(mark)}'
        "</span></p>"
    )


def _show_before_and_after(
    summary: AnswerSummary, name: str, reason: str, after: Frame, before: Rgb, mark: str
) -> VerdictPlaces:
    text = st.empty()
    frames = [Frame(before, "Before, as in the picture"), after]
    if after.rgb is None:
        frames.pop()
    st.html(f'<div class="before-after">{cell_pictures.frames(frames, least=_BEFORE)}</div>')
    actions = st.container(horizontal=True, vertical_alignment="center")
    more = st.container()
    show_text(text, summary, name=name, reason=reason, certainty=summary.certainty(), mark=mark)
    return VerdictPlaces(text, actions, more)


def scale_html(probability: float, threshold: float, text: str) -> str:
    """A probability and the threshold on one scale, as HTML, which browsers draw at once."""
    colour = CLASS_COLOURS["all" if probability >= threshold else "hem"]
    label = "Probability of ALL blast"
    return (
        f'{_STYLE}<div class="scale" role="img" aria-label="{label}: {text}"><b>{text}</b>'
        f'<div class="bar"><i style="width:{100 * probability:.1f}%;background:{colour}"></i>'
        f'<s style="left:{100 * threshold:.1f}%"></s></div>'
        f'<div class="ends"><span>0</span><span>{label}</span><span>1</span></div></div>'
    )


def histogram_html(probabilities: list[float], threshold: float, *, bins: int = 20) -> str:
    """Histogram of probabilities, coloured by the side of the threshold, as HTML."""
    counts = [0] * bins
    for value in probabilities:
        counts[min(int(value * bins), bins - 1)] += 1
    most = max(*counts, 1)
    bars = "".join(
        f'<i title="{place / bins:.2f} to {(place + 1) / bins:.2f}: {count:,}" style="height:'
        f"{100 * count / most:.0f}%;background:"
        f'{style.BLAST if (place + 0.5) / bins >= threshold else style.NORMAL}"></i>'
        for place, count in enumerate(counts)
    )
    blasts = sum(value >= threshold for value in probabilities)
    text = (
        f"Probabilities of {len(probabilities):,} cells: {blasts:,} at or above the threshold "
        f"{threshold:.2f} ({CLASS_NAMES['all']}), {len(probabilities) - blasts:,} below"
    )
    return (
        f'{_STYLE}<div class="probabilities" role="img" aria-label="{text}">'
        f'<div class="bars">{bars}<s style="left:{100 * threshold:.1f}%"></s></div>'
        f'<div class="ends"><span>0</span><span>Probability of ALL blast, threshold '
        f"{threshold:.2f}</span><span>1</span></div></div>"
    )
