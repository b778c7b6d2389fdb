"""Folders of simulated models, and who is signed in."""

from pathlib import Path

import pytest

from tests import explored, simulated
from tests.page_runs import sign_in


@pytest.fixture(autouse=True)
def ada(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sign_in(monkeypatch)
    monkeypatch.setenv("ALLSCOPE_MODEL", "simulated")


@pytest.fixture(scope="session")
def full_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("full")
    explored.folder(root)
    explored.second(root)
    return root


@pytest.fixture(scope="session")
def bare_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("bare")
    simulated.folder(root)
    return root


@pytest.fixture
def full(full_root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two models on the same cells, the first with all that a folder may hold."""
    monkeypatch.setenv("ALLSCOPE_MODELS", str(full_root))
    return full_root


@pytest.fixture
def bare(bare_root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """One model with nothing but predictions."""
    monkeypatch.setenv("ALLSCOPE_MODELS", str(bare_root))
    return bare_root


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder for a test's own models."""
    root = tmp_path / "models"
    root.mkdir()
    monkeypatch.setenv("ALLSCOPE_MODELS", str(root))
    return root
