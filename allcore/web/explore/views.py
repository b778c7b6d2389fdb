"""The views of the Evaluation page, by their key in the address."""

from allcore.web.explore import (
    calibration_view,
    curve_figures,
    errors_view,
    export_view,
    map_view,
    overview,
    review_view,
    robustness_view,
    slices_view,
    subjects_view,
    two_models,
)
from allcore.web.explore.context import Context
from allcore.web.views import View

VIEWS: dict[str, View[Context]] = {
    "overview": View("Overview", overview.show),
    "errors": View("Errors", errors_view.show),
    "map": View("Map", map_view.show),
    "slices": View("Slices", slices_view.show),
    "subjects": View("Subjects", subjects_view.show),
    "figures": View("Curves and figures", curve_figures.show),
    "calibration": View("Calibration", calibration_view.show),
    "models": View("Two models", two_models.show),
    "review": View("Review", review_view.show),
    "robustness": View("Robustness", robustness_view.show),
    "export": View("Export", export_view.show),
}
