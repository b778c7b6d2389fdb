"""Training on a split that a file tells, and what is said of its figures afterwards."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from allcore import model_folder
from allcore.__main__ import application
from allcore.cli.evaluate import evaluate
from allcore.data import readers, split_files, splits
from allcore.errors import DataError, ModelError
from allcore.evaluation import model_evaluation
from allcore.inference import held_out
from allcore.model_folder import ModelInfo
from allcore.reports import headline
from allcore.reports.model_card import document
from allcore.training import checkpoint, fit
from allcore.training import plan as plans
from tests.conftest import draw_folders
from tests.training.test_training import plan_for, train_and_write


@pytest.fixture(scope="module")
def cells(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six subjects a class, four cells each: blasts large, normal cells small."""
    root = tmp_path_factory.mktemp("cells")
    return draw_folders(root, subjects=12, cells=4, radii=(120, 70))


@pytest.fixture
def apart(cells: Path, tmp_path: Path) -> Path:
    """A split by subject whose first image is left out; that image can't even be read."""
    manifest = readers.read(cells)
    split = splits.subject_split(manifest, seed=3, folds=3)
    parts = split.parts.copy()
    parts.iloc[0] = splits.EXCLUDED
    path = tmp_path / "apart.csv"
    path.write_bytes(split_files.split_bytes(replace(split, parts=parts), manifest))
    return path


@pytest.fixture
def torn(cells: Path, tmp_path: Path) -> Path:
    """A split of which every subject is in all parts."""
    table = readers.read(cells).table[["image_id"]]
    parts = ["train", "train", "validation", "test"]
    path = tmp_path / "torn.csv"
    table.assign(split=[parts[place % 4] for place in range(len(table))]).to_csv(path, index=False)
    return path


def trained(cells: Path, file: Path, out: Path) -> ModelInfo:
    plan = replace(plan_for(cells, out), split=file)
    train_and_write(replace(plan, recipe=replace(plan.recipe, epochs=1)))
    return model_folder.read_info(out)


def test_train__on_exactly_the_split_of_the_file(cells: Path, apart: Path, tmp_path: Path):
    info = trained(cells, apart, tmp_path / "made")
    told = info.training["split"]
    asked = pd.read_csv(apart, dtype=str).set_index("image_id")["split"]
    kept = pd.read_csv(tmp_path / "made" / model_folder.SPLIT, dtype=str)
    assert kept.set_index("image_id")["split"].equals(asked)
    predicted = model_folder.read_predictions(tmp_path / "made").set_index("image_id")["split"]
    assert predicted.sort_index().equals(
        asked[asked.isin(("validation", "test"))].sort_index().rename("split")
    )
    assert (told["kind"], told["file"]) == ("file", "apart.csv")
    assert told["sha256"] == hashlib.sha256(apart.read_bytes()).hexdigest()
    assert told["drawn"]["kind"] == "subject"
    assert told["leaks"]["subjects"] == [] and told["leaks"]["unknown_subjects"] == 0
    assert info.training["data"]["images"] == len(asked) - 1
    assert not set(told["train"]) & (set(told["test"]) | set(told["validation"]))


def test_train__split_without_a_torn_subject_counts_as_unseen_subjects(
    cells: Path, apart: Path, tmp_path: Path
):
    out = tmp_path / "made"
    info = trained(cells, apart, out)
    assert info.separation.state == "apart"
    assert headline.read_headline(out).unseen is not None
    card = (out / model_folder.CARD).read_text()
    assert "Split by the file apart.csv" in card
    assert "subjects that training never saw" in card
    # The image that was left out is neither trained nor judged on.
    judged = held_out.select(readers.read(cells), info, out).manifest.table
    assert set(judged["subject"]) == {
        *info.training["split"]["test"], *info.training["split"]["validation"],
    }  # fmt: skip


def test_train__torn_subjects_are_said(cells: Path, torn: Path, tmp_path: Path):
    out = tmp_path / "made"
    info = trained(cells, torn, out)
    leaks = info.training["split"]["leaks"]
    assert (len(leaks["subjects"]), leaks["of"]) == (12, 12)
    assert info.separation.state == "shared"
    assert headline.read_headline(out).unseen is None
    card = (out / model_folder.CARD).read_text()
    assert (
        "12 of 12 independent subjects have cells in two of training, validation and test" in card
    )
    assert "at random" not in card
    # It is nobody's protocol: Home does not show it as the paper's.
    (tmp_path / "made-paper").symlink_to(out)
    assert headline.read_headline(out).paper is None


