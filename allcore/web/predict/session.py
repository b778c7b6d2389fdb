"""The pictures that a visitor looks at: those brought now, or those of the account's last run.

A run goes on when its session has ended. One run an account stays in this server's memory, the last
one; every prediction is stored in the history too, so that a batch whose server has gone is found
there as far as it came.
"""

import contextlib
import threading
import uuid
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import NamedTuple

import streamlit as st
from streamlit.delta_generator import DeltaGenerator
from streamlit.runtime.uploaded_file_manager import UploadedFile

from allcore.data import subjects
from allcore.data.junk_files import is_junk
from allcore.errors import BadImage
from allcore.inference import examples, image_sources
from allcore.inference.examples import ExamplePicture
from allcore.inference.image_sources import Source
from allcore.inference.jobs import Ending, PredictedPicture, PredictionJob, PredictionService
from allcore.inference.predictor import Predictor
from allcore.model_folder import ModelInfo
from allcore.store import batches, history, pictures
from allcore.store.database import Database
from allcore.store.history import HistoryAnswer
from allcore.web import accounts, frame
from allcore.web.accounts import Visitor

MAX_RUNS = 64
"""Accounts whose last run this server remembers."""
RUN_SECONDS = 3600.0
"""Time that a finished run stays with its pictures in this server's memory."""
FILES, FOLDER = "Pictures or zip", "A folder"
EXAMPLE = "example"
"""Key of the examples' control, and of the address."""
_RUN, _QUEUE = "predict_asked", "predict_session"
_ROUND, _CHANGED = "predict_round", "predict_changed"
_LOCK = threading.Lock()


class PredictionInputs(NamedTuple):
    """Pictures to predict, at least one, and the key of these very pictures."""

    key: tuple[str, ...]
    sources: tuple[Source, ...]


@dataclass
class HistoryWriter:
    """Stores predictions in an account's history as they come; called on the job's thread."""

    info: ModelInfo
    username: str
    database: Database | None  # None stores nothing
    name: str  # of the batch
    total: int  # number of pictures
    # of the stored predictions, in the order of the pictures; empty where none is stored
    ids: list[int] = field(default_factory=list)
    # id in the history; None for a single picture, and before the first prediction
    batch: int | None = None

    def __call__(self, items: Sequence[PredictedPicture], ending: Ending | None) -> None:
        if self.database is None:
            return
        if self.total > 1 and self.batch is None:
            self.batch = batches.begin(
                self.database,
                self.username,
                name=self.name,
                model=self.info.name,
                model_sha256=self.info.weights_sha256,
                total=self.total,
            )
        self.ids += history.add(
            self.database,
            self.username,
            [self._answer(item) for item in items],
            batch=self.batch,
            picture_bytes=_contents(items) if pictures.allowed(self.database) else None,
        )
        if ending and self.batch is not None:
            batches.end(self.database, self.username, self.batch, state=ending)

    def _answer(self, item: PredictedPicture) -> HistoryAnswer:
        name = subjects.parse_name(PurePosixPath(item.row.path).stem)
        return HistoryAnswer(
            name=item.row.path,
            image_sha256=item.row.sha256,
            model=self.info.name,
            model_sha256=self.info.weights_sha256,
            preprocessing_version=self.info.preprocessing.version,
            prediction=item.prediction,
            subject=name[0] if name else None,
        )


@dataclass(frozen=True)
class PredictionRun:
    """Predictions for an account: name of the model, the job, and its part of the history."""

    model: str
    job: PredictionJob
    history: HistoryWriter


def choose_files() -> list[UploadedFile]:
    """Draw the drop zone; return its files."""
    kind = st.segmented_control(
        "What to bring", [FILES, FOLDER], default=FILES, required=True, key="predict_kind",
        label_visibility="collapsed",
    )  # fmt: skip
    return st.file_uploader(
        "Pictures of single cells on black, or zip archives of them"
        if kind == FILES
        else "A folder of pictures of single cells on black",
        accept_multiple_files=True if kind == FILES else "directory",
        key=f"predict_files_{kind}_{st.session_state.get(_ROUND, 0)}",
        on_change=_chose_files,
        help="BMP, PNG, JPEG, TIFF, WebP, HEIC, AVIF or DICOM. The rest is refused, with a reason.",
    )


