"""The batches of an account, with links to their answers."""

import streamlit as st

from allcore.store import batches
from allcore.store.batches import Batch
from allcore.web import accounts, frame, guard, navigation
from allcore.web.history import filters

_LATEST = 3  # the others are folded away
_ICONS = {
    "running": ":material/hourglass_top:",
    "done": ":material/check_circle:",
    "cancelled": ":material/cancel:",
    "failed": ":material/error:",
    "interrupted": ":material/link_off:",
}


def read_batches(username: str) -> tuple[Batch, ...]:
    """Read the account's batches, the last begun first."""
    return batches.list_of(accounts.store(), username, limit=50)


def show_batches(username: str, account_batches: tuple[Batch, ...]) -> None:
    """Draw the batches, if any; redraw them while one runs."""
    if not account_batches:
        return
    st.subheader("Batches", anchor=False)
    if any(batch.state == "running" for batch in account_batches):
        _watch(username)
    else:
        _show_list(account_batches)


@guard.periodic_fragment(3.0)
def _watch(username: str) -> None:
    account_batches = read_batches(username)
    _show_list(account_batches)
    if not any(batch.state == "running" for batch in account_batches):
        st.rerun()


def _show_list(account_batches: tuple[Batch, ...]) -> None:
    for batch in account_batches[:_LATEST]:
        _show_one(batch)
    if len(account_batches) > _LATEST:
        with st.expander(f"Earlier batches ({len(account_batches) - _LATEST})"):
            for batch in account_batches[_LATEST:]:
                _show_one(batch)


def _show_one(batch: Batch) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(
            f"{_ICONS[batch.state]} **{frame.plain(batch.name)}**: {batch.state}, "
            f"{batch.answered:,} of {batch.total:,} answers, by {frame.plain(batch.model)}, "
            f"{batch.started_at:%Y-%m-%d %H:%M} UTC",
            width="content",
        )
        pressed = st.button(
            "Show its answers", key=f"batch_{batch.id}", icon=":material/list:",
            on_click=filters.show_batch, args=(batch.id,),
        )  # fmt: skip
        if batch.incomplete:
            rest = f"Go on with the other {batch.total - batch.answered:,}"
            navigation.link("Predict", rest, address={"batch": str(batch.id)})
    if pressed:  # a fragment's click reruns the fragment alone
        st.rerun()
