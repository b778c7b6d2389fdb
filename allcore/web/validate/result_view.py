"""The result of a validation: curve, gate, figures, verdict and calibration."""

import pandas as pd
import streamlit as st

from allcore.evaluation import curves, metrics, site_validation
from allcore.evaluation.curves import RocCurve
from allcore.evaluation.site_validation import SiteValidation
from allcore.inference.site_answers import SiteAnswers
from allcore.model_folder import InstalledModel
from allcore.plots import validate as plots
from allcore.plots.evaluation import curves as curve_plots
from allcore.reports import site_validation as texts
from allcore.web import frame
from allcore.web.components.charts import show_chart, show_csv_download

WIDTHS = (0.05, 0.1, 0.2)
METHOD = """
Each cell goes through the model and its gate as on Predict. The figures of this laboratory are
**cross-fitted**: subjects are dealt into up to five folds, and the cells of a fold are judged by
scaling and threshold of the other folds; what is saved comes from all subjects. The threshold has
the highest sum of sensitivity and specificity (Youden), which does not depend on the share of
blasts. Intervals are of 95 % over subjects. The **design effect** is the variance over subjects
over that of as many independent cells. Cells of the model's own data are answered by the network
that was not trained on their subject. `python -m allcore validate DIR` gives the same.
"""


def validate(answers: SiteAnswers, model: InstalledModel, width: float, key: str) -> SiteValidation:
    """The validation of answers, computed once for all sessions; `key` names the answers."""
    return _validate(answers, model, width, key)


def show_pictures(validation: SiteValidation, key: str) -> None:
    """Draw the ROC curve, and the share that the gate accepts beside it."""
    roc, gate = st.columns(2, gap="medium")
    with roc:
        _show_roc(validation, key)
    with gate:
        show_chart(plots.gate_shares(validation), name="gate", key=f"gate {key}")


def show_figures(validation: SiteValidation) -> None:
    """Draw the figures as a table."""
    if not validation.ungated:
        return
    figures = _figures(validation)
    st.dataframe(figures, hide_index=True, alt="Figures with their 95 % intervals")
    sentences = (texts.gate_sentence(validation), texts.calibration_sentence(validation))
    for sentence in filter(None, sentences):
        st.caption(frame.plain(sentence))
    show_csv_download(figures, f"validation-{validation.data}")


def show_method() -> None:
    """Draw how figures come about, folded."""
    with st.expander("Method"):
        frame.markdown(METHOD)


def choose_width() -> float:
    """Draw the control of the width of interval that sizes are computed for."""
    chosen = st.segmented_control(
        "Width of intervals", WIDTHS, default=site_validation.WIDTH, required=True,
        key="validate_width", width="content",
        help="How many subjects and cells intervals of this width would take.",
    )  # fmt: skip
    return float(chosen or site_validation.WIDTH)


def show_verdict(validation: SiteValidation) -> None:
    """Draw what may be claimed and what not."""
    verdict = validation.verdict
    if verdict.nothing:
        st.warning(frame.plain(verdict.nothing), icon=":material/block:")
    else:
        st.success(frame.plain(verdict.headline), icon=":material/verified:")
    _list("What may be claimed as well" if verdict.claims else "", verdict.claims[1:])
    _list("What may not" if verdict.claims else "Besides", verdict.limits)


def _list(title: str, sentences: tuple[str, ...]) -> None:
    if sentences:
        lines = "\n".join(f"- {frame.plain(sentence)}" for sentence in sentences)
        st.markdown(f"**{title}**\n\n{lines}")


def _show_roc(validation: SiteValidation, key: str) -> None:
    curve = _roc(validation, key)
    if curve is None:
        st.info("A ROC curve needs accepted cells of both classes.", icon=":material/info:")
        return
    area = validation.estimate("auroc")
    at = [validation.estimate(name) for name in ("specificity", "sensitivity")]
    specificity, sensitivity = (estimate.value for estimate in at if estimate)
    assert area is not None
    name = validation.model.name
    figure = curve_plots.roc(
        {name: curve},
        points={name: (1 - specificity, sensitivity)},
        areas={name: area},
        compact=True,
    )
    show_chart(figure, name="validation-roc", key=f"roc {key}")


def show_calibration(validation: SiteValidation, key: str) -> None:
    """Draw the reliability curve before and after calibration for the laboratory."""
    before, after = validation.sample, validation.site_sample
    if before is None:
        return
    st.subheader("Calibration", anchor=False)
    errors = [
        estimate.value
        for part in (validation.shipped, validation.site)
        for estimate in part
        if estimate.name == "ece"
    ]
    shipped = curves.reliability_curve(before)
    figure = curve_plots.calibration(
        None if after is None else shipped,
        shipped if after is None else curves.reliability_curve(after),
        errors=(errors[0], errors[-1]),
    )
    show_chart(figure, name="validation-calibration", key=f"calibration {key}")
    if after is not None:
        st.caption("Before: the model's own calibration. After: this laboratory's, cross-fitted.")


def _figures(validation: SiteValidation) -> pd.DataFrame:
    columns = texts.columns(validation)
    return pd.DataFrame(
        {"Figure": metrics.TITLES[name]}
        | {
            title[0].upper() + title[1:]: texts.interval_text(validation, estimates.get(name))
            for title, estimates in columns.items()
        }
        for name in texts.SHOWN
    )


@st.cache_resource(max_entries=8, show_spinner="Computing the figures")
def _validate(
    _answers: SiteAnswers, _model: InstalledModel, width: float, key: str
) -> SiteValidation:
    return site_validation.validate_site(_answers, _model, width=width)


@st.cache_resource(max_entries=8, show_spinner=False)
def _roc(_validation: SiteValidation, key: str) -> RocCurve | None:
    if not _validation.blast.cells or not _validation.normal.cells or _validation.sample is None:
        return None
    return curves.roc_curve(_validation.sample)
