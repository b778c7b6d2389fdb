from pathlib import Path

import pytest

from allcore.research.experiments.catalogue import ExperimentOptions
from tests.conftest import draw_folders


@pytest.fixture(scope="session")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Seven subjects a class, three cells each: blasts large, every subject differently bright."""
    root = tmp_path_factory.mktemp("drawn")
    return draw_folders(root, subjects=14, cells=3, radii=(100, 75), brightness=(0.7, 0.96))


@pytest.fixture
def options(drawn: Path, tmp_path: Path) -> ExperimentOptions:
    """An experiment of seconds."""
    return ExperimentOptions(
        data=drawn, work=tmp_path / "work", command="python -m allcore experiment",
        size=48, seeds=2, folds=3, epochs=1, samples=8, init="none", device="cpu",
    )  # fmt: skip
