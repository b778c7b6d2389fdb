"""The report of one answer, as JSON that suffices to repeat it and as one page of PDF."""

from collections.abc import Callable
from typing import Any

import streamlit as st

from allcore.explain.explanation import Evidence
from allcore.inference.predictor import Predictor
from allcore.inference.results import Prediction
from allcore.plots import export
from allcore.reports import prediction_json
from allcore.reports.prediction_json import PredictionReport


def report_buttons(
    predictor: Predictor,
    prediction: Prediction,
    content: bytes,
    *,
    name: str,
    key: str,
    evidence: Evidence | None = None,
    cut: dict[str, Any] | None = None,
) -> None:
    """Draw the two buttons; each file is made when it is asked for.

    Args:
        predictor: who answered.
        prediction: the answer.
        content: bytes of the picture's file.
        name: of the file.
        key: of the buttons.
        evidence: what speaks for or against the answer; None where there is none.
        cut: how the program cut the cell out; None where the picture came cut out.
    """

    def made() -> PredictionReport:
        told = evidence.to_dict() if evidence else None
        return prediction_json.make_report(
            predictor, prediction, content, name=name, cut=cut, evidence=told
        )

    kinds: tuple[tuple[str, Callable[[], bytes], str, str], ...] = (
        ("PDF", lambda: as_pdf(made(), evidence), "pdf", "application/pdf"),
        ("JSON", lambda: made().to_json(), "json", "application/json"),
    )
    with st.container(horizontal=True):
        for label, make, suffix, mime in kinds:
            st.download_button(
                f"Report as {label}",
                make,
                file_name=f"report-{export.file_name(name)}.{suffix}",
                mime=mime,
                icon=":material/download:",
                on_click="ignore",
                key=f"{key} report {suffix}",
                help="The JSON alone suffices to repeat the answer: 'python -m allcore predict "
                "--verify'. It holds the picture."
                if suffix == "json"
                else "One page for people",
            )


def as_pdf(made: PredictionReport, evidence: Evidence | None) -> bytes:
    """The page of a report, with the pictures of its evidence."""
    from allcore.reports import prediction_pdf

    return prediction_pdf.prediction_pdf(
        made, prediction_pdf.explanation_panels(evidence) if evidence else ()
    )
