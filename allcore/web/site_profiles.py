"""Site profiles on pages: the picker beside that of the model, and what is known with one."""

import streamlit as st

from allcore import site_profile
from allcore.model_folder import InstalledModel
from allcore.web import frame, presentation

PICKER_WIDTH = 220
"""Pixels of the picker."""
NONE = "none"


def choose_profile(model: InstalledModel | None) -> InstalledModel | None:
    """Draw the picker of the profiles of a model, by default none; return the model with it.

    There is no picker without profiles of this very model.
    """
    if model is None or presentation.is_on():
        return model
    own = {
        profile.key: profile
        for profile in site_profile.list_profiles()[0]
        if profile.model_digest == model.digest
    }
    if not own:
        return model
    with st.container(key="field_profile", width=PICKER_WIDTH):
        chosen = st.selectbox(
            "Site profile", [NONE, *own], key="predict_profile",
            format_func=lambda key: own[key].title if key in own else key,
            help="Calibration and threshold for one laboratory, from the Validate page. The model "
            "stays as it is.",
        )  # fmt: skip
    return model.with_profile(own.get(chosen))


def show_mark(model: InstalledModel) -> None:
    """Draw what is known of answers with the model's profile; nothing without one."""
    if model.profile is not None:
        text = f"Site profile {model.profile.title}: {model.profile.mark}."
        frame.caption(f":material/verified: {frame.plain(text)}")
