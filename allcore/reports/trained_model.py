"""Model folder of a finished training run: operating point, estimates, measurements and card."""

import shutil

import numpy as np
import pandas as pd
import torch
from tqdm import tqdm

from allcore import model_folder
from allcore.data import cell_measurements
from allcore.data.prediction_import import PREDICTION_COLUMNS
from allcore.evaluation import model_evaluation, thresholds
from allcore.model_folder import ModelInfo
from allcore.nets import registry
from allcore.reports.model_card import document
from allcore.training import calibration, checkpoint, embedding, out_of_fold
from allcore.training.run import OperatingPoint, TrainingResult


def write(result: TrainingResult) -> ModelInfo:
    """Write every file of the model folder, and remove temporary files of the run.

    ``model.json`` and the card are written last: a killed run is not mistaken for a finished one.
    """
    plan, out = result.plan, result.plan.out
    point = result.operating_point or choose_operating_point(result.held_out)
    logits = result.held_out["logit"].to_numpy()
    held_out = result.held_out.assign(
        probability=calibration.probability(logits, point.temperature)
    )
    info = ModelInfo(
        name=out.name,
        architecture=plan.architecture,
        config=registry.config(plan.architecture, **plan.config),
        preprocessing=plan.preprocessing,
        temperature=point.temperature,
        threshold=point.threshold,
        threshold_rule=point.rule,
        weights_sha256=result.weights_sha256,
        training=result.training,
        folds_sha256=result.folds_sha256,
    )
    held_out[list(PREDICTION_COLUMNS)].to_parquet(out / model_folder.PREDICTIONS, index=False)
    pd.DataFrame(result.history).to_csv(out / model_folder.HISTORY, index=False)
    result.data.split.parts.rename_axis("image_id").to_csv(out / model_folder.SPLIT)
    _write_facts(result)
    _write_embeddings(result)
    model_folder.write_info(out, info)
    document.write_card(out)
    (out / checkpoint.FILE_NAME).unlink(missing_ok=True)
    shutil.rmtree(out / out_of_fold.PARTS, ignore_errors=True)
    return info


def choose_operating_point(held_out: pd.DataFrame) -> OperatingPoint:
    """Choose temperature and threshold from the validation rows.

    Subjects have equal weight where all are known, else cells.

    Raises:
        DataError: no validation cells, or only one class.
    """
    rows = held_out[held_out["split"] == "validation"]
    labels = np.where(rows["label"] == "all", 1, 0)
    groups = model_evaluation.subject_groups(rows)
    logits = rows["logit"].to_numpy()
    temperature = calibration.fit_temperature(logits, labels, groups)
    probabilities = calibration.probability(logits, temperature)
    choice = thresholds.choose_threshold("weighted_f1", labels, probabilities, groups)
    return OperatingPoint(temperature, choice.value, choice.sentence)


def _write_facts(result: TrainingResult) -> None:
    """Write measurements of the held-out cells, which galleries show where images are absent."""
    root = result.data.manifest.root
    rows = result.held_out
    paths = [
        (str(key), root / str(path))
        for key, path in zip(rows["image_id"], rows["path"], strict=True)
    ]
    with tqdm(total=len(paths), desc="Measuring cells", unit="cell", disable=None) as bar:
        table = cell_measurements.table(paths, progress=bar.update)
    model_folder.write_facts(result.plan.out, table)


def _write_embeddings(result: TrainingResult) -> None:
    """Write penultimate features of all cells and their 2-D map."""
    data, network, plan = result.data, result.network, result.plan
    pixels, device = torch.from_numpy(data.cells.pixels), next(network.parameters()).device
    vectors = embedding.features(network, pixels, plan.preprocessing, device=device)
    model_folder.write_embeddings(
        plan.out,
        data.manifest.table["image_id"].tolist(),
        vectors,
        embedding.flat_map(vectors, seed=plan.recipe.seed),
    )
