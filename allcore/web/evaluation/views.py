"""The views of the Evaluation page, by their key in the address."""

from allcore.web.components.views import View
from allcore.web.evaluation import (
    calibration_view,
    curves_view,
    errors_view,
    export_view,
    map_view,
    model_comparison_view,
    overview_view,
    review_view,
    robustness_view,
    slices_view,
    subjects_view,
)
from allcore.web.evaluation.context import Context

VIEWS: dict[str, View[Context]] = {
    "overview": View("Overview", overview_view.show),
    "errors": View("Errors", errors_view.show),
    "map": View("Map", map_view.show),
    "slices": View("Slices", slices_view.show),
    "subjects": View("Subjects", subjects_view.show),
    "figures": View("Curves and figures", curves_view.show),
    "calibration": View("Calibration", calibration_view.show),
    "models": View("Two models", model_comparison_view.show),
    "review": View("Review", review_view.show),
    "robustness": View("Robustness", robustness_view.show),
    "export": View("Export", export_view.show),
}
