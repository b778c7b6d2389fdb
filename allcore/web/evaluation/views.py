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
    "overview": View("Overview", overview_view.show_overview),
    "errors": View("Errors", errors_view.show_errors),
    "map": View("Map", map_view.show_map),
    "slices": View("Slices", slices_view.show_slices),
    "subjects": View("Subjects", subjects_view.show_subjects),
    "figures": View("Curves", curves_view.show_curves),
    "calibration": View("Calibration", calibration_view.show_calibration),
    "models": View("Model comparison", model_comparison_view.show_model_comparison),
    "review": View("Review", review_view.show_review),
    "robustness": View("Robustness", robustness_view.show_robustness),
    "export": View("Export", export_view.show_export),
}
