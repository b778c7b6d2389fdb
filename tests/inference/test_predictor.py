import hashlib
import io
import itertools
import math
import shutil
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from allcore import model_folder
from allcore.errors import AllScopeError, ModelError
from allcore.inference import image_sources, streaming
from allcore.inference.predictor import Predictor
from allcore.inference.results import COLUMNS, Precision, PredictedRow, Reading
from allcore.inference.upload import Rgb
from tests import validated


@pytest.fixture
def predictor(tiny_model: Path) -> Predictor:
    return Predictor.load(tiny_model, device="cpu", threads=1)


@pytest.fixture
def folder(tmp_path: Path, cell_image: Rgb) -> Path:
    """Five readable cells, each another picture, and two files that are none."""
    folder = tmp_path / "cells"
    folder.mkdir()
    for index in range(5):
        Image.fromarray(np.rot90(cell_image, index).copy()).save(folder / f"{index}.bmp")
        with (folder / f"{index}.bmp").open("ab") as file:
            file.write(bytes(index))  # so that digests differ
    (folder / "5 text.bmp").write_text("a text file")
    (folder / "6 empty.png").touch()
    return folder


def bare_logits(predictor: Predictor, images: list[Rgb]) -> torch.Tensor:
    """What the network says without anything of Predictor."""
    preprocessing = predictor.info.preprocessing
    cells = np.stack([preprocessing.crop(rgb) for rgb in images]).transpose(0, 3, 1, 2)
    with torch.no_grad():
        return predictor.network(preprocessing.normalise(torch.from_numpy(cells.copy())))


def test_load__says_which_device_is_missing(tiny_model: Path) -> None:
    with pytest.raises(AllScopeError, match="'cuda:99' is not on this machine"):
        Predictor.load(tiny_model, device="cuda:99")
    with pytest.raises(AllScopeError, match="choose auto, cpu"):
        Predictor.load(tiny_model, device="abacus")


def test_load__refuses_damaged_weights(tiny_model: Path, tmp_path: Path) -> None:
    broken = shutil.copytree(tiny_model, tmp_path / "broken")
    with (broken / model_folder.WEIGHTS).open("r+b") as file:
        file.seek(-1, io.SEEK_END)
        file.write(b"\x7f")
    with pytest.raises(ModelError, match="damaged"):
        Predictor.load(broken)


def test_prepare__gives_the_cut_cell(predictor: Predictor, cell_image: Rgb) -> None:
    size = predictor.info.preprocessing.size
    cell = predictor.prepare(cell_image)
    assert cell.shape == (3, size, size)
    assert cell.dtype == torch.uint8
    expected = predictor.info.preprocessing.crop(cell_image)
    np.testing.assert_array_equal(cell.permute(1, 2, 0).numpy(), expected)


