"""Two models on the same cells."""

from pathlib import Path

import pytest

from allcore import model_folder
from tests import explored, simulated
from tests.page_runs import page_text
from tests.pages.evaluation.evaluation_page import figures, held_out, opened, title, usable


def test_two__models_at_their_own_thresholds(full: Path) -> None:
    page = opened(view=title("models"))
    both = held_out().merge(
        model_folder.read_predictions(full / "second"), on="image_id", suffixes=("", "_b")
    )
    blast = both["label"] == "all"
    right = (both["probability"] >= 0.5) == blast
    other = (both["probability_b"] >= explored.SECOND_THRESHOLD) == blast
    assert f"both correct {(right & other).sum():,}, only simulated {(right & ~other).sum():,}" in (
        page_text(page)
    )
    assert "second was trained on other cells of these subjects" in page_text(page)
    page.segmented_control(key="kind").set_value("only_b").run()
    assert f"of {(~right & other).sum():,} cells" in page_text(usable(page))


def test_two__curves_beside_with_the_warning(full: Path) -> None:
    page = opened(view=title("figures"), beside="second")
    names = {trace.get("name") or "" for trace in figures(page)[0]["data"]}
    assert any("second" in name for name in names)
    assert "second was trained on other cells of these subjects" in page_text(page)


@pytest.mark.parametrize("damaged", [model_folder.INFO, model_folder.PREDICTIONS])
def test_two__a_damaged_one_is_said_once_and_left_out(own: Path, damaged: str) -> None:
    simulated.folder(own)
    (simulated.folder(own, name="other") / damaged).write_bytes(b"{")
    page = opened(view=title("figures"), beside="other")
    assert [damaged in each.value.replace("\\", "") for each in page.error] == [True]
    assert len(figures(page)) == 3 and len(page.dataframe) == 1
    assert len(opened(view=title("models"), other="other").error) == 1


def test_two__one_of_one_class_has_no_curve(own: Path) -> None:
    simulated.folder(own)
    simulated.folder(own, name="blasts", table=simulated.predictions(normal_subjects=0))
    page = opened(view=title("figures"), beside="blasts")
    assert "blasts is left out" in page_text(page)
    assert len(figures(page)) == 3


def test_two__a_model_of_an_image_split_warns_of_itself(full: Path) -> None:
    said = page_text(opened(model="second"))
    assert "have cells in two of training, validation and test" in said
    assert "never saw" not in said
