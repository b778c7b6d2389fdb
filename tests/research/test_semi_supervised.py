"""A student of drawn cells: what it may learn from, how much, and whether that is kept."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from typer.testing import CliRunner, Result

from allcore import model_folder
from allcore.__main__ import application
from allcore.data import readers
from allcore.data.preprocessing import Preprocessing
from allcore.errors import DataError, ModelError
from allcore.evaluation.intervals import Interval
from allcore.inference import held_out
from allcore.research import pseudo_labels, semi_supervised
from allcore.research.pseudo_labels import PseudoLabels, Teacher
from allcore.research.semi_supervised import SemiSupervisedRequest, StudentCheck
from allcore.training import checkpoint
from allcore.training import plan as plans
from allcore.training.fit import TrainingExamples
from allcore.training.plan import TrainingData, TrainingPlan
from tests.conftest import draw_clumped
from tests.training.test_training import cells, plan, plan_for, train_and_write  # noqa: F401

SURE = 0.6


@pytest.fixture(scope="module")
def taught_by(cells: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:  # noqa: F811
    """A teacher of the same split as ``plan``."""
    made = plan_for(cells, tmp_path_factory.mktemp("models") / "teacher")
    train_and_write(replace(made, recipe=replace(made.recipe, epochs=20)))
    return made.out


@pytest.fixture(scope="module")
def data(cells: Path) -> TrainingData:  # noqa: F811
    return plans.gather(plan_for(cells, Path("unused")), show=False)


@pytest.fixture(scope="module")
def unlabelled(data: TrainingData, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve new cells, six of them of no known subject, and four that may not be used."""
    root = tmp_path_factory.mktemp("unlabelled")
    for number in range(12):
        picture = draw_clumped(seed=500 + number, radius=120 if number % 2 else 70)
        name = f"cell{number}" if number < 6 else f"UID_{number + 300}_1_1_all"
        Image.fromarray(picture).save(root / f"{name}.png")
    held, train = (file_of(data, part) for part in ("test", "train"))
    shutil.copy(held, root / "same.png")
    Image.open(held).transpose(Image.Transpose.ROTATE_90).save(root / "turned.png")
    shutil.copy(train, root / "known.png")
    subject = data.split.subjects(data.manifest, "validation")[0]
    Image.fromarray(draw_clumped(seed=900, radius=100)).save(root / f"UID_{subject}_99_1_all.png")
    return root


def file_of(data: TrainingData, part: str) -> Path:
    row = int(np.flatnonzero(data.split.mask(data.manifest, part))[0])
    return data.manifest.paths()[row]


def teacher_in(folder: Path) -> Teacher:
    return Teacher.load(folder, torch.device("cpu"))


def chosen(taught_by: Path, data: TrainingData, path: Path, *, size: int = 48) -> PseudoLabels:
    return pseudo_labels.label_cells(
        teacher_in(taught_by), data, path, Preprocessing(size=size), SURE
    )


def test_label_cells__leaves_out_what_is_judged_on(
    taught_by: Path, data: TrainingData, unlabelled: Path
) -> None:
    found = chosen(taught_by, data, unlabelled)
    assert (found.offered, found.same, found.relatives, found.known) == (16, 2, 1, 1)
    assert not set(found.table["image_id"]) & {"same.png", "turned.png", "known.png"}
    assert sum(found.accepted().values()) == len(found.table) > 0
    assert found.pixels.shape == (len(found.table), 3, 48, 48)


def test_label_cells__bytes_are_looked_at_before_pixels(
    taught_by: Path, data: TrainingData, unlabelled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pseudo_labels, "_twins_of", lambda pixels, _: np.zeros(len(pixels), bool))
    found = chosen(taught_by, data, unlabelled)
    assert (found.same, found.relatives, found.known) == (1, 1, 1)


def test_label_cells__labels_are_the_sure_answers(
    taught_by: Path, data: TrainingData, unlabelled: Path
) -> None:
    table = chosen(taught_by, data, unlabelled).table
    called = np.where(table["probability"] >= 0.5, "all", "hem")
    assert list(table["label"]) == list(called)
    assert (np.maximum(table["probability"], 1 - table["probability"]) >= SURE).all()


