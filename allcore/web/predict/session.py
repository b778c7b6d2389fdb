"""The pictures that a visitor looks at: those brought now, or those of the account's last run.

A run goes on when its session has ended. One run an account stays in this server's memory, the last
one; every prediction is stored in the history too, so that a batch whose server has gone is found
there as far as it came.
"""

import threading
import uuid
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

import streamlit as st

from allcore.data import subjects
from allcore.errors import BadImage
from allcore.inference.image_sources import Source
from allcore.inference.jobs import Ending, PredictedPicture, PredictionJob, PredictionService
from allcore.model_folder import ModelInfo
from allcore.store import batches, history, pictures
from allcore.store.database import Database
from allcore.store.history import HistoryAnswer
from allcore.web import accounts
from allcore.web.accounts import Visitor
from allcore.web.predict import inputs
from allcore.web.predict.inputs import PredictionInputs

MAX_RUNS = 64
"""Accounts whose last run this server remembers."""
RUN_SECONDS = 3600.0
"""Time that a finished run stays with its pictures in this server's memory."""
_RUN, _QUEUE = "predict_asked", "predict_session"
_LOCK = threading.Lock()


class HistoryWriter:
    """Stores predictions in an account's history as they come; called on the job's thread.

    Attributes:
        ids: of the stored predictions, in the order of the pictures; empty where none is stored.
        batch: id in the history; None for a single picture, and before the first prediction.
    """

    def __init__(
        self, info: ModelInfo, username: str, database: Database | None, *, name: str, total: int
    ) -> None:
        self.ids: list[int] = []
        self.batch: int | None = None
        self._info = info
        self._username = username
        self._database = database
        self._name = name
        self._total = total

    def __call__(self, items: Sequence[PredictedPicture], ending: Ending | None) -> None:
        if self._database is None:
            return
        if self._total > 1 and self.batch is None:
            self.batch = batches.begin(
                self._database,
                self._username,
                name=self._name,
                model=self._info.name,
                model_sha256=self._info.weights_sha256,
                total=self._total,
            )
        self.ids += history.add(
            self._database,
            self._username,
            [self._answer(item) for item in items],
            batch=self.batch,
            picture_bytes=_contents(items) if pictures.allowed(self._database) else None,
        )
        if ending and self.batch is not None:
            batches.end(self._database, self._username, self.batch, state=ending)

    def _answer(self, item: PredictedPicture) -> HistoryAnswer:
        name = subjects.parse_name(PurePosixPath(item.row.path).stem)
        return HistoryAnswer(
            name=item.row.path,
            image_sha256=item.row.sha256,
            model=self._info.name,
            model_sha256=self._info.weights_sha256,
            preprocessing_version=self._info.preprocessing.version,
            prediction=item.prediction,
            subject=name[0] if name else None,
        )


@dataclass(frozen=True)
class PredictionRun:
    """Pictures that an account had predicted: their name, the model, the job and its history."""

    name: str
    model: str
    job: PredictionJob
    history: HistoryWriter

    @property
    def expired(self) -> bool:
        """Whether it ended so long ago that this server may forget it."""
        return self.job.idle > RUN_SECONDS


def current_run(
    brought: PredictionInputs | None, service: PredictionService, visitor: Visitor
) -> PredictionRun | None:
    """The run of the pictures brought now, begun where they are new; None without any run.

    Without pictures it is the last run: of this session on its way through other pages, or of this
    account before its browser was closed.
    """
    state, removed = st.session_state, inputs.were_removed()
    if brought is None:
        if removed:
            _put_away(visitor)
        return _last_shown(service, visitor)
    key = (service.predictor.info.weights_sha256, *brought.key)
    known: tuple[tuple[str, ...], PredictionRun] | None = state.get(_RUN)
    if known and known[0] == key:
        return known[1]
    _put_away(visitor)
    run = start(
        service,
        brought.sources,
        session=_queue(),
        owner=_owner(visitor),
        username=visitor.name,
        database=accounts.store_to("keep") if visitor.may("keep") else None,
    )
    state[_RUN] = (key, run)
    return run


def start(
    service: PredictionService,
    sources: Sequence[Source],
    *,
    session: str,
    owner: str,
    username: str,
    database: Database | None,
) -> PredictionRun:
    """Predict pictures for an account.

    Args:
        service: of the model.
        sources: the pictures.
        session: whose turn in the queue it is.
        owner: key of the run in this server's memory, never shared by two people.
        username: of the account.
        database: where predictions are stored; None stores none.
    """
    info = service.predictor.info
    name = sources[0].name if len(sources) == 1 else f"{len(sources):,} pictures"
    writer = HistoryWriter(info, username, database, name=name, total=len(sources))
    job = service.start(sources, session=session, store=writer)
    run = PredictionRun(name, info.name, job, writer)
    with _LOCK:
        runs = _runs()
        runs[owner] = run
        runs.move_to_end(owner)
        while len(runs) > MAX_RUNS:
            runs.popitem(last=False)
    return run


def last(owner: str) -> PredictionRun | None:
    """The last run of an owner, where this server still remembers it."""
    with _LOCK:
        run = _runs().get(owner)
        if run and run.expired:
            del _runs()[owner]
            return None
        return run


def forget(owner: str) -> None:
    """Drop the last run of an owner from this server's memory; its history stays."""
    with _LOCK:
        _runs().pop(owner, None)


def _last_shown(service: PredictionService, visitor: Visitor) -> PredictionRun | None:
    """The last run with this model, with the way to put it away."""
    run = last(_owner(visitor))
    if run is None or run.model != service.predictor.info.name:
        return None
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(":material/history: What you asked last stands below.", width="content")
        st.button("Put it away", type="tertiary", on_click=_put_away, args=(visitor,))
    return run


def _put_away(visitor: Visitor) -> None:
    """Stop the last run, and show it no more; its history stays."""
    run = last(_owner(visitor))
    if run:
        run.job.cancel()
        forget(_owner(visitor))
    st.session_state.pop(_RUN, None)


def _owner(visitor: Visitor) -> str:
    """Key of a visitor's run: the account's, or this session's where nothing is stored."""
    return f"{visitor.number} {visitor.name}" if visitor.may("keep") else _queue()


def _queue() -> str:
    """This session's place in the queue."""
    queue: str = st.session_state.setdefault(_QUEUE, uuid.uuid4().hex)
    return queue


@st.cache_resource(show_spinner=False)
def _runs() -> OrderedDict[str, PredictionRun]:
    """The last run of each owner, the latest last; one for all sessions."""
    return OrderedDict()


def _contents(items: Sequence[PredictedPicture]) -> dict[str, bytes]:
    """The files behind predictions, by digest; without those that can't be read."""
    contents = {}
    for item in items:
        try:
            contents[item.row.sha256] = item.source.read()
        except BadImage:
            continue
    contents.pop("", None)
    return contents
