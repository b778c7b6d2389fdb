"""Answers for the labelled cells of a laboratory, each by a network that never saw the subject.

Cells of other data than the model's own are answered by the network that ships. Of an out-of-fold
model's own data each subject is answered by the network of its fold; of any other model's own data
only the test part is answered.
"""

import json
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import CancelledError
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import special
from torch import Tensor

from allcore import model_folder
from allcore.data import subjects
from allcore.data.manifest import Manifest
from allcore.errors import DataError, Stopped
from allcore.inference import held_out, image_sources, smear, streaming
from allcore.inference.predictor import Predictor
from allcore.inference.results import Prediction, Reading
from allcore.inference.smear import Fields
from allcore.model_folder import InstalledModel

COLUMNS = ("image_id", "subject", "group", "label", "fold", "cell", "log_odds", "check", "reason")
"""Columns of a table of answers, one row a cell: ``cell`` is its number in a field, ``log_odds``
the model's calibrated ones (NaN where the network can't run), ``check`` the failed check of a
refusal."""
SHIPPED = -1
"""Fold of cells that the network that ships answers."""
_FACTS = ("data", "data_digest", "fields", "own", "new_subjects", "left_out")
_METADATA = "allscope"
_ROUNDING = 1e-15  # largest distance of a probability from 0 and 1 that has no finite log-odds


@dataclass(frozen=True)
class SiteAnswers:
    """Answers for the labelled cells of a data set."""

    table: pd.DataFrame  # COLUMNS
    data: str  # name of the data set
    data_digest: str
    fields: bool  # whether pictures were read as smear fields
    own: bool  # whether the cells are of the model's own data set
    new_subjects: bool  # whether no network was trained on a subject that it answers
    left_out: int  # labelled images without a network that never saw them

    @property
    def images(self) -> int:
        """Number of labelled images that were answered or refused."""
        return int(self.table["image_id"].nunique())


