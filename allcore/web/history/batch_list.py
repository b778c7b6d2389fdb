"""The batches of an account, with links to their answers."""

import streamlit as st

from allcore.store import batches
from allcore.store.batches import Batch
from allcore.web import accounts, frame, guard
from allcore.web.history import entry_text, state

_SHOWN, _MOST = 3, 50
_SECONDS = 3.0  # between two redraws of a running batch
_ICONS = {
    "running": ":material/hourglass_top:",
    "done": ":material/check_circle:",
    "cancelled": ":material/cancel:",
    "failed": ":material/error:",
    "interrupted": ":material/link_off:",
}


def read_batches(username: str) -> tuple[Batch, ...]:
    """Read the account's batches, the last begun first."""
    return batches.list_of(accounts.store(), username, limit=_MOST)


def show_batches(username: str, account_batches: tuple[Batch, ...]) -> None:
    """Draw the batches, if any; redraw them while one runs."""
    if not account_batches:
        return
    st.subheader("Batches", anchor=False)
    if any(batch.state == "running" for batch in account_batches):
        _watched(username)
    else:
        _draw(account_batches)


@guard.periodic_fragment(_SECONDS)
def _watched(username: str) -> None:
    account_batches = read_batches(username)
    _draw(account_batches)
    if not any(batch.state == "running" for batch in account_batches):
        st.rerun()


def _draw(account_batches: tuple[Batch, ...]) -> None:
    for batch in account_batches[:_SHOWN]:
        _one(batch)
    if len(account_batches) > _SHOWN:
        with st.expander(f"Earlier batches ({len(account_batches) - _SHOWN})"):
            for batch in account_batches[_SHOWN:]:
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
    if pressed:  # a fragment's click reruns the fragment alone
        st.rerun()


def batch_sentence(batch: Batch) -> str:
    """Describe a batch: upload, state, answers, model and time."""
    return (
        f"{_ICONS[batch.state]} **{frame.plain(batch.name)}**: {batch.state}, "
        f"{batch.answered:,} of {batch.total:,} answers kept, by {frame.plain(batch.model)}, "
        f"{entry_text.time_text(batch.started_at)} UTC"
    )
