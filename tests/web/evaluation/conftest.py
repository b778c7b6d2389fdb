from pathlib import Path

import pandas as pd
import pytest

from allcore.web import evaluations
from allcore.web.cell_images import CellImages
from allcore.web.evaluation import sources
from allcore.web.evaluation.context import Context
from tests import simulated


@pytest.fixture
def models(own_home: Path) -> Path:
    """A folder with one simulated model."""
    simulated.folder(own_home / "models")
    return own_home / "models"


@pytest.fixture
def context(models: Path) -> Context:
    """The test cells of the simulated model at 0.7, without images."""
    source = sources.source_of("simulated")
    part = evaluations.evaluate_split(source, "test")
    return Context(source, "test", part, 0.7, "For tests.", CellImages())


@pytest.fixture
def cells_at(context: Context) -> pd.DataFrame:
    """The context's cells, with whether each is called a blast."""
    return context.table.assign(called=context.table["probability"] >= context.threshold)
