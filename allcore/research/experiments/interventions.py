"""Experiment: sensitivity of a trained model to single properties of held-out images."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from scipy.special import expit
from tqdm import tqdm

from allcore import model_folder
from allcore.data import cells, readers, sampling
from allcore.data.images import decoding
from allcore.data.manifest import Manifest
from allcore.data.perturbations import Cell
from allcore.errors import AllScopeError, BadImage, DataError, ModelError
from allcore.evaluation import experiments, paired, robustness
from allcore.evaluation.experiments import ExperimentRecord, ExperimentRow
from allcore.evaluation.intervals import Interval
from allcore.evaluation.metrics import Floats
from allcore.inference import held_out
from allcore.inference.predictor import Predictor
from allcore.model_folder import ModelInfo
from allcore.research.experiments import statistics, trials
from allcore.research.experiments.interventions_catalogue import INTERVENTIONS, CommonCell
from allcore.research.experiments.options import ExperimentOptions
from allcore.research.experiments.statistics import change

UNCHANGED = "unchanged"
UNCHANGED_TITLE = "Nothing"
SMALL = 0.02
"""Maximum change of AUROC that counts as small."""
STABLE = ("darker", "brighter", "redder", "bluer", "eroded", "black", "jpeg", "turned")
NEEDED = ("blurred", "noise")
PREDICTION = (
    "Brightness, stain, margin, background, compression and direction matter little: each moves "
    f"the AUROC by less than {SMALL}, for cells are normalised and training varies all of them. "
    "Texture is what the answers hang on: blurring the inside, and silhouettes filled with noise, "
    "lower the AUROC clearly."
)
TITLES = {
    "auroc": "AUROC", "change": "Change of AUROC", "flipped": "Calls that flip (share of cells)",
}  # fmt: skip
CHUNK = 32


@dataclass(frozen=True)
class HeldOutCells:
    """Test cells of a model."""

    manifest: Manifest  # of the cells
    trained_on: bool  # whether the network that ships was trained on their subjects


def run(options: ExperimentOptions) -> ExperimentRecord:
    """Predict the same held-out cells unchanged and with each intervention, for every model.

    Raises:
        DataError: the data set can't be used.
        ModelError: there is no model to evaluate, or one can't be used.
    """
    data = readers.read(options.data).labelled()
    rows: list[ExperimentRow] = []
    notes: list[str] = []
    names = models(options.models)
    for name in names:
        predictor = Predictor.load(
            model_folder.folder(name), options.device, threads=options.threads
        )
        judged = held_out_cells(data, predictor.info, model_folder.folder(name))
        sample = sampling.draw_sample(judged.manifest, cells=options.cells)
        table = _logits(predictor, sample, options)
        rows += _rows(name, predictor.info, sample.table.loc[table.index], table)
        notes += _notes_of(predictor.info, judged, refused=len(sample) - len(table))
    return ExperimentRecord(
        name="interventions",
        title="What do the models' answers hang on?",
        question="How do the answers change when one thing in the picture is changed?",
        why="What a model does not use it can't have learned from; what it needs shows what it "
        "goes by.",
        prediction=PREDICTION,
        command=options.command,
        data=data.name,
        data_digest=data.digest(),
        device=trials.device_name(predictor.device),
        titles=TITLES,
        rows=tuple(rows),
        finding=finding(rows, names),
        notes=(*notes, *_NOTES),
    )


def models(names: Sequence[str]) -> list[str]:
    """Return the models of these names; without names every installed one with predictions.

    Raises:
        ModelError: there is none.
    """
    chosen = list(names) or [
        name
        for name in model_folder.names()
        if (model_folder.folder(name) / model_folder.PREDICTIONS).is_file()
    ]
    if not chosen:
        raise ModelError("No trained model is installed: train one, or set ALLSCOPE_MODELS.")
    return chosen


def held_out_cells(data: Manifest, info: ModelInfo, folder: Path) -> HeldOutCells:
    """Held-out cells of the model, else those of its out-of-fold predictions.

    Raises:
        DataError: the model's training includes these cells and none was held out.
        ModelError: its folder is damaged.
    """
    try:
        table = held_out.select(data, info, folder).manifest.table
    except DataError:
        known = model_folder.read_predictions(folder)["image_id"]
        table = data.table[data.table["image_id"].isin(set(known))].reset_index(drop=True)
        if table.empty:
            raise
        return HeldOutCells(Manifest(data.root, table, data.name), trained_on=True)
    tested = table[table["split"] == "test"].reset_index(drop=True)
    chosen = tested if tested["label"].nunique() == 2 else table
    return HeldOutCells(Manifest(data.root, chosen, data.name), trained_on=False)


def finding(rows: Sequence[ExperimentRow], names: Sequence[str]) -> str:
    """Sentences on the largest change of AUROC of each model, and on the written prediction."""
    title_of = {intervention.name: intervention.title for intervention in INTERVENTIONS}
    by_model = {
        name: {row.name: row.figures["change"] for row in rows
               if row.group == name and row.name != UNCHANGED_TITLE}
        for name in names
    }  # fmt: skip
    lines = []
    for name, changes in by_model.items():
        worst = sorted(changes, key=lambda title: changes[title].value)[:3]
        losses = "; ".join(f"{title} ({change(changes[title])})" for title in worst)
        lines.append(f"{name} loses most AUROC by: {losses}.")
    large = [t for t in map(title_of.__getitem__, STABLE) if _any_large(by_model, t)]
    needed = [title_of[name] for name in NEEDED]
    clear = all(
        statistics.below(intervention[title])
        for intervention in by_model.values()
        for title in needed
    )
    parts = [
        (f"what should matter little moves the AUROC by less than {SMALL}"
         + (f" (more: {'; '.join(large)})" if large else ""), not large),
        ("blur and silhouettes of noise lower it clearly", clear),
    ]  # fmt: skip
    return " ".join([*lines, experiments.prediction_verdict(parts)])


_NOTES = (
    "The cells are a random sample of the held-out ones, half of each class, with as many cells of "
    "each subject as there are turns; intervals are over subjects, changes are paired. A call is a "
    "blast from the model's own threshold on.",
    "A changed picture is one that training may never have shown, so that a drop can come from the "
    "strangeness itself; a figure that stays says for sure that nothing of what was taken away was "
    "needed.",
)


def _any_large(by_model: Mapping[str, Mapping[str, Interval]], title: str) -> bool:
    return any(abs(changes[title].value) >= SMALL for changes in by_model.values())


def _logits(predictor: Predictor, sample: Manifest, options: ExperimentOptions) -> pd.DataFrame:
    """Log-odds, one column an intervention, indexed by row of the sample, without refused cells.

    Stored in chunks, so that a killed run resumes.
    """
    common = _common(sample)
    parts = []
    starts = range(0, len(sample), CHUNK)
    for start in tqdm(starts, desc=predictor.info.name, unit="chunk", disable=None):
        chosen = sample.table.iloc[start : start + CHUNK]
        key: dict[str, Any] = {
            "model": predictor.info.weights_sha256,
            "preprocessing": predictor.info.preprocessing.to_dict(),
            "cells": chosen["image_id"].tolist(),
            "data": [sample.name, str(sample.root)],
            "common": [*common.mean.tolist(), *common.deviation.tolist(), common.area],
            "alterations": [intervention.name for intervention in INTERVENTIONS],
        }
        paths = dict(enumerate(sample.paths()[start : start + CHUNK], start))
        chunk = trials.cached(options.work, key, _answering(predictor, paths, common))
        parts.append(pd.DataFrame(chunk["logits"], index=chunk["rows"]))
    table = pd.concat([part for part in parts if len(part)] or [pd.DataFrame()])
    if table.empty:
        raise DataError(f"{predictor.info.name} refused every cell of {sample.root}.")
    return table


def _answering(
    predictor: Predictor, paths: Mapping[int, Path], common: CommonCell
) -> Callable[[], dict[str, Any]]:
    """Return the function that predicts a chunk: rows, and the log-odds of each intervention."""

    def answer() -> dict[str, Any]:
        pictures = {row: cell for row, path in paths.items() if (cell := _read(path))}
        cut: dict[str, list[torch.Tensor]] = {UNCHANGED: []}
        for cell in pictures.values():
            cut[UNCHANGED].append(_cut(predictor, cell))
            for intervention in INTERVENTIONS:
                changed = _cut(predictor, intervention.change(cell, common))
                cut.setdefault(intervention.name, []).append(changed)
        logits = {
            name: predictor.logits(torch.stack(batch)).tolist() if batch else []
            for name, batch in cut.items()
        }
        return {"rows": list(pictures), "logits": logits}

    return answer


def _cut(predictor: Predictor, cell: Cell) -> torch.Tensor:
    crop = predictor.info.preprocessing.crop(cell.rgb, cell.mask)
    return torch.from_numpy(crop.transpose(2, 0, 1).copy())


def _read(path: Path) -> Cell | None:
    """Read an image and segment its cell; None without a cell.

    Raises:
        DataError: the file is missing or can't be decoded.
    """
    try:
        rgb = cells.centre_crop(decoding.decode_file(path))
    except (OSError, BadImage) as error:
        raise DataError(f"{path} can't be read ({error}): complete the data set.") from error
    mask = cells.mask_of(rgb)
    return Cell(rgb, mask) if mask.any() else None


def _common(sample: Manifest) -> CommonCell:
    """Average cell of the subject-balanced sample."""
    means, deviations, areas = [], [], []
    for path in sample.paths():
        cell = _read(path)
        if cell is not None:
            try:
                facts = cells.cell_stats(cell.rgb, cell.mask)
            except BadImage:
                continue
            means.append(facts.mean_rgb)
            deviations.append(facts.std_rgb)
            areas.append(facts.area)
    if not areas:
        raise AllScopeError(f"No picture of {sample.root} shows a cell on black.")
    return CommonCell(np.mean(means, axis=0), np.mean(deviations, axis=0), float(np.mean(areas)))


def _rows(
    name: str, info: ModelInfo, cells_of: pd.DataFrame, table: pd.DataFrame
) -> list[ExperimentRow]:
    """Rows of all interventions, the unchanged cells first."""
    labels = np.where(cells_of["label"] == "all", 1, 0)
    groups = cells_of["group"].to_numpy(dtype=str)
    probability = {
        str(key): np.asarray(expit(table[key].to_numpy(dtype=float) / info.temperature))
        for key in table
    }
    resampled = {
        key: paired.resample_metrics(
            labels=labels, probabilities=probabilities, subjects=groups, threshold=info.threshold
        )
        for key, probabilities in probability.items()
    }
    titles = {UNCHANGED: UNCHANGED_TITLE} | {
        intervention.name: intervention.title for intervention in INTERVENTIONS
    }
    before = probability[UNCHANGED] >= info.threshold
    rows = []
    for key, title in titles.items():
        figures = {"auroc": _auroc(labels, probability[key], groups)}
        if key != UNCHANGED:
            less = paired.paired_difference(resampled[key], resampled[UNCHANGED], "auroc")
            figures["change"] = less
            flipped = (probability[key] >= info.threshold) != before
            share = robustness.flagged_share(flipped, labels=labels, subjects=groups)
            figures["flipped"] = share
        rows.append(ExperimentRow(title, figures, len(labels), len(np.unique(groups)), group=name))
    return rows


def _auroc(labels: NDArray[np.int_], probability: Floats, groups: NDArray[np.str_]) -> Interval:
    estimates = statistics.pooled(labels=labels, probabilities=probability, subjects=groups)
    return estimates["auroc"].over_subjects


def _notes_of(info: ModelInfo, sample: HeldOutCells, *, refused: int) -> list[str]:
    notes = []
    if sample.trained_on:
        notes.append(
            f"{info.name} was trained on all subjects after its folds: these cells are not held "
            "out for the network that ships. Its AUROC here is no measure of how good it is; what "
            "its answers hang on is."
        )
    if info.preprocessing.normalisation == "cell":
        notes.append(
            f"{info.name} normalises each cell by its own mean and deviation: of a silhouette of "
            "one colour it sees the softened edge alone, so that the silhouette of noise shows "
            "better what the outline is worth to it."
        )
    if refused:
        notes.append(f"{refused} pictures without a cell were left out for {info.name}.")
    return notes
