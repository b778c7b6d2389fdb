"""Folders of models that lack something, or are damaged."""

from pathlib import Path

import numpy as np
import pytest

from allcore import model_folder
from tests import explored, simulated
from tests.page_runs import page_text
from tests.pages.evaluation.evaluation_page import (
    expected_headline,
    headline,
    held_out,
    of_views,
    opened,
    title,
    usable,
)


def test_empty__no_model(own: Path) -> None:
    page = opened()
    assert "No model is installed yet" in page_text(page)
    assert page.file_uploader(key="prediction_upload")
    assert not page.metric


@pytest.mark.parametrize("damaged", [model_folder.INFO, model_folder.PREDICTIONS])
def test_damaged__a_model_that_cannot_be_read(own: Path, damaged: str) -> None:
    (simulated.folder(own) / damaged).write_bytes(b"nonsense")
    page = opened()
    assert [damaged in each.value.replace("\\", "") for each in page.error] == [True]
    assert not page.metric


@pytest.mark.parametrize(
    ("damaged", "view"),
    [
        (model_folder.EMBEDDINGS, "map"),
        (model_folder.EMBEDDINGS, "slices"),
        (model_folder.FACTS, "map"),
        (model_folder.FACTS, "slices"),
        (model_folder.ROBUSTNESS, "robustness"),
    ],
)
def test_damaged__a_part_is_said_where_it_is_needed(own: Path, damaged: str, view: str) -> None:
    (explored.folder(own) / damaged).write_bytes(b"nonsense")
    page = opened(view=title(view))
    assert [damaged in each.value.replace("\\", "") for each in page.error] == [True]
    page.segmented_control(key="view").set_value("overview").run()
    assert headline(usable(page)) == expected_headline(0.5)


def test_damaged__measures_leave_the_cell_open(own: Path) -> None:
    (explored.folder(own) / model_folder.FACTS).write_bytes(b"nonsense")
    first = held_out().iloc[0]
    page = opened(cell=first["image_id"], threshold="1")
    assert "facts.parquet can't be read" in page_text(page)
    assert f"predicted normal: wrong.** Subject {first['subject']}" in page_text(page)


@pytest.mark.parametrize("share", [1, 9])
def test_subjects__unknown(own: Path, share: int) -> None:
    """No subject, or some unknown: no interval over subjects, but all that needs none."""
    table = simulated.predictions()
    unknown = np.arange(len(table)) % share == 0
    simulated.folder(own, table=table.assign(subject=table["subject"].mask(unknown, None)))
    page = opened()
    assert "Subjects are unknown" in page_text(page)
    said = of_views(page, "errors", "slices", "subjects", "figures", "calibration")
    assert not page.error
    assert "nothing can be said of any" in said["subjects"]
