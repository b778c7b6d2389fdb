"""Saving the site profile of a validation, and the list of saved ones."""

import shlex

import streamlit as st

from allcore import formats, site_profile
from allcore.errors import AllScopeError
from allcore.evaluation import site_validation
from allcore.evaluation.site_validation import SiteValidation
from allcore.model_folder import InstalledModel
from allcore.site_profile import SiteProfile
from allcore.store import roles, site_profiles
from allcore.web import accounts, frame, navigation
from allcore.web.accounts import Visitor
from allcore.web.components.charts import show_download
from allcore.web.validate.job import ValidationInputs

_HELP = "Calibration and threshold for this laboratory, to be chosen on Predict; the model stays."


def show_save(validation: SiteValidation, inputs: ValidationInputs, user: Visitor) -> None:
    """Draw the name and the button that saves the profile; why not, where there is none."""
    if not validation.can_be_saved:
        st.caption(":material/block: No site profile can be saved, since nothing can be claimed.")
        return
    allowed = user.may("profile")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.text_input(
            "Name of the site", site_profile.suggested_name(validation.data), max_chars=60,
            key=f"site name {validation.data_digest}", width=240, disabled=not allowed,
        )  # fmt: skip
        pressed = st.button(
            "Save site profile", icon=":material/bookmark_add:", type="primary",
            disabled=not allowed, help=_HELP if allowed else roles.refusal(user.role, "profile"),
        )  # fmt: skip
    if pressed:
        try:
            _save(validation, inputs, name, user)
        except AllScopeError as error:
            frame.problem(error)
            return
        st.rerun()


def show_profiles(model: InstalledModel, user: Visitor) -> None:
    """Draw the saved profiles, newest versions first within a name."""
    profiles, damaged = site_profile.list_profiles()
    st.subheader("Site profiles", anchor=False)
    frame.show_notice()
    if not profiles:
        st.caption("None is saved yet.")
    for profile in profiles:
        _show_profile(profile, model, user)
    for name in damaged:
        frame.warning(
            frame.plain(f"{name} can't be read: delete it from the folder of the profiles."),
            icon=":material/warning:",
        )


def _show_profile(profile: SiteProfile, model: InstalledModel, user: Visitor) -> None:
    with st.container(border=True, width=frame.TEXT_WIDTH):
        kind = "smear fields" if profile.fields else "single cells"
        st.markdown(f"**{frame.plain(profile.title)}**: {frame.plain(profile.mark)}")
        st.caption(
            frame.plain(
                f"{profile.model}, {formats.count(profile.cells, 'accepted cell')} of "
                f"{formats.count(profile.subjects, 'subject')} of {profile.data}, {kind}; "
                f"threshold {profile.threshold:.3f}; {profile.created[:10]}."
            )
        )
        with st.container(horizontal=True):
            if profile.model_digest == model.digest:
                navigation.link("Predict", "Choose it on Predict")
            else:
                st.caption(
                    ":material/block: Of another model: it can't be applied.", width="content"
                )
            show_download(
                "JSON", profile.to_json, f"site-profile-{profile.digest[:8]}.json",
                key=f"json {profile.key}",
            )  # fmt: skip
            if user.may("profile") and frame.confirm_button(
                "Delete", "The profile is deleted for everyone; answers that name it stay.",
                icon=":material/delete:", yes="Yes, delete", key=f"delete {profile.key}",
            ):  # fmt: skip
                _delete(profile, user)


def _save(validation: SiteValidation, inputs: ValidationInputs, name: str, user: Visitor) -> None:
    words = ["python", "-m", "allcore", "validate", str(inputs.path), "--model", inputs.model.name]
    command = shlex.join([*words, *(["--fields", "auto"] if inputs.fields else [])])
    made = site_validation.make_profile(validation, name=name, command=command)
    store = accounts.store_to("profile")
    saved = site_profiles.save(store, user.name, made, address=user.actor.address)
    frame.set_notice(f"Saved as {saved.title}: choose it beside the model on Predict.")


def _delete(profile: SiteProfile, user: Visitor) -> None:
    try:
        store = accounts.store_to("profile")
        site_profiles.delete(store, user.name, profile, address=user.actor.address)
    except AllScopeError as error:
        frame.problem(error)
        return
    frame.set_notice(f"{profile.title} is deleted.")
    st.rerun()