def choose_example(predictor: Predictor, place: DeltaGenerator) -> ExamplePicture | None:
    """Draw the examples that were chosen for a model; return the selected one."""
    with place:
        requested = EXAMPLE in st.query_params or st.session_state.get(EXAMPLE)
        ready = examples.is_ready(predictor)
        label = "Draw synthetic cells to try"
        if not (requested or ready or st.button(label, icon=":material/draw:")):
            return None
        with contextlib.nullcontext() if ready else st.spinner("Drawing synthetic cells"):
            choices = {choice.name: choice for choice in examples.examples(predictor)}
        name = st.pills(
            "Try a picture made by this program", list(choices), key=EXAMPLE, wrap=True,
            on_change=_chose_example, bind="query-params",
        )  # fmt: skip
        if name is None:
            return None
        st.markdown(frame.plain(choices[name].sentence))
        return choices[name]


def to_inputs(
    files: Sequence[UploadedFile], example: ExamplePicture | None
) -> PredictionInputs | None:
    """The pictures to predict; files before an example, None where there is neither."""
    if sources := tuple(_sources(files)):
        return PredictionInputs(tuple(file.file_id for file in files), sources)
    if example is None:
        return None
    source = Source(name=example.title, read=example.path.read_bytes)
    return PredictionInputs((example.name,), (source,))


def current_run(
    inputs: PredictionInputs | None, service: PredictionService, visitor: Visitor
) -> PredictionRun | None:
    """The run of these pictures, begun where they are new; None without any run.

    Without pictures it is the last run: of this session on its way through other pages, or of this
    account before its browser was closed.
    """
    state = st.session_state
    changed = state.pop(_CHANGED, False)
    if inputs is None:
        # Leaving the page empties its controls too; after a change, somebody removed the pictures.
        if changed:
            _put_away(visitor)
        return _show_last(service, visitor)
    key = (service.predictor.info.weights_sha256, *inputs.key)
    known: tuple[tuple[str, ...], PredictionRun] | None = state.get(_RUN)
    if known and known[0] == key:
        return known[1]
    _put_away(visitor)
    run = start(
        service,
        inputs.sources,
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
        sources: of the pictures.
        session: whose turn in the queue it is.
        owner: key of the run in this server's memory, never shared by two people.
        username: of the account.
        database: None stores no predictions.
    """
    info = service.predictor.info
    name = sources[0].name if len(sources) == 1 else f"{len(sources):,} pictures"
    writer = HistoryWriter(info, username, database, name, len(sources))
    job = service.start(sources, session=session, store=writer)
    run = PredictionRun(info.name, job, writer)
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
        if run and run.job.idle > RUN_SECONDS:
            del _runs()[owner]
            return None
        return run


def forget(owner: str) -> None:
    """Stop the last run of an owner and drop it from this server's memory; its history stays."""
    with _LOCK:
        run = _runs().pop(owner, None)
    if run:
        run.job.cancel()


def _show_last(service: PredictionService, visitor: Visitor) -> PredictionRun | None:
    """The last run with this model, with the way to put it away."""
    run = last(_owner(visitor))
    if run is None or run.model != service.predictor.info.name:
        return None
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(":material/history: What you asked last stands below.", width="content")
        st.button("Put it away", type="tertiary", on_click=_put_away, args=(visitor,))
    return run


def _put_away(visitor: Visitor) -> None:
    """Stop the last run, and show it no more."""
    forget(_owner(visitor))
    st.session_state.pop(_RUN, None)


def _owner(visitor: Visitor) -> str:
    """Key of a visitor's run: the account's, or this session's where nothing is stored."""
    return f"{visitor.number} {visitor.name}" if visitor.may("keep") else _queue()


def _queue() -> str:
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
        if item.row.sha256:
            with contextlib.suppress(BadImage):
                contents[item.row.sha256] = item.source.read()
    return contents


def _sources(files: Sequence[UploadedFile]) -> Iterator[Source]:
    for file in files:
        if file.name.lower().endswith(".zip"):
            yield from image_sources.members(file, name=file.name)
        elif not is_junk(file.name):
            yield Source(name=file.name, read=file.getvalue)


def _chose_files() -> None:
    st.session_state[_CHANGED] = True
    st.session_state[EXAMPLE] = None


def _chose_example() -> None:
    st.session_state[_CHANGED] = True
    st.session_state[_ROUND] = st.session_state.get(_ROUND, 0) + 1  # another, empty drop zone
