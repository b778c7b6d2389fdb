"""The answer to one picture: the verdict first, then the probability, then what speaks for it."""

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from allcore import plots
from allcore.data.cells import Rgb
from allcore.inference.results import Prediction, Rung
from allcore.web import frame

PICTURE_WIDTH = 280
"""Pixels a cell is shown at."""
COLUMNS = (3, 2)
"""On a phone the first comes first: the answer before the picture."""
SPOKEN = {"all": "ALL blast", "hem": "Normal"}
REFUSED: dict[Rung, str] = {
    "readable": "not readable",
    "cell": "not one cell on black",
    "whole": "not a whole cell at its scale",
    "exposed": "badly exposed",
    "focused": "out of focus",
    "known": "unlike what the model knows",
}
WITHHELD = "Show what the network would have said"


def verdict_of(prediction: Prediction) -> str:
    """The verdict in words; of a refusal also the rung that refused."""
    if prediction.verdict == "refused":
        return f"Refused: {REFUSED[prediction.rung]}" if prediction.rung else "Refused"
    return SPOKEN[prediction.verdict]


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
        st.metric(frame.plain(name), verdict_of(prediction))
        if prediction.p_all is None:
            _refusal(prediction, key)
        else:
            _scale(prediction.p_all, prediction.threshold, key)
    _picture(seen, rgb, prediction)


def _refusal(prediction: Prediction, key: str) -> None:
    """Why there is no answer; what the network would have said only for who asks, and marked."""
    st.markdown(frame.plain(prediction.reason))
    if prediction.withheld is None or not st.toggle(WITHHELD, key=f"withheld {key}"):
        return
    with st.container(border=True):
        _scale(prediction.withheld, prediction.threshold, f"withheld {key}")
        st.markdown(
            ":material/warning: Not an answer: the picture was refused, and this probability "
            "says nothing about it."
        )


def _scale(probability: float, threshold: float, key: str) -> None:
    figure = plots.probability_scale(probability, threshold=threshold)
    st.plotly_chart(figure, config={"displayModeBar": False}, key=f"scale {key}")


def _picture(place: DeltaGenerator, rgb: Rgb | None, prediction: Prediction) -> None:
    if rgb is None:
        place.markdown(":material/broken_image: There is no picture to show.")
        return
    answered = prediction.p_all is not None
    caption = "The cell as the network saw it" if answered else "The picture as it came"
    place.image(rgb, width=PICTURE_WIDTH, caption=caption, alt=caption)
