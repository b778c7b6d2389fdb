"""How the answers of the Predict page come about, for who wants to know."""

import streamlit as st

from allcore.inference.predictor import Predictor
from allcore.reports.model_card import results
from allcore.web import frame

_ANSWERED = """
The cell is cut out of its black background and goes through the network, whose score becomes a
probability by the calibration found on validation subjects. From the threshold on, the cell is
called an ALL blast.
"""
_UNGATED = (
    "This model has no gate of its own: a picture is refused only where it can't be read or does "
    "not show one cell on black. Fit one with `python -m allcore evaluate --gate`."
)
_GATED = (
    "Before that a picture is refused where it can't be read, does not show one whole cell on "
    "black, is badly exposed or out of focus, or where what the network reads in it is too far "
    "from what it read in training cells."
)


def show(predictor: Predictor) -> None:
    """Draw what is done with a picture, folded."""
    with st.expander("Method"):
        st.markdown(_ANSWERED, width=frame.TEXT_WIDTH)
        gate = predictor.gate
        if gate is None:
            st.markdown(_UNGATED, width=frame.TEXT_WIDTH)
        else:
            said = frame.plain(results.gate_text(gate.facts))
            st.markdown(f"{_GATED} {said}", width=frame.TEXT_WIDTH)
        rule = frame.plain(predictor.info.threshold_rule)
        st.markdown(f"Threshold: {rule}", width=frame.TEXT_WIDTH)
