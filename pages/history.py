from allcore.web import guard

user = guard.require("history")

import streamlit as st

from allcore.errors import AllScopeError
from allcore.store import admin_settings, batches, deletion, history
from allcore.store.history import HistoryQuery
from allcore.web import accounts, frame, navigation
from allcore.web.history import batch_list, entry_view, filters, listing

METHOD = """
Every answer is stored for you alone, with what it rests on: the SHA-256 of the file, the model and
the SHA-256 of its weights, the version of the preprocessing, and the threshold. Nobody else sees
your list; an administrator sees how many answers and pictures each account has, and no more. Asking
again runs the model of today on the very same file, and stores that answer as well. A flag puts the
picture of an answer before reviewers, without its name and yours. What you delete is gone. For a
cell that the model was trained on, the held-out answer on record stands first.
"""


def retention_sentence() -> str:
    settings = admin_settings.read_all(store)
    days = settings["history_days"].value
    answers = f"for {days:,} days" if days else "until you delete them"
    pictures = f"for {settings['picture_days'].value:,} days at most"
    return (
        f"Answers are kept {answers}; pictures "
        f"{pictures if settings['keep_pictures'].value else 'are not kept'}."
    )


frame.header(title="History", question="What did I ask, and what was answered?")
frame.show_notice()
try:
    store = accounts.store()
    deletion.delete_expired_hourly(store)
    frame.caption(retention_sentence())
    account_batches = batch_list.read_batches(user.name)
    if not account_batches and not history.search(store, user.name, HistoryQuery(), limit=0).total:
        frame.info(
            "You have asked nothing yet: what you ask on Predict is listed here.",
            icon=":material/history:",
        )
        navigation.link("Predict", "Check a picture")
        st.stop()
    batch_list.show_batches(user.name, account_batches)
    st.subheader("Answers", anchor=False)
    names = batches.names(store, user.name)
    filters.show_filters(user.name, history.models(store, user.name), names)
    entry_id = filters.id_parameter(filters.ENTRY)
    answers, opened = st.columns([3, 2], gap="large") if entry_id else (st.container(), None)
    with answers:
        listing.show_answers(user.name, filters.current_query(), names)
    if entry_id and opened:
        with opened:
            entry_view.show_entry(user.name, history.find(store, user.name, entry_id), names)
except AllScopeError as error:
    frame.problem(error)
with st.expander("Method"):
    frame.markdown(METHOD)
