"""What a comparison found, as ``models/comparison/`` keeps it; imports no torch, for pages."""

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar

import pandas as pd

from allcore.errors import ModelError

Record = TypeVar("Record")

RESULTS = "results.json"
COSTS = "networks.json"
GAPS = "gaps.json"
TESTS = "tests.json"
HISTORY = "history.csv"
PREDICTIONS = "predictions.parquet"

NETWORKS = {
    "qcresnet": "QCResNet",
    "resnet18": "ResNet-18",
    "lenet5": "LeNet-5",
    "alexnet": "AlexNet",
    "vgg16": "VGG-16",
    "googlenet": "GoogLeNet",
    "eca_vgg16": "ECA-VGG16",
    "pyramid": "Pyramid CNN",
    "logistic": "Logistic regression",
    "svm": "SVM",
    "ensemble": "Ensemble",
    "area_brightness": "Area and brightness",
}
"""Title of each network, in the order of every table."""

PROTOCOLS = {"paper": "Paper's image split", "unseen": "Unseen subjects"}
"""Title of each protocol, in the order of every table."""

FIGURES = ("accuracy", "weighted_f1", "auroc", "ece", "sensitivity", "specificity")
"""The figures of a row, keys of ``allcore.evaluation.metrics.TITLES``."""

PREDICTION_COLUMNS = (
    "image_id", "subject", "group", "label", "network", "protocol", "fold", "logit", "probability",
)  # fmt: skip
HISTORY_COLUMNS = (
    "network", "protocol", "fold", "epoch", "seconds", "train_loss", "validation_loss",
    "validation_accuracy", "validation_auroc", "validation_auroc_balanced",
)  # fmt: skip


