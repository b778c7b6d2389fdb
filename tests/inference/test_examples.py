import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from allcore.data.images import decoding
from allcore.errors import DataError
from allcore.inference import examples
from allcore.inference.examples import CUT, DRAWN, ExamplePicture
from allcore.inference.gate import Gate
from allcore.inference.predictor import Predictor
from allcore.inference.results import Prediction
from allcore.inference.upload import Rgb
from allcore.model_folder import ModelInfo
from allcore.synthetic import demo

SHIPPED = Path(__file__).parents[2] / "models" / "qcresnet-cnmc"
NAMES = ["High probability", "Low probability", "Near the threshold", "Refused: out of focus",
         "Refused: not a cell"]  # fmt: skip


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("drawn") / "demo"
    demo.ensure_demo(folder, cells=200, subjects=8)
    return folder


@pytest.fixture
def with_set(home: Path, drawn: Path) -> Path:
    """A home in which the demonstration set is drawn, smaller than it is otherwise."""
    home.mkdir()
    shutil.copytree(drawn, home / "demo")
    return home


class Answering(Predictor):
    """A model whose every answer is given beforehand, and that counts what it is asked."""

    def __init__(self, info: ModelInfo, said: Prediction) -> None:
        self.info, self.said, self.asked = info, said, 0
        self.gate: Gate | None = None

    def predict(self, images: Sequence[Rgb]) -> list[Prediction]:
        self.asked += len(images)
        return [self.said] * len(images)


def answering(model: Path, p_all: float) -> Answering:
    info = Predictor.load(model, "cpu").info
    return Answering(info, Prediction("all" if p_all >= 0.5 else "hem", p_all, 0.0, 0.5))


def answered(predictor: Predictor, example: ExamplePicture) -> Prediction:
    return predictor.predict([decoding.decode(example.path.read_bytes())])[0]


def test_examples__the_shipped_model_answers_as_they_say(with_set: Path) -> None:
    predictor = Predictor.load(SHIPPED, "cpu", threads=1)
    if predictor.gate is None:
        pytest.skip("the shipped model has no gate")
    found = examples.examples(predictor)
    assert [each.name for each in found] == NAMES
    assert [each.origin for each in found] == [DRAWN] * 4 + [CUT]
    said = {each.name: answered(predictor, each) for each in found}
    assert said["High probability"].verdict == "all"
    assert said["Low probability"].verdict == "hem"
    near = said["Near the threshold"]
    assert near.p_all is not None
    assert abs(near.p_all - near.threshold) <= examples.NEAR
    assert said["Refused: out of focus"].check == "focused"
    assert said["Refused: not a cell"].check == "known"
    assert len({each.path for each in found}) == len(NAMES)
    assert all(each.sentence.endswith(".") for each in found)
    assert found[0].title == "High probability (drawn by this program)"


def test_examples__what_no_cell_keeps_is_left_out(with_set: Path, tiny_model: Path) -> None:
    sure = answering(tiny_model, 0.99)
    assert [each.name for each in examples.examples(sure)] == ["High probability"]
    assert sure.asked <= 5 * examples.MOST


def test_examples__are_found_once_for_a_model(with_set: Path, tiny_model: Path) -> None:
    sure = answering(tiny_model, 0.99)
    assert not examples.is_ready(sure)
    first, asked = examples.examples(sure), sure.asked
    assert examples.is_ready(sure)
    assert examples.examples(sure) == first
    assert sure.asked == asked
    other = answering(tiny_model, 0.01)
    other.info = replace(other.info, weights_sha256="0" * 64)
    assert [each.name for each in examples.examples(other)] == ["Low probability"]
    other.info = replace(other.info, threshold=0.01)
    assert "Near the threshold" in [each.name for each in examples.examples(other)]


def test_examples__are_found_anew_where_a_picture_is_gone(with_set: Path, tiny_model: Path) -> None:
    sure = answering(tiny_model, 0.99)
    [first] = examples.examples(sure)
    table = (with_set / "demo" / "truth.csv").read_text()
    first.path.unlink()
    (with_set / "demo" / "truth.csv").write_text(
        "\n".join(row for row in table.splitlines() if not row.startswith(first.path.stem))
    )
    [second] = examples.examples(sure)
    assert second.path.is_file()
    assert second.path != first.path


def test_examples__a_home_that_cannot_be_written(with_set: Path, tiny_model: Path) -> None:
    (with_set / "curated").write_text("in the way")
    with pytest.raises(DataError, match="set ALLSCOPE_HOME"):
        examples.examples(answering(tiny_model, 0.99))
