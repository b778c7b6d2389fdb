"""A validation at another laboratory as JSON, and as lines of text."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from allcore import formats, notice
from allcore.evaluation import metrics
from allcore.evaluation.estimates import Estimate, by_name
from allcore.evaluation.site_validation import SiteValidation
from allcore.reports.json_files import estimates_json, json_value
from allcore.site_profile import SiteProfile

FILE = "validation.json"
ANSWERS = "answers.parquet"
SHOWN = ("auroc", "sensitivity", "specificity", "ppv", "npv", "accuracy", "ece")
"""Figures of the text and of the page, in order."""
COLUMNS = {"ungated": "all cells", "shipped": "accepted", "site": "this laboratory's"}
"""Titles of the estimates: of all cells that the network reads, and of the accepted cells as the
model ships and with the laboratory's calibration and threshold."""


def validation_json(validation: SiteValidation, profile: SiteProfile | None) -> dict[str, Any]:
    """Content of ``validation.json``; `profile` is the saved one, where there is one."""
    info, calibration, verdict = validation.model.info, validation.calibration, validation.verdict
    return {
        "notice": notice.RESEARCH_USE,
        "model": validation.model.name,
        "model_digest": validation.model.shipped_digest,
        "weights_sha256": info.weights_sha256,
        "threshold": info.threshold,
        "data": validation.data,
        "data_digest": validation.data_digest,
        "fields": validation.fields,
        "images": validation.images,
        "cells": validation.cells,
        "accepted": {"cells": validation.accepted_cells} | json_value(validation.accepted),
        "refused": [asdict(refusals) for refusals in validation.refusals],
        "blast": json_value(validation.blast),
        "normal": json_value(validation.normal),
        "figures": {name: estimates_json(getattr(validation, name)) for name in COLUMNS},
        "calibration": calibration
        and {
            "temperature": calibration.scaling.temperature,
            "bias": calibration.scaling.bias,
            "threshold": calibration.threshold,
            "rule": calibration.rule,
        },
        "needed": [asdict(size) for size in validation.needed],
        "nothing": verdict.nothing,
        "claims": [*verdict.claims],
        "limits": [*verdict.limits],
        "profile": profile and profile.key,
    }


def text_lines(validation: SiteValidation) -> Iterator[str]:
    """The validation as lines of text, without the research-use notice."""
    yield f"{validation.model.name} on {validation.data}"
    yield gate_sentence(validation)
    for refusals in validation.refusals:
        yield f"  {refusals.cells:6,} {refusals.title}. {refusals.reason}"
    if validation.shipped or validation.ungated:
        yield ""
        yield from _table(validation)
    if validation.calibration is not None:
        yield ""
        yield calibration_sentence(validation)
    for size in validation.needed:
        effect = "" if size.design_effect is None else f" (design effect {size.design_effect:.1f})"
        yield (
            f"{metrics.TITLES[size.figure]} in an interval {size.width:g} wide: "
            f"{size.subjects:,} subjects, {size.cells:,} cells{effect}."
        )
    yield ""
    yield from verdict_lines(validation)


def gate_sentence(validation: SiteValidation) -> str:
    """How many cells the gate accepts, of how many subjects."""
    blast, normal = validation.blast, validation.normal
    known = blast.subjects is not None and normal.subjects is not None
    of = f"of {blast.subjects} ALL and {normal.subjects} normal subjects" if known else ""
    pictures = formats.count(validation.images, "field" if validation.fields else "picture")
    share = f"{validation.accepted_cells:,} of {validation.cells:,}"
    if validation.accepted.known:
        share = formats.share(validation.accepted, validation.cells)
    return (
        f"The gate accepts {share} cells from "
        f"{pictures}: {blast.cells:,} labelled ALL blast and {normal.cells:,} normal "
        f"{of or ', subjects unknown'}."
    ).replace(" ,", ",")


def calibration_sentence(validation: SiteValidation) -> str:
    """Calibration and threshold for the laboratory; empty without any."""
    calibration = validation.calibration
    if calibration is None:
        return ""
    scaling = calibration.scaling
    return (
        f"For this laboratory: log-odds / {scaling.temperature:.3f} {scaling.bias:+.3f}, threshold "
        f"{calibration.threshold:.3f}. {calibration.rule}"
    )


def verdict_lines(validation: SiteValidation) -> Iterator[str]:
    """What may be claimed, and what not."""
    verdict = validation.verdict
    if verdict.nothing:
        yield verdict.nothing
    else:
        yield "What may be claimed:"
        yield from (f"- {sentence}" for sentence in verdict.claims)
    if verdict.limits:
        yield "What may not:" if verdict.claims else "Besides:"
        yield from (f"- {sentence}" for sentence in verdict.limits)


def columns(validation: SiteValidation) -> dict[str, dict[str, Estimate]]:
    """The estimates by title of `COLUMNS` and by name, without empty ones."""
    both = {title: by_name(getattr(validation, name)) for name, title in COLUMNS.items()}
    return {title: estimates for title, estimates in both.items() if estimates}


def interval_text(validation: SiteValidation, estimate: Estimate | None) -> str:
    """An estimate over subjects, or over cells where the subjects are unknown."""
    if estimate is None:
        return ""
    known = validation.blast.subjects is not None
    return formats.estimate(estimate.over_subjects if known else estimate.over_cells)


def _table(validation: SiteValidation) -> Iterator[str]:
    own = columns(validation)
    over = "subjects" if validation.blast.subjects is not None else "cells, subjects being unknown"
    yield f"{'Figure':28}" + "".join(f"{title:>26}" for title in own)
    for name in SHOWN:
        texts = (interval_text(validation, estimates.get(name)) for estimates in own.values())
        yield f"{metrics.TITLES[name]:28}" + "".join(f"{text:>26}" for text in texts)
    fitted = "; this laboratory's are cross-fitted" if validation.site else ""
    yield f"95 % intervals over {over}{fitted}."
