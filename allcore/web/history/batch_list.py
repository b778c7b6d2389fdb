"""The batches of an account: what became of them, and the way to their answers."""

import streamlit as st

from allcore.store import batches
from allcore.store.batches import Batch
from allcore.web import accounts, frame, guard
from allcore.web.history import entry_text, state

_SHOWN, _MOST = 3, 50
_EVERY = 3.0  # seconds between two looks at a batch that runs
_ICONS = {
    "running": ":material/hourglass_top:",
    "done": ":material/check_circle:",
    "cancelled": ":material/cancel:",
    "failed": ":material/error:",
    "interrupted": ":material/link_off:",
}


def read_batches(username: str) -> tuple[Batch, ...]:
    """The account's batches, the last begun first."""
    return batches.list_of(accounts.store(), username, limit=_MOST)


def show_batches(username: str, found: tuple[Batch, ...]) -> None:
    """Draw them where there are any; anew by themselves while one runs."""
    if not found:
        return
    st.subheader("Batches", anchor=False)
    if any(each.state == "running" for each in found):
        _watched(username)
    else:
        _draw(found)


@guard.periodic_fragment(_EVERY)
def _watched(username: str) -> None:
    found = read_batches(username)
    _draw(found)
    if not any(each.state == "running" for each in found):
        st.rerun()


def _draw(found: tuple[Batch, ...]) -> None:
    for batch in found[:_SHOWN]:
        _one(batch)
    if len(found) > _SHOWN:
        with st.expander(f"Earlier batches ({len(found) - _SHOWN})"):
            for batch in found[_SHOWN:]:
                _one(batch)


def _one(batch: Batch) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(batch_sentence(batch), width="content")
        pressed = st.button(
            "Show its answers",
            key=f"batch_{batch.id}",
            icon=":material/list:",
            on_click=state.show_batch,
            args=(batch.id,),
        )
    if pressed:  # what is drawn anew by itself would else be all that changes
        st.rerun()


def batch_sentence(batch: Batch) -> str:
    """Say what was dropped, how far it came, and when."""
    return (
        f"{_ICONS[batch.state]} **{frame.plain(batch.name)}**: {batches.STATES[batch.state]}, "
        f"{batch.answered:,} of {batch.total:,} answers kept, by {frame.plain(batch.model)}, "
        f"{entry_text.time_text(batch.started_at)} UTC"
    )
