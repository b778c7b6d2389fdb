"""The answer to one picture: the verdict first, then the probability, then what speaks for it."""

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from allcore.data.cells import Rgb
from allcore.inference.results import Prediction
from allcore.plots import style
from allcore.web import frame

PICTURE_WIDTH = 280
"""Pixels a cell is shown at."""
COLUMNS = (3, 2)
"""On a phone the first comes first: the answer before the picture."""
_STYLE = """<style>
.scale { margin: 0 0 0.6rem; }
.scale .bar { position: relative; height: 26px; margin: 0.6rem 0 0.35rem; border-radius: 3px;
  background: rgba(128, 128, 128, 0.22); }
.scale i { position: absolute; inset: 0 auto 0 0; border-radius: 3px; }
.scale s { position: absolute; top: -5px; bottom: -5px; width: 3px; margin-left: -1.5px;
  background: currentColor; }
.scale .ends { display: flex; justify-content: space-between; font-size: 0.85rem; opacity: 0.8; }
</style>"""
WITHHELD = "Show what the network would have said"


def show(name: str, prediction: Prediction, rgb: Rgb | None, *, key: str) -> None:
    """Draw the answer and the picture it is about.

    Args:
        name: of the picture, as people gave it.
        prediction: the answer.
        rgb: what the network saw, or the picture as it came; None where there is none to show.
        key: of the controls.
    """
    said, seen = st.columns(COLUMNS, gap="large")
    with said:
        st.metric(frame.plain(name), prediction.words)
        if prediction.p_all is None:
            _refusal(prediction, key)
        else:
            _scale(prediction.p_all, prediction.threshold)
    _picture(seen, rgb, prediction)


def _refusal(prediction: Prediction, key: str) -> None:
    """Why there is no answer; what the network would have said only for who asks, and marked."""
    st.markdown(frame.plain(prediction.reason))
    if prediction.withheld is None or not st.toggle(WITHHELD, key=f"withheld {key}"):
        return
    with st.container(border=True):
        _scale(prediction.withheld, prediction.threshold)
        st.markdown(
            ":material/warning: Not an answer: the picture was refused, and this probability "
            "says nothing about it."
        )


def _scale(probability: float, threshold: float) -> None:
    """The probability and the threshold on one scale; drawn by the browser itself, at once."""
    side = "at or above" if probability >= threshold else "below"
    said = f"{probability:.2f}, {side} the threshold {threshold:.2f}"
    colour = style.BLAST if probability >= threshold else style.NORMAL
    st.html(
        f'{_STYLE}<figure class="scale" role="img" aria-label="Calibrated probability of an ALL '
        f'blast: {said}"><b>{said}</b><div class="bar"><i style="width:{100 * probability:.1f}%;'
        f'background:{colour}"></i><s style="left:{100 * threshold:.1f}%"></s></div>'
        '<div class="ends"><span>0</span><span>Calibrated probability of an ALL blast</span>'
        "<span>1</span></div></figure>"
    )


def _picture(place: DeltaGenerator, rgb: Rgb | None, prediction: Prediction) -> None:
    if rgb is None:
        place.markdown(":material/broken_image: There is no picture to show.")
        return
    answered = prediction.p_all is not None
    caption = "The cell as the network saw it" if answered else "The picture as it came"
    place.image(rgb, width=PICTURE_WIDTH, caption=caption, alt=caption)
