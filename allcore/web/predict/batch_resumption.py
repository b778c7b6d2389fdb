"""An interrupted batch that is gone on with: which one, and what of it is still to answer."""

import hashlib
from collections.abc import Sequence

import streamlit as st

from allcore.errors import BadImage
from allcore.inference.image_sources import Source
from allcore.model_folder import ModelInfo
from allcore.store import batches, history
from allcore.store.batches import Batch
from allcore.store.database import Database
from allcore.store.history import HistoryQuery
from allcore.web import accounts, frame
from allcore.web.accounts import Visitor

BATCH = "batch"
"""Parameter of the address with the id of a batch to go on with."""


def resumed_batch(info: ModelInfo, visitor: Visitor) -> Batch | None:
    """The unfinished batch of this model that the address names, with what to do; None without."""
    number = st.query_params.get(BATCH, "")
    if not (number and visitor.may("keep")):
        return None
    own = batches.list_of(accounts.store(), visitor.name, limit=None)
    batch = next((each for each in own if str(each.id) == number and each.incomplete), None)
    if batch is None:
        return None
    name, same = frame.plain(batch.name), batch.model_sha256 == info.weights_sha256
    text = f"Choose the model {frame.plain(batch.model)} to go on with **{name}**."
    if same:
        text = (
            f"Going on with **{name}**: {batch.answered:,} of {batch.total:,} pictures are "
            "answered. Drop the same pictures again; these are skipped."
        )
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f":material/resume: {text}", width="content")
        st.button(
            "Start a new batch instead", type="tertiary",
            on_click=_forget_batch,
        )  # fmt: skip
    return batch if same else None


def _forget_batch() -> None:
    st.query_params.pop(BATCH, None)


def unanswered(
    sources: Sequence[Source], database: Database, batch: Batch, username: str
) -> tuple[Source, ...]:
    """The pictures that a batch has no answer for, by name and content."""
    rows = history.search(database, username, HistoryQuery(batch=batch.id), limit=None).rows
    answered = {(row.answer.name, row.answer.image_sha256) for row in rows}
    names = {name for name, _ in answered}
    return tuple(
        source
        for source in sources
        if source.name not in names or (source.name, _digest(source)) not in answered
    )


def _digest(source: Source) -> str:
    """SHA-256 of a file; empty where it can't be read, as in the history."""
    try:
        return hashlib.sha256(source.read()).hexdigest()
    except BadImage:
        return ""
