"""What networks cost."""

from pathlib import Path

import pytest

from allcore.data import manifest
from allcore.data.preprocessing import Preprocessing
from allcore.nets import registry
from allcore.research.comparison import cost
from allcore.research.comparison.budget import Budget
from allcore.research.comparison.shared_data import ComparisonData
from allcore.training.recipe import Recipe


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ComparisonData:
    monkeypatch.setattr(cost, "LONGEST", 0.0)
    monkeypatch.setattr(cost, "FEWEST", 1)
    listed = manifest.build(tmp_path, [{"path": "one.png", "label": "all"}], name="listed")
    budget = Budget(Preprocessing(size=32), Recipe(), "none", 5)
    return ComparisonData(listed, budget, tmp_path / "work", "cpu")


def test_costs__count_the_network_and_time_it(data: ComparisonData) -> None:
    (found,) = cost.costs({"lenet5": ()}, data)
    expected = sum(part.numel() for part in registry.build("lenet5").parameters())
    assert (found.network, found.parameters, found.size) == ("lenet5", expected, 32)
    assert found.macs
    assert found.images_per_second
    assert found.device == "cpu"


def test_costs__are_measured_once(data: ComparisonData, monkeypatch: pytest.MonkeyPatch) -> None:
    before = cost.costs({"lenet5": ()}, data)
    monkeypatch.setattr(cost, "images_per_second", lambda name, data: 1 / 0)
    assert cost.costs({"lenet5": ()}, data) == before


def test_costs__of_what_rests_on_others(
    data: ComparisonData, monkeypatch: pytest.MonkeyPatch
) -> None:
    rates = {"qcresnet": 30.0, "lenet5": 60.0}
    monkeypatch.setattr(cost, "images_per_second", lambda name, data: rates[name])
    both = ("qcresnet", "lenet5")
    made_of = {"lenet5": (), "svm": both[:1], "ensemble": both, "area_brightness": ()}
    of = {each.network: each for each in cost.costs(made_of, data)}
    assert list(of) == list(made_of)
    (one,) = cost.costs({"qcresnet": ()}, data)
    other = of["lenet5"]
    assert of["svm"].parameters == one.parameters
    assert of["svm"].images_per_second == 30.0
    assert of["ensemble"].macs == (one.macs or 0) + (other.macs or 0)
    assert of["ensemble"].images_per_second == pytest.approx(20.0)
    assert of["area_brightness"].images_per_second is None
