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
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import streamlit as st
from streamlit.delta_generator import DeltaGenerator
from streamlit.runtime.uploaded_file_manager import UploadedFile

from allcore.data import subjects, thumbnails
from allcore.data.junk_files import is_junk
from allcore.errors import BadImage
from allcore.inference import examples, image_sources
from allcore.inference.examples import ExamplePicture
from allcore.inference.image_sources import Source
from allcore.inference.jobs import Ending, PredictedPicture, PredictionJob, PredictionService
from allcore.inference.predictor import Predictor
from allcore.inference.smear import Normalisation
from allcore.model_folder import ModelInfo
from allcore.store import batches, history, pictures
from allcore.store.batches import Batch
from allcore.store.database import Database
from allcore.store.history import HistoryAnswer
from allcore.web import accounts, frame
from allcore.web.accounts import Visitor
from allcore.web.components import picker
from allcore.web.components.picker import Card
from allcore.web.predict import batch_resumption, field_edits

MAX_RUNS = 64
"""Accounts whose last run this server remembers."""
RUN_SECONDS = 3600.0
"""Time that a finished run stays with its pictures in this server's memory."""
FILES, FOLDER = "Pictures or zip", "A folder"
EXAMPLE = "example"
"""Parameter of the address with the name of an example."""
_DRAWING = "Drawing synthetic cells"
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
    # id in the history; None for a single picture, and before the first prediction of a new batch
    batch: int | None = None

    def __call__(self, items: Sequence[PredictedPicture], ending: Ending | None) -> None:
        if self.database is None:
            return
        if self.batch is not None and not self.ids:
            batches.resume(self.database, self.username, self.batch)
        if self.batch is None and max(self.total, len(items)) > 1:
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
            cell=item.place.number if item.place else None,
            cut=item.place.cut if item.place else None,
            profile=item.row.profile or None,
        )


@dataclass(frozen=True)
class PredictionRun:
    """Predictions for an account: the job, its part of the history, and what answers."""

    model: str  # as of `_answering`
    job: PredictionJob
    history: HistoryWriter
    choice: Normalisation


def choose_kind() -> str:
    """Draw the choice between files and a folder; return it."""
    return st.segmented_control(
        "What to predict", [FILES, FOLDER], default=FILES, required=True, key="predict_kind",
        width="content",
    )  # fmt: skip


def choose_files(kind: str) -> list[UploadedFile]:
    """Draw the drop zone of a kind of `choose_kind`; return its files."""
    return st.file_uploader(
        "Pictures of single cells on black or smear fields, or zip archives of them"
        if kind == FILES
        else "A folder of pictures of single cells on black or smear fields",
        accept_multiple_files=True if kind == FILES else "directory",
        key=f"predict_files_{kind}_{st.session_state.get(_ROUND, 0)}",
        on_change=_chose_files,
        help="BMP, PNG, JPEG, TIFF, WebP, HEIC, AVIF or DICOM. The rest is refused, with a reason.",
    )


def selected_example(predictor: Predictor) -> ExamplePicture | None:
    """The example that the address names, which a click or the tour put there.

    Raises:
        DataError: the examples can't be selected or stored.
    """
    name = st.query_params.get(EXAMPLE)
    if not name:
        return None
    with contextlib.nullcontext() if examples.is_ready(predictor) else st.spinner(_DRAWING):
        return next((each for each in examples.examples(predictor) if each.name == name), None)


def show_examples(predictor: Predictor, place: DeltaGenerator) -> None:
    """Draw the examples as pictures to click; where there are none yet, make them first.

    Raises:
        DataError: the examples can't be selected or stored.
    """
    with place.container():
        st.markdown("**Synthetic examples**")
        if not examples.is_ready(predictor):
            with st.spinner(_DRAWING):
                examples.examples(predictor)
        choices = examples.examples(predictor)
        current = st.query_params.get(EXAMPLE)
        opened = picker.show_pictures(
            [Card(each.name, "", title=each.name, detail="", kind="") for each in choices],
            [_example_picture(str(each.path), each.path.stat().st_mtime_ns) for each in choices],
            key="predict_examples",
            current=current,
            size=picker.TINY,
        )
        if opened is not None and opened != current:
            st.session_state[_CHANGED] = True
            st.session_state[_ROUND] = st.session_state.get(_ROUND, 0) + 1  # an empty drop zone
            st.query_params[EXAMPLE] = opened
            st.rerun()
        sentence = next((each.sentence for each in choices if each.name == current), "")
        st.caption(frame.plain(sentence) or "Drawn by this program: click one to have it answered.")


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
    inputs: PredictionInputs | None,
    service: PredictionService,
    visitor: Visitor,
    resumed: Batch | None = None,
) -> PredictionRun | None:
    """The run of these pictures, begun where they are new; None without any run.

    Of a resumed batch only the pictures without an answer are predicted.

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
    key = (
        service.predictor.info.weights_sha256, _answering(service), str(field_edits.choice()),
        *inputs.key,
    )  # fmt: skip
    known: tuple[tuple[str, ...], PredictionRun] | None = state.get(_RUN)
    if known and known[0] == key:
        return known[1]
    _put_away(visitor)
    database = accounts.store_to("keep") if visitor.may("keep") else None
    sources = inputs.sources
    if resumed and database is not None:
        sources = batch_resumption.unanswered(sources, database, resumed, visitor.name)
        if not sources:
            st.info("All of these pictures are answered: drop the others of the batch.")
            return None
    run = start(
        service,
        sources,
        session=_queue(),
        owner=_owner(visitor),
        username=visitor.name,
        database=database,
        batch=resumed.id if resumed else None,
        choice=field_edits.choice(),
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
    batch: int | None = None,
    choice: Normalisation = Normalisation(),
) -> PredictionRun:
    """Predict pictures for an account.

    Args:
        service: of the model.
        sources: of the pictures.
        session: whose turn in the queue it is.
        owner: key of the run in this server's memory, never shared by two people.
        username: of the account.
        database: None stores no predictions.
        batch: id of the batch to go on with; None begins one where there are several answers.
        choice: what is normalised in the cells of fields.
    """
    info = service.predictor.info
    name = sources[0].name if len(sources) == 1 else f"{len(sources):,} pictures"
    writer = HistoryWriter(info, username, database, name, len(sources), batch=batch)
    job = service.start(sources, session=session, store=writer, choice=choice)
    run = PredictionRun(_answering(service), job, writer, choice)
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
    if run is None or run.model != _answering(service):
        return None
    if run.choice != field_edits.choice(default=run.choice):
        run = start(
            service,
            run.job.sources,
            session=_queue(),
            owner=_owner(visitor),
            username=visitor.name,
            database=run.history.database,
            choice=field_edits.choice(),
        )
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(":material/history: What you asked last stands below.", width="content")
        st.button("Put it away", type="tertiary", on_click=_put_away, args=(visitor,))
    return run


def _answering(service: PredictionService) -> str:
    """Name of the model, and of its site profile where one is applied."""
    predictor = service.predictor
    name, profile = predictor.info.name, predictor.profile
    return name if profile is None else f"{name} {profile.key} {profile.digest}"


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
    st.query_params.pop(EXAMPLE, None)


@st.cache_data(max_entries=32, show_spinner=False)
def _example_picture(path: str, changed: int) -> str:
    """The middle of an example as a data address; `changed` is the file's time."""
    webp = thumbnails.thumbnail(Path(path))
    return picker.thumbnail_address(webp) if webp else ""
