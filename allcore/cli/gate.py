"""`evaluate --gate`: fits what a model takes for a cell of the kind it knows, and measures it."""

import json
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

    from allcore.inference.gate_fit import Judged
    from allcore.inference.gate_samples import Turned

_JUDGED_ON = {
    "subject": "subjects that neither the limits nor the distance was fitted on",
    "image": "images that neither was fitted on, of subjects that both were fitted on",
}


def write(
    data: Path, folder: Path, out: Path, *, device: str, fields: Path | None, as_json: bool
) -> None:
    """Fit the gate of a model on its own data set, write gate.json and gate.safetensors.

    Args:
        data: the data set that the model was trained on.
        folder: the model's.
        out: folder to write to; it exists.
        device: where the network runs.
        fields: a folder of whole smear fields, to be refused; None measures the others alone.
        as_json: print JSON instead of a table.

    Raises:
        DataError: the data set is another than the model's, or a part of it is missing.
        ModelError: the model folder is damaged.
    """
    from dataclasses import replace

    from tqdm import tqdm

    from allcore import settings
    from allcore.data import readers
    from allcore.errors import DataError
    from allcore.inference import gate, gate_fit, gate_samples
    from allcore.inference.predictor import Predictor

    cells = gate_samples.known(readers.read(data), folder)
    turns = gate_samples.rotations(cells.table, folder)
    predictor = Predictor.load(folder, device, threads=settings.load().threads, gated=False)
    paths = list(cells.paths())
    with tqdm(total=len(paths), unit="cell", disable=not sys.stderr.isatty()) as bar:
        read, places = gate_samples.read(
            predictor, gate_samples.pictures(paths), progress=lambda: bar.update()
        )
    if len(places) < len(paths):
        missing = paths[min(set(range(len(paths))) - set(places))]
        raise DataError(f"{missing} is missing or shows no cell on black: restore the data set.")
    chosen = [cells.root / path for path in gate_samples.altered(cells.table)]
    strange = gate_samples.strange(predictor, chosen, fields=fields)
    judged = gate_fit.judge(read, turns, strange.read)
    told = _told(judged, cells.table, strange, kind=predictor.info.split_kind) | {
        "weights_sha256": predictor.info.weights_sha256,
        "data_digest": predictor.info.training.get("data", {}).get("digest"),
        "command": shlex.join(["python", "-m", "allcore", *sys.argv[1:]]),
    }
    fitted = gate_fit.final(read, turns)
    gate.write(out, replace(fitted, facts=told))
    print(
        json.dumps(told, indent=2) if as_json else "\n".join([*_lines(told), f"Written to {out}."])
    )


def _told(
    judged: "Judged", cells: "pd.DataFrame", strange: "Turned", *, kind: str
) -> dict[str, Any]:
    """What was measured, as gate.json keeps it."""
    import numpy as np

    from allcore.inference.gate_fit import ACCEPTED, KEPT

    seen = np.isfinite(judged.accepted)
    before = {kind: total - _count(strange, kind) for kind, total in strange.shown.items()}
    return {
        "method": KEPT,
        "limit": f"lets through {ACCEPTED:.0%} of the cells of validation subjects",
        "judged_on": _JUDGED_ON[kind],
        "accepted": _share(judged.accepted, cells),
        "refused_by": judged.refused_by,
        "cells": int(seen.sum()),
        "subjects": int(cells["group"][seen].nunique()),
        "accepted_by_subject": _by_subject(judged.accepted, cells),
        "strangers": {
            kind: _strangers(before[kind], judged.strangers.get(kind, 0.0), total)
            for kind, total in strange.shown.items()
        },
        "methods": {
            name: {
                "accepted": _share(judged.known[name], cells),
                "refused": {kind: round(share, 4) for kind, share in found.items()},
            }
            for name, found in judged.methods.items()
        },
    }


def _count(strange: "Turned", kind: str) -> int:
    return len(strange.read[kind].logits) if kind in strange.read else 0


def _share(accepted: "Any", cells: "pd.DataFrame") -> dict[str, float]:
    """Share of judged cells let through, with its interval over subjects."""
    import numpy as np

    from allcore.evaluation import estimates, intervals

    seen = np.isfinite(accepted)
    table = cells[seen]
    _, groups = estimates.number_groups(table["group"].to_numpy(dtype=str))
    labels = (table["label"] == "all").to_numpy().astype(np.int64)
    found = intervals.share_over_subjects(accepted[seen].astype(bool), labels=labels, groups=groups)
    return {name: round(value, 4) for name, value in vars(found).items()}


def _by_subject(accepted: "Any", cells: "pd.DataFrame") -> dict[str, float]:
    """Share let through of each subject of whom fewer than nine in ten are."""
    share = cells.assign(accepted=accepted).groupby("subject")["accepted"].mean()
    low = share[share < 0.9].sort_values()
    return {str(subject): round(float(value), 3) for subject, value in low.items()}


def _strangers(before: int, of_rest: float, total: int) -> dict[str, float]:
    """Share of strangers refused, by the rungs before or by the gate, with Wilson's interval."""
    from allcore.evaluation import intervals

    refused = before + of_rest * (total - before)
    found = intervals.wilson(round(refused), total)
    return {"value": round(refused / total, 4), "low": round(found.low, 4), "n": total}


def _lines(told: dict[str, Any]) -> list[str]:
    """What people read."""
    from allcore.notice import RESEARCH_USE

    accepted = told["accepted"]
    lines = [
        RESEARCH_USE,
        f"Lets through {accepted['value']:.1%} ({accepted['low']:.1%} to {accepted['high']:.1%}) "
        f"of {told['cells']:,} cells of {told['subjects']} subjects, {told['judged_on']}.",
        f"{'Refused':38}{'gate':>7}{'n':>6}" + "".join(f"{name:>13}" for name in told["methods"]),
    ]
    for kind, found in told["strangers"].items():
        alone = [each["refused"].get(kind) for each in told["methods"].values()]
        shares = "".join(f"{'':>13}" if value is None else f"{value:13.1%}" for value in alone)
        lines.append(f"{kind:38}{found['value']:7.1%}{found['n']:6}{shares}")
    return lines
