"""Pictures that are answered and kept whoever still looks."""

import io
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from allcore import model_folder
from allcore.data.cells import Rgb
from allcore.inference.image_sources import Source
from allcore.inference.jobs import PredictionService
from allcore.store import accounts, admin_settings, batches, database, history
from allcore.store import pictures as kept_pictures
from allcore.store.database import Database
from allcore.web import resources
from allcore.web.accounts import Visitor
from allcore.web.predict import session
from allcore.web.predict.session import PredictionRun


@pytest.fixture
def service(home: Path, tiny_model: Path) -> PredictionService:
    resources._service.clear()
    resources._predictor.clear()
    session._runs.clear()
    return resources.service(model_folder.resolve("tiny"))


@pytest.fixture
def store(home: Path) -> Database:
    opened = database.connect()
    accounts.create(
        opened, username="ada", display_name="Ada", email="a@example.org",
        password="correct horse 7 battery",
    )  # fmt: skip
    return opened


def source(rgb: Rgb, name: str = "cell.bmp") -> Source:
    buffer = io.BytesIO()
    Image.fromarray(rgb).save(buffer, "BMP")
    return Source(name, buffer.getvalue)


def ask(service: PredictionService, store: Database | None, *given: Source) -> PredictionRun:
    return session.start(
        service, list(given), session="a", owner="ada", username="ada", database=store
    )


def until(true: object, *, seconds: float = 20) -> None:
    """Wait for what the job's thread does after its answers stand."""
    latest = time.monotonic() + seconds
    while not true() and time.monotonic() < latest:  # type: ignore[operator]
        time.sleep(0.01)
    assert true()  # type: ignore[operator]


def test_start__keeps_one_answer_without_a_batch(
    service: PredictionService, store: Database, cell_image: Rgb
) -> None:
    asked = ask(service, store, source(cell_image, "UID_H7_1_2_hem.bmp"))
    assert asked.job.wait(30)
    until(lambda: asked.history.ids)
    found = history.search(store, "ada")
    assert found.total == 1
    assert found.rows[0].id == asked.history.ids[0]
    answer = found.rows[0].answer
    assert answer.prediction.p_all == pytest.approx(asked.job.items[0].row.p_all)
    assert (answer.model, answer.subject, asked.history.batch) == ("tiny", "H7", None)
    assert kept_pictures.read(store, "ada", answer.image_sha256) is None  # nobody allowed it


def test_start__keeps_pictures_where_the_administrator_does(
    service: PredictionService, store: Database, cell_image: Rgb
) -> None:
    accounts.set_role(store, "ada", "admin")
    admin_settings.change(store, "ada", {"keep_pictures": True})
    given = source(cell_image)
    asked = ask(service, store, given, source(np.zeros_like(cell_image)))
    assert asked.job.wait(30)
    until(lambda: len(asked.history.ids) == 2)
    assert kept_pictures.read(store, "ada", asked.job.items[0].row.sha256) == given.read()


def test_start__keeps_a_batch_as_it_goes(
    service: PredictionService, store: Database, cell_image: Rgb
) -> None:
    """A batch is in the history from its first answer on, while the rest is still to come."""
    go_on = threading.Event()
    data = source(cell_image).read()

    def slow() -> bytes:
        assert go_on.wait(30)
        return data

    first = [source(cell_image, str(number)) for number in range(8)]
    asked = ask(service, store, *first, *[Source("slow", slow)] * 8)
    until(lambda: asked.history.ids)
    (batch,) = batches.list_of(store, "ada")
    assert batch.state == "running"
    assert 1 <= batch.answered < 16
    go_on.set()
    assert asked.job.wait(30)
    until(lambda: batches.list_of(store, "ada")[0].state == "done")
    assert history.search(store, "ada", history.HistoryQuery(batch=asked.history.batch)).total == 16


def test_start__says_of_a_cancelled_batch_that_it_was(
    service: PredictionService, store: Database, cell_image: Rgb
) -> None:
    reached, go_on = threading.Event(), threading.Event()
    data = source(cell_image).read()

    def slow() -> bytes:
        reached.set()
        assert go_on.wait(30)
        return data

    asked = ask(service, store, *[Source("slow", slow)] * 40)
    assert reached.wait(30)
    asked.job.cancel()
    go_on.set()
    assert asked.job.wait(30)
    until(lambda: asked.history.batch and batches.list_of(store, "ada")[0].state == "cancelled")


def test_start__answers_where_nothing_is_kept(service: PredictionService, cell_image: Rgb) -> None:
    asked = ask(service, None, source(cell_image))
    assert asked.job.wait(30)
    assert len(asked.job.items) == 1
    assert asked.history.ids == []


def test_start__answers_where_nothing_can_be_kept(
    service: PredictionService, store: Database, cell_image: Rgb
) -> None:
    """An account that is gone has no history, and the answer stands all the same."""
    asked = session.start(
        service, [source(cell_image)], session="a", owner="x", username="nobody", database=store
    )
    assert asked.job.wait(30)
    assert not asked.job.failed
    assert len(asked.job.items) == 1


def test_last__is_the_account_s_own_until_it_is_over(
    service: PredictionService, cell_image: Rgb, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = ask(service, None, source(cell_image))
    assert session.last("ada") is asked
    assert session.last("bob") is None
    assert asked.job.wait(30)
    assert session.last("ada") is asked
    monkeypatch.setattr(session, "RUN_SECONDS", -1.0)
    assert session.last("ada") is None


def test_last__is_forgotten_when_told(service: PredictionService, cell_image: Rgb) -> None:
    ask(service, None, source(cell_image))
    session.forget("ada")
    assert session.last("ada") is None


def test_start__remembers_so_many_accounts(
    service: PredictionService, cell_image: Rgb, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "MAX_RUNS", 2)
    for name in ("one", "two", "three"):
        session.start(
            service, [source(cell_image)], session=name, owner=name, username=name, database=None
        )
    assert session.last("one") is None
    assert session.last("two") and session.last("three")


def test_owner__a_name_that_was_anothers_before() -> None:
    """Its pictures are not shown to who makes an account of the same name after a deletion."""
    before, after = (Visitor("ada", "Ada", "user", number) for number in (1, 2))
    assert session._owner(before) != session._owner(after)
