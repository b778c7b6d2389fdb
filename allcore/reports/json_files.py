"""Results as JSON files: frozen dataclasses in Python, null for numbers that are not finite.

``metrics.json`` of an evaluation, ``robustness.json`` of a model, the comparison of networks in
``models/comparison/``, and one file per experiment.
"""

import dataclasses
import json
import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar, cast, get_args, get_origin, get_type_hints

import pandas as pd

from allcore import model_folder, notice
from allcore.errors import ModelError
from allcore.evaluation import comparison, experiments
from allcore.evaluation.comparison import NetworkComparison
from allcore.evaluation.estimates import Estimate
from allcore.evaluation.experiments import ExperimentRecord
from allcore.evaluation.model_evaluation import ModelEvaluation, SplitEvaluation
from allcore.evaluation.robustness import Robustness

METRICS = "metrics.json"
RESULTS = "results.json"
COSTS = "networks.json"
GAPS = "gaps.json"
TESTS = "tests.json"
HISTORY = "history.csv"
PREDICTIONS = "predictions.parquet"
COMPARISON_FILES = (RESULTS, COSTS, GAPS, TESTS, HISTORY, PREDICTIONS)

Record = TypeVar("Record")

_COMPARE_AGAIN = "restore it, or run 'python -m allcore compare' again"
_WRITE_ROBUSTNESS = "python -m allcore evaluate --robustness"