def test_label_cells__by_image_a_subject_may_be_on_both_sides(
    cells: Path,  # noqa: F811
    taught_by: Path,
    data: TrainingData,
    unlabelled: Path,
) -> None:
    by_image = replace(data, split=replace(data.split, kind="image"))
    assert chosen(taught_by, by_image, unlabelled).relatives == 0


def test_label_cells__the_teacher_sees_cells_as_it_was_trained(
    plan: TrainingPlan,  # noqa: F811
    taught_by: Path,
    data: TrainingData,
    unlabelled: Path,
) -> None:
    larger = plans.gather(replace(plan, preprocessing=Preprocessing(size=64)), show=False)
    by_size = [
        chosen(taught_by, data, unlabelled),
        chosen(taught_by, larger, unlabelled, size=64),
    ]
    assert by_size[1].pixels.shape[2:] == (64, 64)
    tables = [found.table.set_index("image_id")["probability"] for found in by_size]
    pd.testing.assert_series_equal(*tables)


def test_label_cells__nothing_sure(
    taught_by: Path, data: TrainingData, unlabelled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Teacher, "probability", lambda _, pixels: np.full(len(pixels), 0.5))
    with pytest.raises(DataError, match="sure of none of the 12 cells"):
        chosen(taught_by, data, unlabelled)


def test_label_cells__nothing_that_may_be_used(
    taught_by: Path, data: TrainingData, tmp_path: Path
) -> None:
    shutil.copy(file_of(data, "train"), tmp_path / "known.png")
    with pytest.raises(DataError, match="sure of none of the 0 cells"):
        chosen(taught_by, data, tmp_path)


def test_probability__does_not_hang_on_orientation(taught_by: Path, data: TrainingData) -> None:
    teacher, pixels = teacher_in(taught_by), data.cells.pixels[:4]
    turned = np.rot90(pixels, axes=(2, 3)).copy()
    np.testing.assert_allclose(teacher.probability(pixels), teacher.probability(turned), atol=1e-5)


def test_check_teacher__the_same_split_is_fine(taught_by: Path, data: TrainingData) -> None:
    pseudo_labels.check_teacher(teacher_in(taught_by), data)


@pytest.mark.parametrize("fold", [1, 2])
def test_check_teacher__another_fold(taught_by: Path, plan: TrainingPlan, fold: int) -> None:  # noqa: F811
    other = plans.gather(replace(plan, fold=fold), show=False)
    with pytest.raises(ModelError, match="take a teacher of the same --split"):
        pseudo_labels.check_teacher(teacher_in(taught_by), other)


def pseudo_of(labels: list[str], subjects: list[str | None]) -> PseudoLabels:
    ids = [str(number) for number in range(len(labels))]
    groups = [subject or name for subject, name in zip(subjects, ids, strict=True)]
    table = pd.DataFrame({"image_id": ids, "subject": subjects, "group": groups, "label": labels})
    pixels = np.zeros((len(labels), 3, 2, 2), dtype=np.uint8)
    return PseudoLabels(table, pixels, "set", "0", len(labels), 0, 0, 0)


def labelled(blasts: int, normals: int) -> TrainingExamples:
    targets = torch.tensor([1.0] * blasts + [0.0] * normals)
    weights = torch.where(targets == 1, 0.5 / blasts, 0.5 / normals).double()
    return TrainingExamples(
        torch.zeros(blasts + normals, 3, 2, 2, dtype=torch.uint8), targets, weights
    )


def test_join_examples__classes_stay_equal_and_the_share_is_limited() -> None:
    pseudo = pseudo_of(["all"] * 30 + ["hem"] * 2, [str(n) for n in range(32)])
    found = pseudo_labels.join_examples(labelled(10, 8), pseudo, subject_strength=0.5, limit=0.5)
    blast = found.targets == 1
    assert float(found.weights[blast].sum()) == pytest.approx(0.5)
    assert float(found.weights[~blast].sum()) == pytest.approx(0.5)
    new = torch.arange(len(blast)) >= 18
    assert float(found.weights[blast & new].sum()) == pytest.approx(0.25)  # limited to half
    assert float(found.weights[~blast & new].sum()) == pytest.approx(0.5 * 2 / 10)  # by number


