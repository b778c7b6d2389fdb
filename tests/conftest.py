"""What tests share: a home of their own, real cells where they are, a tiny model on disk."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

REPOSITORY = Path(__file__).resolve().parent.parent


@pytest.fixture(autouse=True)
def own_main() -> Iterator[None]:
    """Streamlit's AppTest leaves a page as ``__main__``, which spawned processes would run."""
    main = sys.modules["__main__"]
    yield
    sys.modules["__main__"] = main


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty state folder; no other setting of this machine's environment is in force."""
    for name in [name for name in os.environ if name.startswith("ALLSCOPE_")]:
        if not name.startswith("ALLSCOPE_TEST_"):
            monkeypatch.delenv(name)
    folder = tmp_path / "home"
    monkeypatch.setenv("ALLSCOPE_HOME", str(folder))
    return folder


@pytest.fixture(scope="session")
def cnmc_root() -> Path:
    """Folder of real C-NMC cells with an ``index.csv``, and original files in ``bmp``."""
    given = os.environ.get("ALLSCOPE_TEST_DATA")
    root = Path(given) if given else REPOSITORY.parent / "shared" / "cnmc"
    if not (root / "index.csv").is_file():
        pytest.skip("real C-NMC cells are not on this machine (set ALLSCOPE_TEST_DATA)")
    return root


@pytest.fixture
def cell_image() -> NDArray[np.uint8]:
    """A drawn cell (450, 450, 3): a violet ellipse with some texture on black."""
    return draw_cell(seed=0)


@pytest.fixture
def tiny_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A model folder named ``tiny`` with random weights, the only one that is installed."""
    import torch

    from allcore import modelfolder
    from allcore.data.preprocessing import Preprocessing
    from allcore.modelfolder import ModelInfo
    from allcore.nets import registry

    root = tmp_path / "models"
    folder = root / "tiny"
    folder.mkdir(parents=True)
    torch.manual_seed(0)
    digest = modelfolder.write_weights(folder, registry.build("qcresnet", widths=[16]))
    info = ModelInfo(
        name="tiny",
        architecture="qcresnet",
        config={"widths": [16]},
        preprocessing=Preprocessing(size=64),
        temperature=1.0,
        threshold=0.5,
        threshold_rule="Fixed for tests.",
        weights_sha256=digest,
        training={},
    )
    modelfolder.write_info(folder, info)
    monkeypatch.setenv("ALLSCOPE_MODELS", str(root))
    monkeypatch.setenv("ALLSCOPE_MODEL", "tiny")
    return folder


def draw_cell(*, seed: int, radius: int = 100) -> NDArray[np.uint8]:
    """A cell-like ellipse (450, 450, 3) whose texture differs with the seed."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:450, :450] - 225
    inside = (x / radius) ** 2 + (y / (radius * 0.9)) ** 2 < 1
    stain = np.array([110.0, 60.0, 140.0]) + random.normal(0, 8, (450, 450, 1))
    picture = np.where(inside[..., None], stain, 0).clip(0, 255)
    return picture.astype(np.uint8)
