import io
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from allcore import model_folder
from allcore.errors import AllScopeError, ModelError
from allcore.inference.batching import QueueClosed
from allcore.inference.image_sources import Source
from allcore.inference.jobs import PredictionService
from allcore.inference.upload import Rgb
from allcore.web import resources


@pytest.fixture
def service(home: Path, tiny_model: Path) -> PredictionService:
    resources._service.clear()
    resources._predictor.clear()
    return resources.service(model_folder.resolve("tiny"))


def source(rgb: Rgb, name: str = "cell.bmp") -> Source:
    buffer = io.BytesIO()
    Image.fromarray(rgb).save(buffer, "BMP")
    return Source(name, buffer.getvalue)


def test_service__is_one_for_all(service: PredictionService) -> None:
    assert resources.service(model_folder.resolve("tiny")) is service


def test_service__is_another_when_the_model_changes(
    service: PredictionService, tiny_model: Path
) -> None:
    path = tiny_model / model_folder.INFO
    path.write_text(path.read_text().replace('"threshold": 0.5', '"threshold": 0.25'))
    changed = resources.service(model_folder.resolve("tiny"))
    assert changed is not service
    assert changed.predictor.info.threshold == 0.25


def test_service__says_what_is_wrong(
    service: PredictionService, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ModelError, match="There is no model 'none'"):
        resources.service(model_folder.resolve("none"))
    monkeypatch.setenv("ALLSCOPE_DEVICE", "abacus")
    with pytest.raises(AllScopeError, match="no device 'abacus'"):
        resources.service(model_folder.resolve("tiny"))


def test_service__closes_its_queue_when_released(service: PredictionService) -> None:
    resources._service.clear()
    resources._predictor.clear()
    with pytest.raises(QueueClosed):
        service.queue.submit("a", torch.zeros(3, 64, 64, dtype=torch.uint8))


def test_start__answers_many_sessions_each_their_own(
    service: PredictionService, cell_image: Rgb
) -> None:
    pictures = [np.rot90(cell_image, turn).copy() for turn in range(4)]
    expected = [answer.p_all for answer in service.predictor.predict(pictures)]

    def session(number: int) -> list[float | None]:
        order = [(number + step) % 4 for step in range(8)]
        job = service.start([source(pictures[i], str(i)) for i in order], session=str(number))
        assert job.wait(60)
        assert [item.row.path for item in job.items] == [str(i) for i in order]
        return [item.row.p_all for item in job.items]

    with ThreadPoolExecutor(6) as pool:
        for number, given in enumerate(pool.map(session, range(6))):
            wanted = [expected[(number + step) % 4] for step in range(8)]
            np.testing.assert_allclose(given, wanted, atol=1e-4)


def test_start__keeps_what_was_answered_before_it_was_cancelled(
    service: PredictionService, cell_image: Rgb
) -> None:
    reached, go_on = threading.Event(), threading.Event()
    data = source(cell_image).read()

    def slow() -> bytes:
        reached.set()
        assert go_on.wait(30)
        return data

    sources = [source(cell_image, str(i)) for i in range(20)] + [Source("slow", slow)] * 30
    job = service.start(sources, session="a")
    assert reached.wait(30)
    job.cancel()
    go_on.set()
    assert job.wait(30)
    assert job.cancelled
    assert len(job.items) < 50
    assert not job.failed
    again = service.start(sources[:1], session="a")
    assert again.wait(30)
    assert len(again.items) == 1


def test_start__says_that_it_failed(
    service: PredictionService, cell_image: Rgb, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(cells: object) -> None:
        raise RuntimeError("out of memory")

    monkeypatch.setattr(service.predictor, "read", breaks)
    job = service.start([source(cell_image)], session="a")
    assert job.wait(30)
    assert job.failed


def test_items__carry_a_small_picture(service: PredictionService, cell_image: Rgb) -> None:
    black = np.zeros_like(cell_image)
    job = service.start([source(cell_image), source(black)], session="a")
    assert job.wait(30)
    answered, refused = job.items
    assert answered.thumbnail is not None
    with Image.open(io.BytesIO(answered.thumbnail)) as image:
        assert image.size == (64, 64)
    assert refused.thumbnail is None