def test_join_examples__one_class_only() -> None:
    pseudo = pseudo_of(["hem"] * 4, ["1", "1", "2", "2"])
    found = pseudo_labels.join_examples(labelled(4, 4), pseudo, subject_strength=0.5)
    assert float(found.weights[found.targets == 1].sum()) == pytest.approx(0.5)
    assert float(found.weights.sum()) == pytest.approx(1.0)


def test_join_examples__cells_without_a_subject_count_as_one_subject_together() -> None:
    pseudo = pseudo_of(["all"] * 6, ["1", "1", None, None, None, None])
    found = pseudo_labels.join_examples(labelled(6, 6), pseudo, subject_strength=1.0)
    new = found.weights[12:]
    assert float(new[:2].sum()) == pytest.approx(float(new[2:].sum()))


def test_taught__only_training_cells_are_joined(data: TrainingData) -> None:
    pseudo = pseudo_of(["all", "hem"], [None, None])
    pseudo = replace(pseudo, pixels=np.zeros((2, 3, 48, 48), dtype=np.uint8))
    taught = semi_supervised.SemiSupervisedData(**vars(data), pseudo=pseudo, limit=0.5)
    for part, more in (("train", 2), ("validation", 0), ("test", 0)):
        with_them = taught.examples(part, subject_strength=0.5)
        without = data.examples(part, subject_strength=0.5)
        assert len(with_them.targets) == len(without.targets) + more


def check_of(student: float, other: float) -> StudentCheck:
    """Networks that tell the classes of forty subjects apart by so many deviations."""
    random = np.random.default_rng(0)
    labels = np.repeat([1, 0], 400)
    groups = np.repeat(np.arange(40).astype(str), 20)
    sign = np.where(labels == 1, 0.5, -0.5)
    logits = [skill * sign + random.normal(size=800) for skill in (student, other)]
    return semi_supervised.compare_networks(
        labels=labels, groups=groups, student=logits[0], other=logits[1], against="its teacher"
    )


def test_compare_networks__a_worse_student_hurts_and_an_equal_one_does_not() -> None:
    worse = check_of(0.5, 2.5)
    assert worse.hurt and worse.difference.high < 0
    assert not check_of(2.5, 0.5).hurt
    assert not check_of(1.5, 1.5).hurt


def test_compare_networks__subjects_count_alike() -> None:
    """A subject of many cells that is wrong weighs as one of few that is right."""
    labels = np.array([1] * 90 + [1] * 10 + [0] * 10 + [0] * 10)
    groups = np.array(["a"] * 90 + ["b"] * 10 + ["c"] * 10 + ["d"] * 10)
    wrong = np.where(groups == "a", -2.0, np.where(labels == 1, 2.0, 0.0))
    found = semi_supervised.compare_networks(
        labels=labels, groups=groups, student=wrong, other=labels * 2.0, against="another"
    )
    assert found.student == pytest.approx(0.5)
    assert found.other == pytest.approx(1.0)


def test_compare_networks__without_an_interval_the_lower_figure_hurts() -> None:
    unknown = Interval(-0.01, float("nan"), float("nan"))
    assert StudentCheck("its teacher", 0.8, 0.81, unknown).hurt
    assert not StudentCheck("its teacher", 0.8, 0.8, replace(unknown, value=0.0)).hurt


def quick(plan: TrainingPlan) -> TrainingPlan:  # noqa: F811
    return replace(plan, recipe=replace(plan.recipe, epochs=2))


def kept(*_args: object, **given: object) -> StudentCheck:
    return StudentCheck(str(given["against"]), 0.9, 0.9, Interval(0.0, float("nan"), float("nan")))


def hurt(*_args: object, **given: object) -> StudentCheck:
    return StudentCheck(str(given["against"]), 0.7, 0.9, Interval(-0.2, -0.3, -0.1))