def json_value(value: Any, *, digits: int | None = None) -> Any:
    """Convert a value to JSON types, with null for numbers that are not finite.

    Args:
        value: nested dataclasses, dictionaries, sequences and plain values.
        digits: significant digits of floats; None for all digits.
    """
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        value = dataclasses.asdict(value)
    if isinstance(value, dict):
        return {key: json_value(part, digits=digits) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [json_value(part, digits=digits) for part in value]
    if isinstance(value, float):
        if not math.isfinite(value):
            return None
        return value if digits is None else float(f"{value:.{digits}g}")
    return value


def from_json(kind: type[Record], value: Any) -> Record:
    """Decode the output of `json_value` into a dataclass, or into the type of a field.

    Raises:
        KeyError, TypeError, ValueError: the structure of `value` does not match `kind`.
    """
    arguments = get_args(kind)
    decoded: Any = value
    if kind is float:
        decoded = math.nan if value is None else float(value)
    elif dataclasses.is_dataclass(kind):
        hints = get_type_hints(kind)
        required = {f.name for f in dataclasses.fields(kind) if f.default is dataclasses.MISSING}
        present = {name: hints[name] for name in hints if name in required or name in value}
        decoded = kind(**{name: from_json(hint, value[name]) for name, hint in present.items()})
    elif get_origin(kind) is tuple:
        decoded = tuple(from_json(arguments[0], part) for part in value)
    elif get_origin(kind) is dict:
        decoded = {name: from_json(arguments[1], part) for name, part in value.items()}
    return cast(Record, decoded)


_SPLITS = {"apart": "subject", "shared": "image", "unknown": "unknown"}


def evaluation_json(evaluation: ModelEvaluation) -> dict[str, Any]:
    """Content of ``metrics.json``: every estimate with both intervals."""
    fields = ("temperature", "threshold", "threshold_rule", "baseline_threshold")
    splits = {"test": evaluation.test, "validation": evaluation.validation}
    return {
        "notice": notice.RESEARCH_USE,
        "model": evaluation.model,
        "weights_sha256": evaluation.weights_sha256,
        "split": _SPLITS[evaluation.separation.state],
        "unseen_subjects": evaluation.separation.new_subjects,
        "subjects": evaluation.separation.sentence,
        **{name: getattr(evaluation, name) for name in fields},
        **{name: split and _split_json(split) for name, split in splits.items()},
    }


def write_metrics(evaluation: ModelEvaluation, path: Path) -> None:
    """Write ``metrics.json``."""
    text = json.dumps(evaluation_json(evaluation), indent=2, allow_nan=False)
    path.write_text(text + "\n", encoding="utf-8")


def _split_json(split: SplitEvaluation) -> dict[str, Any]:
    return {
        "cells": split.cells,
        "subjects": split.independent_subjects,
        "blast": json_value(split.blast),
        "normal": json_value(split.normal),
        "confusion": {name: int(n) for name, n in dataclasses.asdict(split.confusion).items()},
        "figures": estimates_json(split.estimates),
        "baseline": estimates_json(split.baseline),
        "by_subject": json_value(split.subjects),
        "notes": list(split.notes),
    }


def estimates_json(estimates: Iterable[Estimate]) -> dict[str, Any]:
    """Estimates by name, each with its interval over cells and over subjects."""
    return {
        estimate.name: {
            "value": json_value(float(estimate.value)),
            "image": json_value(estimate.over_cells),
            "subject": json_value(estimate.over_subjects),
        }
        for estimate in estimates
    }


def read_comparison(folder: Path) -> NetworkComparison:
    """Read the comparison in a folder; a ModelError where a file is missing or damaged."""
    if not (folder / RESULTS).is_file():
        raise ModelError(
            f"{folder} holds no comparison yet: make one with 'python -m allcore compare'."
        )
    return NetworkComparison(
        rows=_read_records(folder / RESULTS, comparison.ComparisonRow),
        costs=_read_records(folder / COSTS, comparison.NetworkCost),
        gaps=_read_records(folder / GAPS, comparison.ProtocolGap),
        tests=_read_records(folder / TESTS, comparison.PairTest),
        history=_read_table(folder / HISTORY, comparison.HISTORY_COLUMNS),
        predictions=_read_table(folder / PREDICTIONS, comparison.PREDICTION_COLUMNS),
    )


def write_comparison(folder: Path, results: NetworkComparison) -> None:
    """Write every file of a comparison; equal results give equal bytes.

    Each file is replaced as a whole, ``results.json`` last.
    """
    folder.mkdir(parents=True, exist_ok=True)
    history = _sorted_by_network(results.history, "fold", "epoch")
    history[list(comparison.HISTORY_COLUMNS)].to_csv(
        folder / HISTORY, index=False, lineterminator="\n", float_format="%.6g"
    )
    predictions = _sorted_by_network(results.predictions, "image_id")
    predictions[list(comparison.PREDICTION_COLUMNS)].to_parquet(folder / PREDICTIONS, index=False)
    tables = (results.costs, results.gaps, results.tests, results.rows)
    for name, rows in zip((COSTS, GAPS, TESTS, RESULTS), tables, strict=True):
        plain = json_value(rows, digits=6)
        text = json.dumps(plain, indent=1, ensure_ascii=False) + "\n"
        (folder / name).write_text(text, encoding="utf-8")


def experiment_file(folder: Path, name: str) -> Path:
    """Return the path of an experiment's file."""
    return folder / f"{name}.json"


def read_experiment(folder: Path, name: str) -> ExperimentRecord:
    """Read one of `experiments.NAMES`; a ModelError where its file is missing or damaged."""
    path = experiment_file(folder, name)
    listed = "if 'python -m allcore experiment --list' names it"
    if not path.is_file():
        raise ModelError(
            f"The experiment '{name}' has no record: restore {path}, or run it, {listed}."
        )
    with _readable(path, f"restore it, or run it again, {listed}"):
        return from_json(ExperimentRecord, json.loads(path.read_text(encoding="utf-8")))


def read_experiments(folder: Path) -> list[ExperimentRecord]:
    """Read every finished experiment, in the order of `experiments.NAMES`."""
    names = (name for name in experiments.NAMES if experiment_file(folder, name).is_file())
    return [read_experiment(folder, name) for name in names]


def write_experiment(folder: Path, record: ExperimentRecord) -> None:
    """Write one experiment atomically; equal results give equal bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(json_value(record, digits=6), indent=1, ensure_ascii=False)
    part = folder / f"{record.name}.json.part"
    part.write_text(text + "\n", encoding="utf-8")
    part.replace(experiment_file(folder, record.name))


def read_robustness(folder: Path) -> Robustness | None:
    """Read ``robustness.json`` of a model folder; None where it is missing.

    Raises:
        ModelError: it is damaged or of another version.
    """
    path = folder / model_folder.ROBUSTNESS
    if not path.exists():
        return None
    with _readable(path, f"write it again with '{_WRITE_ROBUSTNESS} --out {folder}'"):
        fields = json.loads(path.read_text(encoding="utf-8"))
        if set(fields) != {"notice"} | {field.name for field in dataclasses.fields(Robustness)}:
            raise ValueError("fields of another version")
        return from_json(Robustness, fields)


def write_robustness(results: Robustness, folder: Path) -> None:
    """Write ``robustness.json`` into a folder."""
    text = json.dumps(robustness_json(results), indent=1, allow_nan=False)
    (folder / model_folder.ROBUSTNESS).write_text(text + "\n", encoding="utf-8")


def robustness_json(results: Robustness) -> dict[str, Any]:
    """Content of ``robustness.json``; each row repeats the unit of its level."""
    units = {alteration.name: alteration.unit for alteration in results.alterations}
    fields: dict[str, Any] = {"notice": notice.RESEARCH_USE} | json_value(results)
    return fields | {"rows": [row | {"unit": units[row["alteration"]]} for row in fields["rows"]]}


def _sorted_by_network(table: pd.DataFrame, *columns: str) -> pd.DataFrame:
    """Sort a table by network and protocol in their standard order, then by other columns."""
    keys = table[list(columns)].assign(
        network=table["network"].map(list(comparison.NETWORKS).index),
        protocol=table["protocol"].map(list(comparison.PROTOCOLS).index),
    )
    order = keys.sort_values(["network", "protocol", *columns], kind="stable").index
    return table.loc[order].reset_index(drop=True)


def _read_records(path: Path, kind: type[Record]) -> tuple[Record, ...]:
    with _readable(path, _COMPARE_AGAIN):
        entries = json.loads(path.read_text(encoding="utf-8"))
        return tuple(from_json(kind, entry) for entry in entries)


def _read_table(path: Path, columns: Sequence[str]) -> pd.DataFrame:
    with _readable(path, _COMPARE_AGAIN):
        table = pd.read_csv(path) if path.suffix == ".csv" else pd.read_parquet(path)
        return table[list(columns)]


@contextmanager
def _readable(path: Path, remedy: str) -> Iterator[None]:
    """Turn the errors of a missing or damaged file into one sentence."""
    try:
        yield
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelError(f"{path} can't be read ({type(error).__name__}): {remedy}.") from error
