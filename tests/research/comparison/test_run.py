"""A whole comparison on drawn cells: trained once, kept, added to."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from allcore.data.manifest import Manifest
from allcore.data.preprocessing import Preprocessing
from allcore.errors import DataError, ModelError
from allcore.notice import RESEARCH_USE
from allcore.reports import json_files
from allcore.research.comparison import cost, run, training_run
from allcore.research.comparison.budget import Budget
from allcore.research.comparison.run import ComparisonRequest
from allcore.training.recipe import Recipe

FILES = {
    "README.md", "results.json", "networks.json", "gaps.json", "tests.json", "history.csv",
    "predictions.parquet",
}  # fmt: skip


@pytest.fixture(scope="module")
def asked(drawn: Manifest, tmp_path_factory: pytest.TempPathFactory) -> ComparisonRequest:
    """LeNet-5 and the baseline under both protocols, compared already."""
    folder = tmp_path_factory.mktemp("comparison")
    request = ComparisonRequest(
        data=drawn.root,
        networks=("lenet5", "area_brightness"),
        protocols=("paper", "unseen"),
        budget=Budget(
            preprocessing=Preprocessing(size=32),
            recipe=Recipe(epochs=2, samples=32, batch_size=16),
            init="none",
            folds=3,
        ),
        out=folder / "out",
        work=folder / "work",
        device="cpu",
        command="python -m allcore compare",
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cost, "LONGEST", 0.0)
        run.compare(request)
    return request


@pytest.fixture
def no_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """Any run would fail."""

    def refuse(job: training_run.ComparisonRun, data: object) -> None:
        raise AssertionError(f"{job.title} ran again")

    monkeypatch.setattr(training_run, "perform", refuse)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_compare__writes_every_table(asked: ComparisonRequest, drawn: Manifest) -> None:
    assert set(contents(asked.out)) == FILES
    found = json_files.read_comparison(asked.out)
    assert [(row.network, row.protocol) for row in found.rows] == [
        ("lenet5", "paper"), ("lenet5", "unseen"),
        ("area_brightness", "paper"), ("area_brightness", "unseen"),
    ]  # fmt: skip
    unseen = found.row("lenet5", "unseen")
    assert unseen is not None
    assert (unseen.cells, unseen.subjects, unseen.folds) == (90, 16, 3)
    assert unseen.data_digest == drawn.digest()
    assert unseen.epochs_to_95 in (1, 1.5, 2)
    assert unseen.seconds > 0
    baseline = found.row("area_brightness", "unseen")
    assert baseline is not None
    assert baseline.epochs_to_95 is None
    assert len(found.gaps) == 6
    assert [(test.a, test.protocol) for test in found.tests] == [
        ("lenet5", "paper"), ("lenet5", "unseen"),
    ]  # fmt: skip
    assert [each.network for each in found.costs] == ["lenet5", "area_brightness"]
    assert found.costs[0].parameters
    assert found.costs[1].parameters is None


def test_compare__predicts_every_cell_once_a_network(
    asked: ComparisonRequest, drawn: Manifest
) -> None:
    table = json_files.read_comparison(asked.out).predictions
    unseen = table[(table["protocol"] == "unseen") & (table["network"] == "lenet5")]
    assert sorted(unseen["image_id"]) == sorted(drawn.table["image_id"])
    assert table["probability"].between(0, 1).all()
    history = json_files.read_comparison(asked.out).history
    assert (history.groupby(["protocol", "fold"]).size() == 2).all()
    assert set(history["network"]) == {"lenet5"}
    assert len(history) == 2 * (1 + 3)


def test_compare__says_it_in_words(asked: ComparisonRequest) -> None:
    text = (asked.out / "README.md").read_text()
    assert RESEARCH_USE in text
    assert "```\npython -m allcore compare\n```" in text
    assert re.search(r"\| LeNet-5 \| 0\.\d{3} \(0\.\d{3} to ", text)
    assert "90 test cells of 16 independent subjects, 3 runs a network" in text


@pytest.mark.usefixtures("no_work")
def test_compare__again_trains_nothing_and_writes_the_same_bytes(asked: ComparisonRequest) -> None:
    before = contents(asked.out)
    run.compare(asked)
    assert contents(asked.out) == before


def test_compare__goes_on_after_a_stop(
    asked: ComparisonRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = replace(
        asked, networks=("area_brightness",), work=tmp_path / "work", out=tmp_path / "out"
    )
    ran: list[str] = []
    perform = training_run.perform

    def stop_after_two(job: training_run.ComparisonRun, data: object) -> None:
        if len(ran) == 2:
            raise KeyboardInterrupt
        ran.append(job.title)
        perform(job, data)

    monkeypatch.setattr(training_run, "perform", stop_after_two)
    with pytest.raises(KeyboardInterrupt):
        run.compare(request)
    assert not request.out.exists()
    monkeypatch.setattr(
        training_run, "perform", lambda job, data: (ran.append(job.title), perform(job, data))
    )
    run.compare(request)
    assert ran == [
        "area_brightness, paper", *(f"area_brightness, unseen fold {n}" for n in (1, 2, 3)),
    ]  # fmt: skip


@pytest.mark.usefixtures("no_work")
def test_compare__keeps_the_rows_of_others(asked: ComparisonRequest, tmp_path: Path) -> None:
    whole = contents(asked.out)
    out = tmp_path / "out"
    for networks in (("lenet5",), ("area_brightness",)):
        run.compare(replace(asked, networks=networks, out=out))
    assert contents(out) == whole
    run.compare(replace(asked, protocols=("unseen",), out=out))
    assert contents(out) == whole


@pytest.mark.usefixtures("no_work")
def test_compare__refuses_to_mix_budgets(asked: ComparisonRequest) -> None:
    other = replace(asked.budget, preprocessing=Preprocessing(size=48))
    with pytest.raises(ModelError, match="holds Area and brightness on other data or with another"):
        run.compare(replace(asked, networks=("lenet5",), budget=other))


@pytest.mark.usefixtures("no_work")
def test_compare__refuses_before_any_work(asked: ComparisonRequest, tmp_path: Path) -> None:
    fresh = replace(asked, out=tmp_path / "out", work=tmp_path / "work")
    with pytest.raises(DataError, match="too few for 9 folds: use --folds 6"):
        run.compare(replace(fresh, budget=replace(asked.budget, folds=9)))
    assert not fresh.work.exists()
    with pytest.raises(ModelError, match="There is no network 'lenet'"):
        run.compare(replace(fresh, networks=("lenet",)))
    with pytest.raises(ModelError, match=r"The initial weights .* can't be read"):
        run.compare(replace(fresh, budget=replace(asked.budget, init=str(tmp_path / "no"))))


def test_run_folder__moves_only_with_what_the_run_hangs_on(
    asked: ComparisonRequest, drawn: Manifest
) -> None:
    def folder(network: str, budget: Budget) -> str:
        data = run.ComparisonData(drawn, budget, asked.work, "cpu")
        return training_run.run_folder(
            training_run.ComparisonRun(network, run.protocol_splits("paper", data)[0]), data
        ).name

    plain = folder("lenet5", asked.budget)
    assert folder("lenet5", replace(asked.budget, folds=4)) == plain
    assert folder("lenet5", replace(asked.budget, init="imagenet")) == plain
    assert folder("resnet18_pretrained", replace(asked.budget, init="imagenet")) != folder(
        "resnet18_pretrained", asked.budget
    )
    longer = replace(asked.budget, recipe=replace(asked.budget.recipe, epochs=3))
    assert folder("lenet5", longer) != plain
