"""What an account asked last: pictures that go on being answered when their session has ended.

One job an account lives in this server, the last one; every answer is kept in the history too, so
that a batch whose server has gone is found there as far as it came.
"""

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

import streamlit as st

from allcore.data import subjects
from allcore.errors import BadImage
from allcore.inference.image_sources import Source
from allcore.inference.jobs import Ending, Job, PredictedPicture, PredictionService
from allcore.store import batches, history, pictures
from allcore.store.database import Database
from allcore.store.history import HistoryAnswer

ACCOUNTS = 64
"""Accounts whose last pictures this server remembers."""
REMEMBERED = 3600.0
"""Seconds that finished answers stay with their pictures in this server's memory."""
_LOCK = threading.Lock()


class Kept:
    """Keeps answers in an account's history as they come; called on the job's thread.

    Attributes:
        ids: of the kept answers, in the order of the pictures; none where nothing is kept.
        batch: id in the history; None for a single picture, and before the first answer.
    """

    def __init__(
        self,
        service: PredictionService,
        username: str,
        database: Database | None,
        *,
        name: str,
        total: int,
    ) -> None:
        self.ids: list[int] = []
        self.batch: int | None = None
        self._info = service.predictor.info
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
            kept=_contents(items) if pictures.allowed(self._database) else None,
        )
        if ending and self.batch is not None:
            batches.end(self._database, self._username, self.batch, state=ending)

    def _answer(self, item: PredictedPicture) -> HistoryAnswer:
        known = subjects.parse_name(PurePosixPath(item.row.path).stem)
        return HistoryAnswer(
            name=item.row.path,
            image_sha256=item.row.sha256,
            model=self._info.name,
            model_sha256=self._info.weights_sha256,
            preprocessing_version=self._info.preprocessing.version,
            prediction=item.prediction,
            subject=known[0] if known else None,
        )


@dataclass(frozen=True)
class Asked:
    """Pictures that an account asked about: what was dropped, who answers, and what is kept."""

    name: str
    model: str
    job: Job
    kept: Kept

    @property
    def over(self) -> bool:
        """Whether it ended so long ago that this server may forget it."""
        return self.job.idle > REMEMBERED


def start(
    service: PredictionService,
    sources: Sequence[Source],
    *,
    session: str,
    owner: str,
    username: str,
    database: Database | None,
) -> Asked:
    """Answer pictures for an account.

    Args:
        service: of the model.
        sources: the pictures.
        session: whose turn in the queue it is.
        owner: whose they are in this server's memory, as nobody else ever is.
        username: of the account.
        database: where answers are kept; None keeps none.
    """
    name = sources[0].name if len(sources) == 1 else f"{len(sources):,} pictures"
    kept = Kept(service, username, database, name=name, total=len(sources))
    job = service.start(sources, session=session, store=kept)
    asked = Asked(name, service.predictor.info.name, job, kept)
    with _LOCK:
        remembered = _remembered()
        remembered[owner] = asked
        remembered.move_to_end(owner)
        while len(remembered) > ACCOUNTS:
            remembered.popitem(last=False)
    return asked


def last(owner: str) -> Asked | None:
    """What somebody asked last, where this server still remembers it."""
    with _LOCK:
        asked = _remembered().get(owner)
        if asked and asked.over:
            del _remembered()[owner]
            return None
        return asked


def forget(owner: str) -> None:
    """Drop what somebody asked last from this server's memory; its history stays."""
    with _LOCK:
        _remembered().pop(owner, None)


@st.cache_resource(show_spinner=False)
def _remembered() -> OrderedDict[str, Asked]:
    """The last pictures of each account, the latest asked last; one for all sessions."""
    return OrderedDict()


def _contents(items: Sequence[PredictedPicture]) -> dict[str, bytes]:
    """The files behind answers, by digest; without those that can't be read."""
    found = {}
    for item in items:
        try:
            found[item.row.sha256] = item.source.read()
        except BadImage:
            continue
    found.pop("", None)
    return found
