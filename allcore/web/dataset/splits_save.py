"""Saving, download and deletion of a split, and the command that trains on it."""

import shlex

import streamlit as st

from allcore.data import saved_splits, split_files
from allcore.data.saved_splits import SavedSplit
from allcore.errors import AllScopeError
from allcore.plots import style
from allcore.web import accounts, frame
from allcore.web.accounts import Visitor
from allcore.web.components import charts
from allcore.web.dataset.context import DatasetContext, storage_key
from allcore.web.dataset.splits_choice import ChosenSplit

_NOTICE = "split_said"


def show_saved_notice() -> None:
    """Show once what was just saved or deleted."""
    if notice := st.session_state.pop(_NOTICE, None):
        st.success(notice, icon=":material/bookmark_added:", width=frame.TEXT_WIDTH)


def show_save(context: DatasetContext, chosen: ChosenSplit) -> None:
    """Draw the buttons and the training command of the split."""
    if chosen.refused:
        st.info(
            f"Nothing can be trained on this split: {frame.plain(chosen.refused)}",
            icon=":material/block:", width=frame.TEXT_WIDTH,
        )  # fmt: skip
        return
    if chosen.saved is None and context.user.may("keep"):
        _show_save_form(context, chosen)
    with st.container(horizontal=True):
        _show_download(context, chosen)
        if chosen.saved is not None and may_delete(context.user, chosen.saved):
            _show_delete(context, chosen.saved)
    _show_command(context, chosen)


def may_delete(user: Visitor, saved: SavedSplit) -> bool:
    """Whether a user made a split, or is an administrator."""
    own = saved.by != "" and saved.by == user.name
    return user.may("administer") or (own and user.may("keep"))


def training_command(context: DatasetContext, chosen: ChosenSplit) -> str:
    """The command that trains on the split."""
    file = f"{chosen.name}.csv" if chosen.saved is None else str(chosen.saved.path)
    model = style.file_name(chosen.name)
    return shlex.join([
        "python", "-m", "allcore", "train", "--data", str(context.path), "--split", file,
        "--arch", "qcresnet", "--out", f"models/{model}",
    ])  # fmt: skip


def _show_save_form(context: DatasetContext, chosen: ChosenSplit) -> None:
    with st.form("keep_split", width=frame.FORM_WIDTH):
        name = st.text_input(
            "Save this split as", value=chosen.name, max_chars=saved_splits.MAX_NAME
        )
        submitted = st.form_submit_button("Save", icon=":material/bookmark_add:")
    if not submitted:
        return
    try:
        accounts.visitor().require("keep")
        saved = saved_splits.save(
            chosen.split,
            context.manifest,
            key=storage_key(context.name),
            name=name,
            by=context.user.name,
        )
    except AllScopeError as error:
        frame.problem(error)
        return
    st.session_state[_NOTICE] = (
        f"Saved as {frame.plain(saved.name)}: everybody here finds it under A saved one and, in "
        "the sidebar, under Split shown."
    )
    st.rerun()


def _show_download(context: DatasetContext, chosen: ChosenSplit) -> None:
    st.download_button(
        "Download the split as CSV",
        lambda: charts.csv_bytes(split_files.split_table(chosen.split, context.manifest)),
        file_name=f"{chosen.name}.csv",
        mime="text/csv",
        icon=":material/download:",
        on_click="ignore",
        key="download split",
    )


def _show_delete(context: DatasetContext, saved: SavedSplit) -> None:
    with st.popover("Delete", icon=":material/delete:"):
        st.markdown("Models that were trained on it keep their own copy.")
        if not st.button(f"Delete {frame.plain(saved.name)}", key="delete_split"):
            return
    try:
        accounts.visitor().require("keep")
        saved_splits.delete(storage_key(context.name), saved.name)
    except AllScopeError as error:
        frame.problem(error)
        return
    st.session_state[_NOTICE] = f"{frame.plain(saved.name)} was deleted."
    st.rerun()


def _show_command(context: DatasetContext, chosen: ChosenSplit) -> None:
    where = (
        "save the split, or download it and give the file's place after `--split`."
        if chosen.saved is None
        else "the network is trained on exactly this split, and its card says which it was."
    )
    st.markdown(f"To train on it where the data is: {where}", width=frame.TEXT_WIDTH)
    st.code(training_command(context, chosen), language="bash", wrap_lines=True)
