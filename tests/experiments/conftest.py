from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from allcore.experiments.options import Options
from tests.conftest import draw_cell


@pytest.fixture(scope="session")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Seven subjects a class, three cells each: blasts large, every subject differently bright."""
    root = tmp_path_factory.mktemp("drawn")
    for number in range(14):
        label = "all" if number < 7 else "hem"
        subject = f"{number + 100}" if label == "all" else f"H{number + 100}"
        (root / label).mkdir(exist_ok=True)
        for cell in range(3):
            radius = (100 if label == "all" else 75) + 2 * cell
            picture = draw_clumped(number * 10 + cell, radius) * (0.7 + 0.02 * number)
            name = f"UID_{subject}_{cell}_1_{label}.png"
            Image.fromarray(picture.clip(0, 255).astype(np.uint8)).save(root / label / name)
    return root


@pytest.fixture
def options(drawn: Path, tmp_path: Path) -> Options:
    """An experiment of seconds."""
    return Options(
        data=drawn, work=tmp_path / "work", command="python -m allcore experiment",
        size=48, seeds=2, folds=3, epochs=1, samples=8, init="none", device="cpu", cells=20,
        threads=1,
    )  # fmt: skip


def draw_clumped(seed: int, radius: int) -> NDArray[np.float64]:
    """A drawn cell with coarse clumps of its own, so that it is nobody's twin."""
    clumps = np.random.default_rng(seed).uniform(0.7, 1.3, (18, 18))
    return draw_cell(seed=seed, radius=radius) * np.kron(clumps, np.ones((25, 25)))[..., None]
