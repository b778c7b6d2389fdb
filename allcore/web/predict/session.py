"""Which pictures this session looks at: those it was given, or those the account asked last."""

import uuid

import streamlit as st

from allcore.inference.jobs import PredictionService
from allcore.web import accounts
from allcore.web.accounts import Visitor
from allcore.web.predict import inputs, jobs
from allcore.web.predict.inputs import Given
from allcore.web.predict.jobs import Asked

_ASKED, _QUEUE = "predict_asked", "predict_session"


def asked(brought: Given | None, service: PredictionService, visitor: Visitor) -> Asked | None:
    """The job for what was given, begun where it is new; None where there is nothing to show.

    Where nothing is given now, what was asked before is shown: by this session on its way through
    other pages, or by this account before its browser was closed.
    """
    state, taken_back = st.session_state, inputs.taken_back()
    if brought is None:
        if taken_back:
            _put_away(visitor)
        return _before(service, visitor)
    what = (service.predictor.info.weights_sha256, *brought.key)
    known: tuple[tuple[str, ...], Asked] | None = state.get(_ASKED)
    if known and known[0] == what:
        return known[1]
    _put_away(visitor)
    begun = _begin(brought, service, visitor)
    state[_ASKED] = (what, begun)
    return begun


def _begin(brought: Given, service: PredictionService, visitor: Visitor) -> Asked:
    return jobs.start(
        service,
        brought.sources,
        session=_queue(),
        owner=_who(visitor),
        username=visitor.name,
        database=accounts.store_to("keep") if visitor.may("keep") else None,
    )


def _before(service: PredictionService, visitor: Visitor) -> Asked | None:
    """What was asked of this model before, with the way to put it away."""
    found = jobs.last(_who(visitor))
    if found is None or found.model != service.predictor.info.name:
        return None
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(":material/history: What you asked last stands below.", width="content")
        st.button("Put it away", type="tertiary", on_click=_put_away, args=(visitor,))
    return found


def _put_away(visitor: Visitor) -> None:
    """Stop answering what was asked before, and show it no more; its history stays."""
    before = jobs.last(_who(visitor))
    if before:
        before.job.cancel()
        jobs.forget(_who(visitor))
    st.session_state.pop(_ASKED, None)


def _who(visitor: Visitor) -> str:
    """Whose pictures they are: the account's, or this session's where nothing is kept."""
    return f"{visitor.number} {visitor.name}" if visitor.may("keep") else _queue()


def _queue() -> str:
    """This session's place in the queue."""
    queue: str = st.session_state.setdefault(_QUEUE, uuid.uuid4().hex)
    return queue