def test_evaluate__a_model_of_a_file(cells: Path, torn: Path, tmp_path: Path, home: Path,
                                     monkeypatch: pytest.MonkeyPatch):  # fmt: skip
    trained(cells, torn, tmp_path / "models" / "made")
    monkeypatch.setenv("ALLSCOPE_MODELS", str(tmp_path / "models"))
    evaluate(data=cells, model="made", out=tmp_path / "evaluated")
    told = json.loads((tmp_path / "evaluated" / "metrics.json").read_text())
    assert told["split"] == "image"
    assert told["test"]["cells"] == 12


def test_gather__left_out_images_are_not_read(cells: Path, apart: Path, tmp_path: Path):
    copy = tmp_path / "copy"
    for path in cells.rglob("*.png"):
        (copy / path.parent.name).mkdir(parents=True, exist_ok=True)
        (copy / path.parent.name / path.name).write_bytes(path.read_bytes())
    first = readers.read(copy).paths()[0]
    first.write_bytes(b"no picture")
    data = plans.gather(replace(plan_for(copy, tmp_path / "made"), split=apart), show=False)
    assert len(data.manifest) == 47
    assert len(data.cells.pixels) == 47
    assert data.split.parts.loc[readers.read(cells).table["image_id"][0]] == "excluded"


def test_gather__counts_the_twins_of_test_cells(cells: Path, torn: Path, tmp_path: Path):
    copy = draw_folders(tmp_path / "copy", subjects=12, cells=4, radii=(120, 70))
    table = pd.read_csv(torn, dtype=str)
    paths = dict(zip(readers.read(copy).table["image_id"], readers.read(copy).paths(), strict=True))
    pair = [table.loc[table["split"] == part, "image_id"].iloc[0] for part in ("train", "test")]
    paths[pair[1]].write_bytes(paths[pair[0]].read_bytes())
    data = plans.gather(replace(plan_for(copy, tmp_path / "made"), split=torn), show=False)
    assert data.split.record()["leaks"]["twins_of_test_cells"] == 1


def test_gather__file_of_another_data_set(cells: Path, tmp_path: Path):
    path = tmp_path / "other.csv"
    path.write_text("image_id,split\nelsewhere,train\n")
    with pytest.raises(DataError, match="such as 'elsewhere'"):
        plans.gather(replace(plan_for(cells, tmp_path / "made"), split=path), show=False)


def test_train__goes_on_with_its_own_split_alone(
    cells: Path, apart: Path, torn: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    plan = replace(plan_for(cells, tmp_path / "made"), split=apart)
    save = checkpoint.save

    def save_then_die(*args: object, **kwargs: object) -> None:
        save(*args, **kwargs)
        raise KeyboardInterrupt

    monkeypatch.setattr(fit.checkpoint, "save", save_then_die)
    with pytest.raises(KeyboardInterrupt):
        train_and_write(plan)
    monkeypatch.undo()
    with pytest.raises(ModelError, match="began with another split"):
        train_and_write(replace(plan, split=torn))
    train_and_write(plan)
    assert model_folder.read_info(plan.out).training["split"]["file"] == "apart.csv"


def test_report__subjects_that_are_not_known(cells: Path, apart: Path, tmp_path: Path):
    info = trained(cells, apart, tmp_path / "made")
    split = info.training["split"]
    told = split | {"leaks": split["leaks"] | {"unknown_subjects": 5}}
    unknown = replace(info, training=info.training | {"split": told})
    found = model_evaluation.evaluate_model(
        model_folder.read_predictions(tmp_path / "made"), unknown
    )
    assert found.separation.new_subjects is None
    assert "The subject of 5 images is unknown" in document.card(unknown, found)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--split", "nowhere.csv"], "neither subject, image nor a file"),
        (["--split", "FILE", "--out-of-fold"], "goes with --split subject"),
    ],
)
def test_command__wrong_usage(
    cells: Path, apart: Path, tmp_path: Path, arguments: list[str], sentence: str
):
    given = [str(apart) if each == "FILE" else each for each in arguments]
    common = ["train", "--data", str(cells), "--arch", "qcresnet", "--out", str(tmp_path / "out")]
    ran = CliRunner().invoke(application(), [*common, *given], env={"COLUMNS": "200"})
    assert ran.exit_code == 2
    assert sentence in ran.output
    assert not (tmp_path / "out").exists()
