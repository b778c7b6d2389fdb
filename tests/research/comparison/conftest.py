"""A small drawn set that a comparison can be made on."""

import pytest

from allcore.data.manifest import Manifest
from allcore.synthetic import dataset


@pytest.fixture(scope="package")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    """90 cells of 10 blast and 6 normal subjects, copies of cells among them."""
    folder = tmp_path_factory.mktemp("compared") / "set"
    return dataset.draw_set(folder, cells=90, subjects=16)
