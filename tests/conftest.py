"""What tests share: a home of their own, real cells where they are, a tiny model on disk."""

import functools
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings as hypothesis_settings
from numpy.typing import NDArray
from PIL import Image
from streamlit.components.v2 import manifest_scanner

REPOSITORY = Path(__file__).resolve().parent.parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Browser tests are the longest files, so they start first, or one process ends up alone.

    One that fails runs once more: a machine under load can outlast any patience, and the report
    says of each test that needed it why.
    """
    items.sort(key=lambda item: item.get_closest_marker("browser") is None)
    for item in items:
        if item.get_closest_marker("browser") and not item.get_closest_marker("flaky"):
            item.add_marker(pytest.mark.flaky(reruns=1))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say why tests ran once more."""
    for report in terminalreporter.stats.get("rerun", []):
        terminalreporter.section(f"ran again: {report.nodeid}")
        terminalreporter.write_line(report.longreprtext[-3000:])


# A machine under load outlasts any deadline of one example; every run draws the same ones.
hypothesis_settings.register_profile("tests", deadline=None, derandomize=True)
hypothesis_settings.load_profile("tests")

# The answers that tests compare are those of every machine.
os.environ["ALLSCOPE_PRECISION"] = "fp32"


@pytest.fixture(autouse=True)
def own_main() -> Iterator[None]:
    """Streamlit's AppTest leaves a page as ``__main__``, which spawned processes would run."""
    main = sys.modules["__main__"]
    yield
    sys.modules["__main__"] = main


@pytest.fixture(scope="session", autouse=True)
def components_scanned_once() -> Iterator[None]:
    """Each run of AppTest asks every installed package for components: half of a page's test."""
    with pytest.MonkeyPatch.context() as patch:
        scan = functools.cache(manifest_scanner.scan_component_manifests)
        patch.setattr(manifest_scanner, "scan_component_manifests", scan)
        yield


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty state folder; no other setting of this machine's environment is in force."""
    for name in [name for name in os.environ if name.startswith("ALLSCOPE_")]:
        if not name.startswith(("ALLSCOPE_TEST_", "ALLSCOPE_PRECISION")):
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


@pytest.fixture(scope="session")
def tiny_model_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model folder that `tiny_model` copies: drawing its random weights takes long."""
    import torch

    from allcore import model_folder
    from allcore.data.preprocessing import Preprocessing
    from allcore.model_folder import ModelInfo
    from allcore.nets import registry

    folder = tmp_path_factory.mktemp("template") / "tiny"
    folder.mkdir()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        digest = model_folder.write_weights(folder, registry.build("qcresnet", widths=[16]))
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
    model_folder.write_info(folder, info)
    return folder


@pytest.fixture(scope="session")
def small_demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A demonstration set of 120 cells, drawn once for all processes that run tests."""
    from allcore.synthetic import demo

    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    return demo.ensure_demo(shared / "demo", cells=120, subjects=10).root


@pytest.fixture
def drawn_demo(home: Path, small_demo: Path) -> Path:
    """The demonstration set where the app looks for it, so that it does not draw 600 cells."""
    return shutil.copytree(small_demo, home / "demo")


@pytest.fixture
def tiny_model(tiny_model_template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A model folder named ``tiny`` with random weights, the only one that is installed."""
    root = tmp_path / "models"
    folder = shutil.copytree(tiny_model_template, root / "tiny")
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


def draw_clumped(*, seed: int, radius: int = 100, brightness: float = 1.0) -> NDArray[np.uint8]:
    """A drawn cell with coarse clumps of its own, so that it is nobody's twin."""
    clumps = np.random.default_rng(seed).uniform(0.7, 1.3, (18, 18, 1)).repeat(25, 0).repeat(25, 1)
    picture = draw_cell(seed=seed, radius=radius) * clumps * brightness
    return picture.clip(0, 255).astype(np.uint8)


def draw_folders(
    root: Path,
    *,
    subjects: int,
    cells: int,
    radii: tuple[int, int] = (100, 100),
    brightness: tuple[float, float] = (1.0, 1.0),
) -> Path:
    """Folders ``all`` and ``hem`` of clumped cells in C-NMC's names, of half the subjects each.

    Args:
        root: is made where it is missing, and given back.
        subjects: number of subjects, 100 and up; normal ones have an H before the number.
        cells: number of each subject's.
        radii: of a subject's smallest blast and normal cell, pixels.
        brightness: of the first and the last subject; those between lie between.
    """
    for number, bright in enumerate(np.linspace(*brightness, subjects)):
        normal = number >= subjects / 2
        label, subject = ("hem", f"H{number + 100}") if normal else ("all", f"{number + 100}")
        (root / label).mkdir(parents=True, exist_ok=True)
        for cell in range(cells):
            picture = draw_clumped(
                seed=number * cells + cell, radius=radii[normal] + cell % 4, brightness=bright
            )
            Image.fromarray(picture).save(root / label / f"UID_{subject}_{cell}_1_{label}.png")
    return root
