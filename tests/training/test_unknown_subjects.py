"""Nothing that is written after training on cells without subjects speaks of unseen subjects."""

import json
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from allcore import model_folder
from allcore.__main__ import application
from allcore.errors import DataError
from allcore.evaluation import model_evaluation
from allcore.reports import headline
from allcore.reports.model_card import document
from tests.conftest import draw_clumped, draw_folders

CELLS = 12
CLAIMS = ("never saw", "No subject is in two", "subjects that the limits", "of unseen subjects")
UNKNOWN = "no figure here is about unseen subjects"


def run(*arguments: object) -> Result:
    result = CliRunner().invoke(application(), list(map(str, arguments)))
    if isinstance(result.exception, DataError):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result


def train(data: Path, out: Path, *options: object) -> Result:
    return run(
        "train", "--data", data, "--arch", "lenet5", "--init", "none", "--size", 48, "--epochs", 1,
        "--out", out, "--recipe", '{"batch_size": 8}', "--device", "cpu",
        *options,
    )  # fmt: skip


@pytest.fixture(scope="module")
def nameless(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Cells in class folders, whose names tell no subject."""
    root = tmp_path_factory.mktemp("nameless")
    for number in range(2 * CELLS):
        label = ("all", "hem")[number % 2]
        picture = draw_clumped(seed=number, radius=(120, 70)[number % 2] + number % 4)
        (root / label).mkdir(exist_ok=True)
        Image.fromarray(picture).save(root / label / f"cell {number}.png")
    return root


@pytest.mark.parametrize(
    "options",
    [("--folds", 3), ("--split", "image"), ("--folds", 3, "--out-of-fold")],
    ids=["subject", "image", "out-of-fold"],
)
def test_train__without_subjects(
    nameless: Path, tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch,
    options: tuple[object, ...],
) -> None:  # fmt: skip
    monkeypatch.setenv("ALLSCOPE_MODELS", str(tmp_path / "models"))
    out = tmp_path / "models" / "made"
    said = train(nameless, out, *options).stdout
    card = (out / model_folder.CARD).read_text()
    for text in (said, card):
        assert UNKNOWN in text
        assert not any(claim in text for claim in CLAIMS)
    assert "over subjects are the ones to go by" not in card
    assert "subjects counting equally" not in model_folder.read_info(out).threshold_rule
    found = headline.read_headline(out)
    assert found.unseen is None
    assert UNKNOWN in found.not_unseen
    assert "every subject is" not in found.gap
    if "--out-of-fold" not in options:
        again = run("evaluate", "--data", nameless, "--model", "made", "--out", tmp_path / "again")
        written = [path.read_text() for path in (tmp_path / "again").glob("*.[hj][ts]*")]
        assert len(written) == 2  # the report and the figures
        for text in (again.stdout, *written):
            assert UNKNOWN in text
            assert not any(claim in text for claim in CLAIMS)
        assert (
            json.loads((tmp_path / "again" / "metrics.json").read_text())["unseen_subjects"] is None
        )


def test_train__a_few_unknown_subjects_are_enough(tmp_path: Path, home: Path) -> None:
    cells = draw_folders(tmp_path / "cells", subjects=12, cells=2, radii=(120, 70))
    paths = sorted(path.relative_to(cells).as_posix() for path in cells.rglob("*.png"))
    table = pd.DataFrame({"path": paths, "label": [path.split("/")[0] for path in paths]})
    table["subject"] = table["path"].str.split("_").str[1]
    for number in range(len(table)):  # no name tells a subject any more
        name = f"{table['label'][number]}/{number}.png"
        (cells / paths[number]).rename(cells / name)
        table.loc[number, "path"] = name
    table.loc[3, "subject"] = None
    table.to_csv(cells / "cells.csv", index=False)
    said = train(cells / "cells.csv", tmp_path / "made", "--folds", 3).stdout
    card = (tmp_path / "made" / model_folder.CARD).read_text()
    for text in (said, card):
        assert "The subject of 1 image is unknown, so nobody can say" in text
        assert not any(claim in text for claim in CLAIMS)


def test_evaluate__other_cells_without_subjects(
    nameless: Path, tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The model's own subjects are all known, those of the cells that it is judged on are not."""
    monkeypatch.setenv("ALLSCOPE_MODELS", str(tmp_path / "models"))
    cells = draw_folders(tmp_path / "cells", subjects=12, cells=2, radii=(120, 70))
    out = tmp_path / "models" / "made"
    assert "never saw" in train(cells, out, "--folds", 3).stdout
    said = run("evaluate", "--data", nameless, "--model", "made", "--out", tmp_path / "other")
    info = model_folder.read_info(out)
    table = model_folder.read_predictions(tmp_path / "other")
    found = model_evaluation.evaluate_model(table, info)
    assert found.external
    card = document.card(info, found)
    assert "tested on another" in card
    for text in (said.stdout, card, (tmp_path / "other" / "report.html").read_text()):
        assert UNKNOWN in text
        assert not any(claim in text for claim in CLAIMS)


@pytest.mark.parametrize(
    ("counts", "options", "sentence", "advice"),
    [
        ((6, 0), (), "No image is labelled normal", None),
        ((6, 4), (), "has only 4 cells, too few for 10 folds: use --folds 4.", ("--folds", 4)),
        ((6, 2), (), "has only 2 cells, too few for 10 folds: add some.", None),
        ((6, 6), ("--split", "image"), "Only 6 images of normal cells", None),
        ((4, 4), ("--folds", 4, "--fold", 7), "There is no fold 7", ("--folds", 4, "--fold", 3)),
        (
            (6, 6),
            ("--folds", 9, "--out-of-fold"),
            "use --folds 6.",
            ("--folds", 6, "--out-of-fold"),
        ),
    ],
)
def test_train__too_little_is_one_sentence(
    nameless: Path, tmp_path: Path, home: Path, counts: tuple[int, int],
    options: tuple[object, ...], sentence: str, advice: tuple[object, ...] | None,
) -> None:  # fmt: skip
    paths = [
        f"{label}/{path.name}"
        for label, number in zip(("all", "hem"), counts, strict=True)
        for path in sorted((nameless / label).iterdir())[:number]
    ]
    table = pd.DataFrame({"path": [str(nameless / path) for path in paths]})
    table["label"] = [path[:3] for path in paths]
    table.to_csv(tmp_path / "few.csv", index=False)
    with pytest.raises(DataError) as error:
        train(tmp_path / "few.csv", tmp_path / "made", *options)
    assert sentence in str(error.value)
    assert not (tmp_path / "made" / model_folder.INFO).exists()
    if advice:
        train(tmp_path / "few.csv", tmp_path / "made", *advice)
        assert (tmp_path / "made" / model_folder.INFO).exists()