def test_logits__are_those_of_the_bare_network(predictor: Predictor, cell_image: Rgb) -> None:
    images = [cell_image, cell_image[::-1].copy(), cell_image[:, ::-1].copy()]
    cells = torch.stack([predictor.prepare(rgb) for rgb in images])
    ours = predictor.logits(cells)
    assert ours.dtype == torch.float32
    torch.testing.assert_close(ours, bare_logits(predictor, images), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(
    "cells",
    [torch.zeros(2, 3, 7, 7, dtype=torch.uint8), torch.zeros(3, 64, 64, dtype=torch.uint8)],
    ids=["size", "no batch"],
)
def test_logits__refuses_another_shape(predictor: Predictor, cells: torch.Tensor) -> None:
    with pytest.raises(ValueError, match="cells must be uint8"):
        predictor.logits(cells)


def test_logits__refuses_floats(predictor: Predictor, cell_image: Rgb) -> None:
    with pytest.raises(ValueError, match=r"not torch\.float32"):
        predictor.logits(predictor.prepare(cell_image)[None].float())


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_read__does_not_depend_on_the_size_of_the_batch(
    tiny_model: Path, cell_image: Rgb, precision: Precision
) -> None:
    predictor = Predictor.load(tiny_model, device="cpu", threads=1, precision=precision)
    cells = torch.stack([predictor.prepare(np.rot90(cell_image, turn)) for turn in range(4)] * 3)
    together = predictor.logits(cells)
    for size in (1, 5):
        parts = torch.cat([predictor.logits(part) for part in cells.split(size)])
        torch.testing.assert_close(parts, together, atol=1e-4, rtol=0)


def test_logits__in_bf16_are_near_those_in_float32(tiny_model: Path, cell_image: Rgb) -> None:
    exact = Predictor.load(tiny_model, device="cpu", precision="fp32")
    rough = Predictor.load(tiny_model, device="cpu", precision="bf16")
    cells = exact.prepare(cell_image)[None]
    assert rough.logits(cells) != exact.logits(cells)
    assert rough.logits(cells).item() == pytest.approx(exact.logits(cells).item(), abs=0.05)
    assert rough.predict([cell_image])[0].p_all is not None
    row = rough.row(rough.predict([cell_image])[0], path="a", sha256="b")
    assert row.precision == "bf16"


def test_features__are_the_penultimate_vectors(predictor: Predictor, cell_image: Rgb) -> None:
    cells = predictor.prepare(cell_image)[None]
    with torch.no_grad():
        expected = predictor.network.forward_features(predictor.normalised(cells))
    torch.testing.assert_close(predictor.features(cells), expected, atol=1e-4, rtol=1e-4)


def test_logits__are_the_same_from_many_threads(predictor: Predictor, cell_image: Rgb) -> None:
    cells = [predictor.prepare(np.rot90(cell_image, turn).copy())[None] for turn in range(4)]
    alone = [predictor.logits(cell).item() for cell in cells]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda cell: predictor.logits(cell).item(), cells * 8))
    np.testing.assert_allclose(together, alone * 8, atol=1e-5)


@pytest.mark.parametrize("logit", [-800.0, -3.0, 0.0, 2.5, 800.0])
def test_prediction__is_calibrated_and_thresholded(predictor: Predictor, logit: float) -> None:
    prediction = predictor.prediction(Reading(logit))
    info = predictor.info
    expected = 0.5 * (1 + math.tanh(logit / info.temperature / 2))
    assert prediction.p_all == pytest.approx(expected)
    assert prediction.verdict == ("all" if expected >= info.threshold else "hem")
    assert prediction.threshold == info.threshold


def test_predict__refuses_one_and_answers_the_others(predictor: Predictor, cell_image: Rgb) -> None:
    black = np.zeros_like(cell_image)
    first, refused, last = predictor.predict([cell_image, black, cell_image[::-1].copy()])
    assert refused.verdict == "refused"
    assert refused.p_all is None
    assert "No cell" in refused.reason
    expected = bare_logits(predictor, [cell_image, cell_image[::-1].copy()]).tolist()
    assert [first.logit, last.logit] == pytest.approx(expected, abs=1e-4)


def test_predict__takes_nothing(predictor: Predictor) -> None:
    assert predictor.predict([]) == []


@pytest.mark.parametrize("batch_size", [1, 3, 32])
def test_predict_files__gives_a_row_a_file_in_order(
    predictor: Predictor, folder: Path, batch_size: int
) -> None:
    calls = itertools.count()
    rows = list(
        streaming.predict_files(
            predictor, [folder], batch_size=batch_size, workers=2, progress=lambda: next(calls)
        )
    )
    assert next(calls) == 7
    assert [Path(row.path).name for row in rows] == [path.name for path in sorted(folder.iterdir())]
    assert [row.verdict == "refused" for row in rows] == [False] * 5 + [True] * 2
    assert [row.sha256 for row in rows[:6]] == [
        hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())[:6]
    ]
    assert {row.model_sha256 for row in rows} == {predictor.info.weights_sha256}
    images = [np.asarray(Image.open(folder / f"{index}.bmp")) for index in range(5)]
    for row, logit in zip(rows, bare_logits(predictor, images).tolist(), strict=False):
        assert row.p_all == pytest.approx(predictor.prediction(Reading(logit)).p_all, abs=1e-4)


