import numpy as np
import pytest

from allcore.web.components import chart_area

L_SHAPE = np.array([[0, 0], [4, 0], [4, 1], [1, 1], [1, 4], [0, 4]], dtype=float)


def test_inside__an_area_that_is_not_convex():
    points = np.array([[0.5, 3.0], [3.0, 0.5], [3.0, 3.0], [-1.0, 0.5], [5.0, 0.5]])
    assert chart_area.points_inside(points, L_SHAPE).tolist() == [True, True, False, False, False]


def test_inside__a_cell_without_a_place_is_outside():
    assert not chart_area.points_inside(np.array([[np.nan, np.nan]]), L_SHAPE).any()


def test_of_selection__the_lasso_before_the_box():
    lasso = {"x": [0, 1, 1], "y": [0, 0, 1]}
    box = {"x": [3, 2], "y": [5, 4]}
    found = chart_area.selected_area({"lasso": [lasso], "box": [box]})
    assert found is not None and found.tolist() == [[0, 0], [1, 0], [1, 1]]
    found = chart_area.selected_area({"box": [box]})
    assert found is not None and found.tolist() == [[2, 4], [3, 4], [3, 5], [2, 5]]
    assert chart_area.selected_area({"lasso": [], "box": []}) is None


def test_of_selection__a_long_lasso_is_thinned():
    angle = np.linspace(0, 2 * np.pi, 500, endpoint=False)
    found = chart_area.selected_area({"lasso": [{"x": np.cos(angle), "y": np.sin(angle)}]})
    assert found is not None and len(found) == chart_area.MAX_CORNERS
    grid = np.random.default_rng(0).uniform(-1.5, 1.5, (2000, 2))
    near = np.abs(np.hypot(*grid.T) - 1) < 0.02
    assert (chart_area.points_inside(grid, found) == (np.hypot(*grid.T) < 1))[~near].all()


def test_from_text__reads_what_to_text_wrote():
    found = chart_area.area_from_text(chart_area.area_to_text(L_SHAPE))
    assert found is not None and np.allclose(found, L_SHAPE)


@pytest.mark.parametrize(
    "text", ["", "1,2", "1,2_3,4", "a,b_c,d_e,f", "1_2_3", "1,2_3,4_5", "nan,1_2,3_4,5",
             "_".join(["1,2"] * 100)]
)  # fmt: skip
def test_from_text__anything_else_is_no_area(text: str):
    assert chart_area.area_from_text(text) is None
