"""Every view, with all that a folder may hold and with predictions alone."""

from pathlib import Path

import pytest

from allcore.web import cell_images
from allcore.web.evaluation import overview_view
from allcore.web.evaluation.views import VIEWS
from tests import conftest, simulated
from tests.page_runs import page_text
from tests.pages.evaluation.evaluation_page import (
    expected_headline,
    headline,
    held_out,
    opened,
    subjects_table,
    title,
    usable,
)

BOUND = {
    "overview": {"model", "split", "threshold", "view", "show"},
    "errors": {"show", "subject", "label"},
    "map": {"colour"},
    "subjects": {"who", "cutoff", "least"},
    "figures": {"prevalence", "beside"},
    "models": {"other", "kind"},
    "robustness": {"robust_by"},
}
"""What a view keeps in the address."""
LACKS = {
    "map": "no `embeddings.npz`",
    "robustness": "Not measured yet",
    "models": "no second model",
}
"""What a view says where a folder holds nothing but predictions."""


@pytest.mark.parametrize("view", VIEWS)
def test_page__every_view_of_a_folder_that_holds_all(full: Path, view: str) -> None:
    """The browser writes what is bound into the address; here only the binding can be seen."""
    page = opened(view=title(view))
    assert page.segmented_control(key="view").value == view
    assert not page.error
    kinds = ("selectbox", "multiselect", "number_input", "slider", "radio", "button_group")
    controls = [each for kind in kinds for each in getattr(page, kind)]
    assert BOUND.get(view, set()) <= {each.key for each in controls if each.proto.query_param_key}


@pytest.mark.parametrize("view", VIEWS)
def test_page__every_view_of_predictions_alone(bare: Path, view: str) -> None:
    page = opened(view=title(view))
    assert page.segmented_control(key="view").value == view
    assert not page.error
    assert LACKS.get(view, "") in page_text(page)


def test_page__first_view_needs_no_picture(bare: Path) -> None:
    page = opened()
    assert headline(page) == expected_headline(0.5)
    helps = [each.proto.help for each in page.metric]
    assert len(helps) == len(overview_view.HEADLINE)
    assert all("interval over cells" in text for text in helps)
    assert set(subjects_table(page)["Subject"]) == set(held_out()["subject"])
    assert cell_images.CONNECT in page_text(page)


def test_page__pictures_of_other_cells(
    bare: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = conftest.draw_folders(tmp_path / "data", subjects=4, cells=1)
    monkeypatch.setenv("ALLSCOPE_DATA", str(data))
    page = opened()
    assert cell_images.UNMATCHED in page_text(page)
    assert cell_images.CONNECT not in page_text(page)


def test_page__a_data_set_that_is_gone(
    bare: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALLSCOPE_DATA", str(tmp_path / "gone"))
    page = opened()
    assert "There is no data set at" in page_text(page)
    assert headline(page) == expected_headline(0.5)


def test_page__validation_is_a_choice(bare: Path) -> None:
    page = opened(split="Validation")
    assert page.selectbox(key="split").value == "validation"
    assert set(subjects_table(page)["Subject"]) == set(held_out("validation")["subject"])
    assert "chosen on these cells" in page_text(page)


def test_page__an_area_of_the_map_becomes_a_gallery(full: Path) -> None:
    area = "-20,-20_20,-20_20,20_-20,20"
    page = opened(view=title("map"), area=area, threshold="0.7")
    places = simulated.predictions().iloc[5:]  # those the folder's map has
    placed = places[places["split"] == "test"]
    wrong = ((placed["probability"] >= 0.7) != (placed["label"] == "all")).sum()
    assert f"{len(placed):,} cells selected, {wrong:,} predicted wrongly" in page_text(page)
    page.toggle(key="only_wrong").set_value(True).run()
    assert f"of {wrong} cells" in page_text(usable(page))
