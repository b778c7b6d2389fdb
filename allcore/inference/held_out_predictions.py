"""Predictions of a model for labelled images outside its training."""

from collections.abc import Callable

import pandas as pd
from scipy.special import expit

from allcore import model_folder
from allcore.data.manifest import Manifest
from allcore.data.prediction_import import PREDICTION_COLUMNS
from allcore.errors import DataError, ModelError
from allcore.inference import held_out, image_sources, streaming
from allcore.inference.predictor import Predictor
from allcore.model_folder import InstalledModel

_TEXT_COLUMNS = ("image_id", "path", "subject", "group", "label", "split")


def predict(
    images: Manifest,
    model: InstalledModel,
    predictor: Predictor,
    *,
    forward: streaming.Forward | None = None,
    workers: int | None = None,
    progress: Callable[[], object] = lambda: None,
) -> pd.DataFrame:
    """Return the predictions table of labelled images, without refused ones.

    Fold and baseline of an image come from the predictions in the model folder, where present.

    Args:
        images: with the column ``split``, as ``held_out.select`` returns it.
        model: the installed model.
        predictor: the same model's, without its gate.
        forward: the pass through the network; ``predictor.read`` by default.
        workers: as in ``stream_predictions``; 1 calls ``forward`` in the order of the images.
        progress: called once an image.

    Returns:
        The columns of ``PREDICTION_COLUMNS``.

    Raises:
        DataError: every image was refused.
    """
    logits: dict[str, float] = {}
    reason = ""
    sources = image_sources.walk(images.paths())
    for answer in streaming.stream_predictions(
        predictor, sources, forward=forward, workers=workers
    ):
        progress()
        if answer.prediction.logit is None:
            reason = reason or answer.row.reason
        else:
            logits[answer.row.path] = answer.prediction.logit
    table = images.table.copy()
    table["logit"] = [logits.get(image_sources.source_name(path)) for path in images.paths()]
    table = table[table["logit"].notna()].reset_index(drop=True)
    if table.empty:
        raise DataError(
            f"None of the {len(images)} images of {images.root} could be answered; the first: "
            f"{reason}"
        )
    table["probability"] = expit(table["logit"].to_numpy(dtype=float) / model.info.temperature)
    table = table.drop(columns="fold").merge(_folds(model), on="image_id", how="left")
    table["fold"] = table["fold"].fillna(0).astype(int)
    return pd.DataFrame(table[list(PREDICTION_COLUMNS)]).astype(
        {"logit": float, "baseline_probability": float} | dict.fromkeys(_TEXT_COLUMNS, "str")
    )


def predicted_images(data: Manifest, model: InstalledModel) -> Manifest:
    """Images of a data set with predictions in the model folder, else its held-out images.

    Raises:
        DataError: no image has a label, or none may be evaluated.
        ModelError: the model folder is damaged.
    """
    known = data.table["image_id"].isin(set(_folds(model)["image_id"]))
    if known.any():
        return Manifest(data.root, data.table[known].reset_index(drop=True), data.name)
    return held_out.select(data, model.info, model.folder).manifest


def _folds(model: InstalledModel) -> pd.DataFrame:
    """Fold and baseline of the images with predictions in the model folder."""
    columns = ["image_id", "fold", "baseline_probability"]
    try:
        return model_folder.read_predictions(model.folder)[columns]
    except ModelError:  # the model has not been evaluated before
        return pd.DataFrame({column: [] for column in columns}).astype({"image_id": str})
