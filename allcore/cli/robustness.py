"""`evaluate --robustness`: the figures of held-out cells, altered by degrees."""

import json
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from allcore.data.manifest import Manifest
    from allcore.evaluation.robustness import Robustness
    from allcore.inference.perturbed_predictions import Answered, Held
    from allcore.model_folder import ModelInfo


def write(
    data: "Manifest", folder: Path, out: Path, *, device: str | None, cells: int, as_json: bool
) -> None:
    """Predict altered cells, write robustness.json and print it.

    Args:
        data: the data set.
        folder: the model's.
        out: folder to write to; it exists.
        device: where the networks run; None takes the setting.
        cells: how many are altered at most.
        as_json: print JSON instead of a table.

    Raises:
        DataError: no cell may be or can be predicted.
        ModelError: the model folder is damaged, or keeps no network for these cells.
    """
    from tqdm import tqdm

    from allcore import model_folder, settings
    from allcore.data.perturbations import SWEEPS
    from allcore.inference import perturbed_predictions as altered
    from allcore.reports import json_files

    chosen = settings.load()
    info = model_folder.read_info(folder)
    held = altered.held(data, info, folder, cells=cells)
    with tqdm(total=len(held.folds), unit="cell", disable=not sys.stderr.isatty()) as bar:
        answered = altered.answer(
            held, folder, SWEEPS, device=device or chosen.device, threads=chosen.threads,
            progress=bar.update,
        )  # fmt: skip
    found = _found(data, info, held, answered)
    json_files.write_robustness(found, out)
    if as_json:
        print(json.dumps(json_files.robustness_json(found), indent=2))
    else:
        print("\n".join(_lines(found, out)))


def _found(data: "Manifest", info: "ModelInfo", held: "Held", answered: "Answered") -> "Robustness":
    import numpy as np

    from allcore.data.perturbations import SWEEPS
    from allcore.evaluation import robustness

    table = held.manifest.table.iloc[list(answered.rows)]
    known = not table["subject"].isna().any()
    return robustness.Robustness(
        command=shlex.join(["python", "-m", "allcore", *sys.argv[1:]]),
        model=info.name,
        weights_sha256=info.weights_sha256,
        folds_sha256=None if set(held.folds) == {None} else info.folds_sha256,
        data=data.name,
        data_digest=data.labelled().digest(),
        threshold=info.threshold,
        cells=len(table),
        subjects=int(table["group"].nunique()) if known else None,
        alterations=tuple(robustness.alteration_of(sweep) for sweep in SWEEPS),
        rows=robustness.robustness_rows(
            answered.probabilities,
            SWEEPS,
            labels=np.where(table["label"] == "all", 1, 0),
            subjects=table["group"].to_numpy(dtype=str) if known else None,
            threshold=info.threshold,
        ),
    )


def _lines(found: "Robustness", out: Path) -> Iterator[str]:
    """What people read of altered cells: a line a level."""
    from allcore import formats
    from allcore.notice import RESEARCH_USE

    yield RESEARCH_USE
    subjects = "unknown subjects" if found.subjects is None else f"{found.subjects} subjects"
    yield f"{found.model} on {formats.count(found.cells, 'cell')} of {subjects}, altered:"
    for each in found.alterations:
        yield ""
        title = f"{each.title} ({each.unit})"
        yield f"{title:48}{'AUROC':>7}{'change':>8}   {'over subjects':20}{'flips':>6}"
        for row in found.of(each.name):
            change = row.changes["auroc"]
            bounds = "as it is" if row.level == each.unaltered else formats.bounds(change)
            yield (
                f"{row.level:>48g}{row.figures['auroc'].value:7.3f}{change.value:+8.3f}   "
                f"{bounds:20}{row.flipped.value:6.1%}"
            )
    yield ""
    yield f"Written to {out}."