def test_train__says_what_it_learned_from(
    plan: TrainingPlan,  # noqa: F811
    taught_by: Path,
    unlabelled: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(semi_supervised, "compare_networks", kept)
    request = SemiSupervisedRequest(unlabelled, taught_by, confidence=SURE, control=True)
    sentence = semi_supervised.train(quick(plan), request)
    info = model_folder.read_info(plan.out)
    told = info.training[semi_supervised.KEY]
    assert told["teacher_sha256"] == model_folder.read_info(taught_by).weights_sha256
    assert told["offered"] == 16
    assert 0 < sum(told["accepted"].values()) <= 12
    assert told["sure_on_validation"]["cells"] >= told["sure_on_validation"]["right"]
    assert [each["against"] for each in told["checks"]] == [
        "its teacher",
        "the same network without pseudo-labels",
    ]
    assert told["sentence"] == sentence
    assert "4 others were left out" in sentence
    sure = told["sure_on_validation"]
    assert f"Of {sure['cells']} validation cells" in sentence
    assert sentence in (plan.out / model_folder.CARD).read_text(encoding="utf-8")
    assert info.training["recipe"]["samples"] == 16  # as many as there are labelled cells
    text = (plan.out / model_folder.INFO).read_text(encoding="utf-8")
    json.loads(text, parse_constant=pytest.fail)  # null, not NaN
    model_folder.load_network(plan.out)
    assert not [
        path for path in plan.out.iterdir() if path.name in ("control", checkpoint.FILE_NAME)
    ]
    offered = readers.read(unlabelled)
    parts = held_out.parts(offered.table, info, plan.out)
    learned = offered.table["image_id"].isin(pseudo_ids(plan.out))
    assert (parts[learned] == "train").all()


def pseudo_ids(folder: Path) -> set[str]:
    parts = pd.read_csv(folder / model_folder.SPLIT, dtype=str)
    return set(parts.loc[parts["split"] == "train", "image_id"])


def test_train__a_student_that_became_worse_is_not_kept(
    plan: TrainingPlan,  # noqa: F811
    taught_by: Path,
    unlabelled: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(semi_supervised, "compare_networks", hurt)
    with pytest.raises(ModelError, match=r"hurt, so nothing was kept: .* 0\.700 against 0\.900"):
        semi_supervised.train(
            quick(plan), SemiSupervisedRequest(unlabelled, taught_by, confidence=SURE)
        )
    assert not plan.out.exists()


def test_train__killed_run_goes_on_with_the_same_teacher_only(
    plan: TrainingPlan,  # noqa: F811
    taught_by: Path,
    unlabelled: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(semi_supervised, "compare_networks", kept)
    request = SemiSupervisedRequest(unlabelled, taught_by, confidence=SURE)
    save = checkpoint.save

    def save_then_die(*args: object, **kwargs: object) -> None:
        save(*args, **kwargs)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(checkpoint, "save", save_then_die)
        with pytest.raises(KeyboardInterrupt):
            semi_supervised.train(quick(plan), request)
    with pytest.raises(ModelError, match="another teacher or other cells"):
        semi_supervised.train(quick(plan), replace(request, limit=0.25))
    semi_supervised.train(quick(plan), request)
    history = pd.read_csv(plan.out / model_folder.HISTORY)
    assert list(history["epoch"]) == [0, 1]


def test_train__a_plain_run_is_not_gone_on_with(
    plan: TrainingPlan,  # noqa: F811
    taught_by: Path,
    unlabelled: Path,
) -> None:
    plan.out.mkdir()
    (plan.out / checkpoint.FILE_NAME).write_bytes(b"")
    with pytest.raises(ModelError, match="another teacher or other cells"):
        semi_supervised.train(plan, SemiSupervisedRequest(unlabelled, taught_by, confidence=SURE))


def command(*options: str) -> Result:
    given = ["--data", "cells", "--arch", "qcresnet", "--out", "made", *options]
    return CliRunner().invoke(application(), ["train", *given])


@pytest.mark.parametrize(
    "options",
    [
        ("--unlabelled", "more"),
        ("--teacher", "models/one"),
        ("--unlabelled", "more", "--teacher", "models/one", "--out-of-fold"),
    ],
    ids=["no teacher", "no cells", "out of fold"],
)
def test_command__wrong_usage(options: tuple[str, ...]) -> None:
    assert command(*options).exit_code == 2


def test_command__asks_for_what_the_options_say(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[SemiSupervisedRequest] = []
    monkeypatch.setattr(
        semi_supervised, "train", lambda _, request: asked.append(request) or "Learned."
    )
    ran = command("--unlabelled", "more", "--teacher", "one", "--confidence", "0.9", "--control")
    assert (ran.exit_code, ran.stdout) == (0, "Learned.\n")
    assert asked == [SemiSupervisedRequest(Path("more"), Path("one"), confidence=0.9, control=True)]