@dataclass(frozen=True)
class Figure:
    """A figure with its 95 % interval; NaN where undefined or where no interval can be given."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Row:
    """One network under one protocol.

    Attributes:
        network: key of ``NETWORKS``.
        protocol: key of ``PROTOCOLS``; intervals are over cells for ``paper``, over subjects for
            ``unseen``.
        command: the command line that made the row.
        cells: test cells, each predicted once.
        subjects: independent subjects they come from.
        folds: runs that the test cells are shared by.
        size: side of the input, pixels.
        epochs: at most so many a run.
        samples: cells drawn an epoch, 0 for as many as there are.
        init: where the weights began: none, imagenet or a file's name.
        seed: of splits and training.
        device: that trained.
        data: name of the data set.
        data_digest: SHA-256 of its manifest.
        budget: digest of every choice that all networks share.
        twins: test cells with a twin among the training cells.
        excluded: training and validation cells left out as twins of test cells, over all folds.
        seconds: training, all folds together.
        epochs_to_95: median over folds of the first epoch, from 1, that reaches 95 % of the run's
            best validation score; None where there are no epochs.
        members: networks that an ensemble is made of, or whose features are used.
    """

    network: str
    protocol: str
    accuracy: Figure
    weighted_f1: Figure
    auroc: Figure
    ece: Figure
    sensitivity: Figure
    specificity: Figure
    command: str
    cells: int
    subjects: int
    folds: int
    size: int
    epochs: int
    samples: int
    init: str
    seed: int
    device: str
    data: str
    data_digest: str
    budget: str
    twins: int
    excluded: int
    seconds: float
    epochs_to_95: float | None
    members: tuple[str, ...] = ()

    def figure(self, name: str) -> Figure:
        """One of ``FIGURES`` by name."""
        found: Figure = getattr(self, name)
        return found


@dataclass(frozen=True)
class Cost:
    """What a network costs: parameters, multiply-adds a cell, cells a second in batches of 32.

    None where it can't be said.
    """

    network: str
    parameters: int | None
    macs: int | None
    size: int
    images_per_second: float | None
    device: str


@dataclass(frozen=True)
class Gap:
    """How much a network's figure falls from the paper's protocol to unseen subjects."""

    network: str
    metric: str
    paper: float
    unseen: float
    gap: Figure


@dataclass(frozen=True)
class PairTest:
    """Two networks on the same cells; differences are a less b."""

    a: str
    b: str
    protocol: str
    cells: int
    only_a_right: int
    only_b_right: int
    mcnemar_p: float
    mcnemar_p_holm: float
    accuracy_difference: Figure
    auroc_difference: Figure


@dataclass(frozen=True)
class Comparison:
    """All of it: the tables, one history row an epoch, one prediction row a test cell."""

    rows: tuple[Row, ...] = ()
    costs: tuple[Cost, ...] = ()
    gaps: tuple[Gap, ...] = ()
    tests: tuple[PairTest, ...] = ()
    history: pd.DataFrame = field(
        default_factory=lambda: pd.DataFrame(columns=list(HISTORY_COLUMNS))
    )
    predictions: pd.DataFrame = field(
        default_factory=lambda: pd.DataFrame(columns=list(PREDICTION_COLUMNS))
    )

    def row(self, network: str, protocol: str) -> Row | None:
        """The row of a network under a protocol, if there is one."""
        found = (r for r in self.rows if (r.network, r.protocol) == (network, protocol))
        return next(found, None)

    def networks(self) -> list[str]:
        """The networks there are rows for, in the order of ``NETWORKS``."""
        present = {row.network for row in self.rows}
        return [name for name in NETWORKS if name in present]


def read(folder: Path) -> Comparison:
    """The comparison kept in a folder.

    Raises:
        ModelError: there is none, or a file of it is damaged.
    """
    if not (folder / RESULTS).is_file():
        raise ModelError(
            f"{folder} holds no comparison yet: make one with 'python -m allcore compare'."
        )
    return Comparison(
        rows=_rows(folder / RESULTS, Row),
        costs=_rows(folder / COSTS, Cost),
        gaps=_rows(folder / GAPS, Gap),
        tests=_rows(folder / TESTS, PairTest),
        history=_table(folder / HISTORY, HISTORY_COLUMNS),
        predictions=_table(folder / PREDICTIONS, PREDICTION_COLUMNS),
    )


def write(folder: Path, comparison: Comparison) -> None:
    """Write every file of a comparison; the same results give the same bytes.

    Each file is replaced whole, ``results.json`` last.
    """
    folder.mkdir(parents=True, exist_ok=True)
    history = ordered(comparison.history, "fold", "epoch")[list(HISTORY_COLUMNS)]
    history.to_csv(folder / HISTORY, index=False, lineterminator="\n", float_format="%.6g")
    predictions = ordered(comparison.predictions, "image_id")[list(PREDICTION_COLUMNS)]
    predictions.to_parquet(folder / PREDICTIONS, index=False)
    _write(folder / COSTS, comparison.costs)
    _write(folder / GAPS, comparison.gaps)
    _write(folder / TESTS, comparison.tests)
    _write(folder / RESULTS, comparison.rows)


def ordered(table: pd.DataFrame, *columns: str) -> pd.DataFrame:
    """A table by network and protocol in their usual order, then by other columns."""
    keys = pd.DataFrame(
        {
            "network": table["network"].map(list(NETWORKS).index),
            "protocol": table["protocol"].map(list(PROTOCOLS).index),
            **{column: table[column] for column in columns},
        }
    )
    order = keys.sort_values(["network", "protocol", *columns], kind="stable").index
    return table.loc[order].reset_index(drop=True)


def _rows(path: Path, kind: type[Record]) -> tuple[Record, ...]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return tuple(_record(kind, entry) for entry in found)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise _damaged(path, error) from error


def _record(kind: type[Record], entry: dict[str, Any]) -> Record:
    values: dict[str, Any] = {}
    for part in fields(kind):  # type: ignore[arg-type]
        value = entry[part.name]
        if part.type is Figure:
            value = Figure(**{key: _number(value[key]) for key in ("value", "low", "high")})
        elif part.name == "members":
            value = tuple(value)
        elif part.type is float:
            value = _number(value)
        values[part.name] = value
    return kind(**values)


def _number(value: float | None) -> float:
    return float("nan") if value is None else float(value)


def _table(path: Path, columns: Sequence[str]) -> pd.DataFrame:
    try:
        table = pd.read_csv(path) if path.suffix == ".csv" else pd.read_parquet(path)
        return table[list(columns)]
    except (OSError, ValueError, KeyError) as error:
        raise _damaged(path, error) from error


def _damaged(path: Path, error: Exception) -> ModelError:
    return ModelError(
        f"{path} can't be read ({type(error).__name__}): restore it, or run "
        "'python -m allcore compare' again."
    )


def _write(path: Path, records: Iterable[Any]) -> None:
    text = json.dumps([_plain(asdict(record)) for record in records], indent=1, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")


def _plain(value: Any) -> Any:
    """JSON's own types: six significant digits, null for NaN."""
    if isinstance(value, dict):
        return {key: _plain(part) for key, part in value.items()}
    if isinstance(value, float):
        return float(f"{value:.6g}") if math.isfinite(value) else None
    return value