def answer(
    data: Manifest,
    model: InstalledModel,
    predictor: Predictor,
    *,
    mode: smear.Mode | None = None,
    batch_size: int = 32,
    progress: Callable[[int, int], object] = lambda done, total: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> SiteAnswers:
    """Answer the labelled images of a data set.

    Args:
        data: the data set.
        model: the model, without a site profile.
        predictor: the same model's, with its gate.
        mode: which pictures are read as smear fields; None for none.
        batch_size: cells in one pass.
        progress: called with the numbers of finished images and of all.
        cancelled: whether to stop.

    Raises:
        DataError: no image has a label, or the model was trained on all of them.
        ModelError: the model folder is damaged.
        Stopped: ``cancelled`` said so.
    """
    labelled = data.labelled().table
    fold = networks(labelled, model)
    chosen = labelled[fold.notna()].assign(fold=fold.dropna().astype(int))
    if chosen.empty:
        raise DataError(
            f"{model.name} was trained on every labelled image of {data.root}: validate it on "
            "images that it hasn't seen."
        )
    fields = None if mode is None else _fields(data, chosen, predictor, mode)
    rows: list[dict[str, Any]] = []
    done = 0

    def watch(_done: int, _total: int) -> None:
        if cancelled():
            raise CancelledError

    for number, part in chosen.groupby("fold"):
        images = {_name(data, image["path"]): image for image in part.to_dict("records")}
        stream = streaming.stream_predictions(
            predictor,
            list(image_sources.walk((data.root / path for path in part["path"]), large=True)),
            batch_size=batch_size,
            forward=_forward(model, predictor, int(str(number))),
            fields=fields,
            watch=watch,
        )
        last = ""
        try:
            for streamed in stream:
                watch(0, 0)
                rows.append(_row(images[streamed.row.path], streamed))
                done += streamed.row.path != last
                last = streamed.row.path
                progress(done, len(chosen))
        except CancelledError:
            stream.close()
            raise Stopped("Stopped: nothing is kept.") from None
    own = bool((chosen["fold"] != SHIPPED).any()) or _is_own(labelled, model)
    return SiteAnswers(
        table=pd.DataFrame(rows, columns=list(COLUMNS)),
        data=data.name,
        data_digest=data.digest(),
        fields=mode is not None,
        own=own,
        new_subjects=not own or bool(model.info.separation.new_subjects),
        left_out=len(labelled) - len(chosen),
    )


def write(answers: SiteAnswers, path: Path) -> None:
    """Write answers as Parquet, with the facts in its metadata; at once or not at all."""
    import pyarrow as pa
    import pyarrow.parquet

    facts = {name: getattr(answers, name) for name in _FACTS}
    table = pa.Table.from_pandas(answers.table, preserve_index=False)
    table = table.replace_schema_metadata({_METADATA: json.dumps(facts)})
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    pyarrow.parquet.write_table(table, unfinished)
    unfinished.replace(path)


def read(path: Path) -> SiteAnswers | None:
    """Read answers; None where there are none, or not in this form."""
    import pyarrow.parquet

    try:
        table = pyarrow.parquet.read_table(path)
        facts = json.loads(table.schema.metadata[_METADATA.encode()])
        return SiteAnswers(table.to_pandas()[list(COLUMNS)], **facts)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def networks(table: pd.DataFrame, model: InstalledModel) -> "pd.Series[float]":
    """Fold of the network that answers each image, or ``SHIPPED``; NaN where every network saw it.

    Images count as the model's own data set where its split names one of them at least; subjects
    of other data sets may have the names of training subjects by chance.

    Raises:
        ModelError: the model folder is damaged.
    """
    shipped = pd.Series(float(SHIPPED), index=table.index)
    if not _is_own(table, model):
        return shipped
    if not model.info.training.get("out_of_fold") or model.info.folds_sha256 is None:
        parts = held_out.parts(table, model.info, model.folder)
        return shipped.where(parts == "test")
    known = model_folder.read_predictions(model.folder)
    known = known.assign(original=known["image_id"].map(subjects.original_id))
    by_image = known.drop_duplicates("original").set_index("original")["fold"]
    by_group = known.dropna(subset="group").drop_duplicates("group").set_index("group")["fold"]
    fold = table["image_id"].map(subjects.original_id).map(by_image).astype(float)
    fold = fold.fillna(table["group"].map(by_group).astype(float))
    # Known subjects that no network was trained on.
    return fold.where(fold.notna() | table["subject"].isna(), shipped)


def _is_own(table: pd.DataFrame, model: InstalledModel) -> bool:
    split = model_folder.read_split(model.folder)
    trained = set(split.index.map(subjects.original_id))
    return bool(table["image_id"].map(subjects.original_id).isin(trained).any())


def _fields(data: Manifest, chosen: pd.DataFrame, predictor: Predictor, mode: smear.Mode) -> Fields:
    appearance = None if predictor.gate is None else predictor.gate.appearance
    sources = image_sources.walk((data.root / path for path in chosen["path"]), large=True)
    return smear.measure_fields(sources, mode, appearance)


def _forward(model: InstalledModel, predictor: Predictor, fold: int) -> streaming.Forward:
    """The pass by a fold's network; scores of the gate are of the network that ships."""
    if fold == SHIPPED:
        return predictor.read
    network = model_folder.load_fold_network(model.folder, fold, predictor.device)
    own = Predictor(network, model.info, predictor.device, precision=predictor.precision)

    def forward(cells: Tensor) -> Sequence[Reading]:
        # The output of a fold's network is calibrated.
        logits = own.logits(cells) * model.info.temperature
        readings = predictor.read(cells)
        return [
            Reading(logit, reading.ood_score)
            for logit, reading in zip(logits.tolist(), readings, strict=True)
        ]

    return forward


def _name(data: Manifest, path: str) -> str:
    return image_sources.source_name(data.root / path)


def _row(image: Mapping[Any, Any], streamed: streaming.StreamedPrediction) -> dict[str, Any]:
    prediction = streamed.prediction
    values = {name: image[name] for name in ("image_id", "subject", "group", "label", "fold")}
    return values | {
        "cell": getattr(streamed.row, "cell", ""),
        "log_odds": _log_odds(prediction),
        "check": prediction.check or "",
        "reason": prediction.reason,
    }


def _log_odds(prediction: Prediction) -> float:
    """Calibrated log-odds of an answer, or those that its refusal withholds; NaN without any."""
    probability = prediction.withheld if prediction.p_all is None else prediction.p_all
    if probability is None:
        return float("nan")
    return float(special.logit(np.clip(probability, _ROUNDING, 1 - _ROUNDING)))