def test_predict_files__reads_archives(predictor: Predictor, folder: Path) -> None:
    path = folder.parent / "cells.zip"
    with zipfile.ZipFile(path, "w") as file:
        for cell in sorted(folder.iterdir()):
            file.write(cell, f"../{cell.name}")
    rows = list(streaming.predict_files(predictor, [path]))
    assert [row.path for row in rows] == [
        f"{path}/{cell.name}" for cell in sorted(folder.iterdir())
    ]
    expected = [row.p_all for row in streaming.predict_files(predictor, [folder])]
    assert [row.p_all for row in rows] == pytest.approx(expected)


def test_answers__is_lazy_and_bounded(predictor: Predictor, cell_image: Rgb) -> None:
    """A million pictures must not be taken at once."""
    buffer = io.BytesIO()
    Image.fromarray(cell_image).save(buffer, "BMP")
    taken = itertools.count()

    def endless() -> Iterator[image_sources.Source]:
        while True:
            next(taken)
            yield image_sources.Source(name="cell", read=buffer.getvalue)

    answers = streaming.stream_predictions(predictor, endless(), batch_size=4, workers=2)
    first = [next(answers) for _ in range(9)]
    answers.close()
    assert all(answer.row.verdict != "refused" for answer in first)
    assert next(taken) <= 24


def test_answers__outlives_a_picture_that_breaks_the_decoder(
    predictor: Predictor, cell_image: Rgb
) -> None:
    buffer = io.BytesIO()
    Image.fromarray(cell_image).save(buffer, "BMP")

    def breaks() -> bytes:
        raise RuntimeError("out of luck")

    sources = [
        image_sources.Source("breaks", breaks),
        image_sources.Source("reads", buffer.getvalue),
    ]
    broken, fine = streaming.stream_predictions(predictor, sources)
    assert broken.row.verdict == "refused"
    assert "could not be processed" in broken.row.reason
    assert "luck" not in broken.row.reason
    assert fine.row.verdict in {"all", "hem"}


def test_row__has_the_columns_of_the_contract() -> None:
    assert ",".join(COLUMNS) == (
        "path,sha256,verdict,p_all,threshold,reason,model,model_sha256,precision"
    )
    assert tuple(field.name for field in fields(PredictedRow)) == (*COLUMNS, "profile")


def test_predict_files__answers_real_cells(predictor: Predictor, cnmc_root: Path) -> None:
    rows = list(streaming.predict_files(predictor, [cnmc_root / "bmp"], batch_size=16))
    assert len(rows) == 48
    assert {row.verdict for row in rows} <= {"all", "hem"}


def test_with_profile__scales_answers_and_names_itself(tiny_model: Path, cell_image: Rgb) -> None:
    shipped = Predictor.load(tiny_model, "cpu", threads=1)
    weights = shipped.info.weights_sha256
    profile = validated.profile(
        model_sha256=weights, temperature=2.0, bias=1.0, threshold=0.9, name="Lab"
    )
    predictor = shipped.with_profile(profile)
    before, after = shipped.predict([cell_image])[0], predictor.predict([cell_image])[0]
    assert before.p_all is not None and after.p_all is not None
    assert after.logit == pytest.approx(before.logit)
    assert after.p_all == pytest.approx(profile.probability(before.p_all))
    assert after.verdict == ("all" if after.p_all >= 0.9 else "hem")
    assert after.threshold == 0.9
    row = predictor.row(after, path="a", sha256="")
    assert row.to_dict()["profile"] == "Lab@1"
    assert "profile" not in shipped.row(before, path="a", sha256="").to_dict()
    assert shipped.profile is None and shipped.info.threshold == 0.5
    with pytest.raises(ModelError, match="validate that model"):
        shipped.with_profile(validated.profile(model_sha256="0" * 64))
