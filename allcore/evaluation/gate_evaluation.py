"""Fit a model's gate, and measure it on subjects and images outside its fit."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from allcore.data.manifest import Manifest
from allcore.errors import DataError
from allcore.evaluation import estimates, intervals
from allcore.inference import gate_fit, gate_samples
from allcore.inference.gate import Floats, Gate
from allcore.inference.gate_fit import GateEvaluation
from allcore.inference.gate_samples import OodFeatures
from allcore.inference.predictor import Predictor

_JUDGED_ON: dict[bool | None, str] = {
    True: "subjects that neither the limits nor the distance was fitted on",
    False: "images that neither was fitted on, of subjects that both were fitted on",
    None: "images that neither was fitted on, of unknown subjects",
}


def fit_gate(
    cells: Manifest,
    folder: Path,
    predictor: Predictor,
    *,
    fields: Path | None,
    command: str,
    progress: Callable[[], object] = lambda: None,
) -> Gate:
    """Fit the gate of a model on its own data set, and measure it.

    Args:
        cells: training and test images of the model, from ``gate_samples.known_images``.
        folder: model folder.
        predictor: predictor of the model, without a gate.
        fields: folder of whole smear fields, which the gate should refuse; None leaves them out.
        command: command line, for ``gate.json``.
        progress: callback, called once per cell.

    Returns:
        The gate; its facts are the measurement that ``gate.json`` stores.

    Raises:
        DataError: a part of the data set is missing.
        ModelError: the model folder is damaged.
    """
    rotations = gate_samples.rotations(cells.table, folder)
    paths = list(cells.paths())
    features, places = gate_samples.read_pictures(
        predictor, gate_samples.decode_files(paths), progress=progress
    )
    if len(places) < len(paths):
        missing = paths[min(set(range(len(paths))) - set(places))]
        raise DataError(f"{missing} is missing or shows no cell on black: restore the data set.")
    altered = [cells.root / path for path in gate_samples.paths_to_alter(cells.table)]
    ood = gate_samples.read_ood_samples(predictor, altered, fields=fields)
    judged = gate_fit.evaluate_gate(features, rotations, ood.features)
    info = predictor.info
    facts = gate_facts(judged, cells.table, ood, new_subjects=info.separation.new_subjects) | {
        "weights_sha256": info.weights_sha256,
        "data_digest": info.training.get("data", {}).get("digest"),
        "command": command,
    }
    return replace(
        gate_fit.fit_final_gate(features, rotations),
        facts=facts,
        appearance=gate_samples.training_appearance(cells),
    )


def gate_facts(
    judged: GateEvaluation, cells: pd.DataFrame, ood: OodFeatures, *, new_subjects: bool | None
) -> dict[str, Any]:
    """The measurement in the format of ``gate.json``: shares of accepted and of refused images.

    `new_subjects` says whether the cells are of other subjects than the fit; None where unknown.
    """
    known = np.isfinite(judged.accepted)
    named = cells["subject"][known].notna().all()
    parts = "validation cells" if new_subjects is None else "the cells of validation subjects"
    by_subject = cells.assign(accepted=judged.accepted).groupby("subject")["accepted"].mean()
    low = by_subject[by_subject < 0.9].sort_values()
    refused = {}
    for kind, total in ood.totals.items():
        read = len(ood.features[kind].logits) if kind in ood.features else 0
        # Samples that an earlier check refuses are not read.
        count = total - read + judged.refused_ood.get(kind, 0.0) * read
        bound = intervals.wilson(round(count), total).low
        refused[kind] = {"value": round(count / total, 4), "low": round(bound, 4), "n": total}
    return {
        "method": gate_fit.METHOD,
        "limit": f"lets through {gate_fit.ACCEPTED:.0%} of {parts}",
        "judged_on": _JUDGED_ON[new_subjects],
        "accepted": _accepted_share(judged.accepted, cells),
        "refused_by": judged.refused_by,
        "cells": int(known.sum()),
        "subjects": int(cells["group"][known].nunique()) if named else None,
        "accepted_by_subject": {str(name): round(float(share), 3) for name, share in low.items()},
        "strangers": refused,
        "methods": {
            name: {
                "accepted": _accepted_share(judged.known[name], cells),
                "refused": {kind: round(share, 4) for kind, share in shares.items()},
            }
            for name, shares in judged.methods.items()
        },
    }


def _accepted_share(accepted: Floats, cells: pd.DataFrame) -> dict[str, float]:
    """Share of evaluated cells that the gate accepts, with its interval over subjects."""
    known = np.isfinite(accepted)
    table = cells[known]
    _, groups = estimates.number_groups(table["group"].to_numpy(dtype=str))
    labels = (table["label"] == "all").to_numpy().astype(np.int64)
    share = intervals.share_over_subjects(
        accepted[known].astype(bool), labels=labels, groups=groups
    )
    return {name: round(value, 4) for name, value in vars(share).items()}
