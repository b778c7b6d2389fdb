"""Tables of a comparison: for pages, for export, by subject, and learning curves."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from allcore import formats, notice
from allcore.evaluation import metrics
from allcore.evaluation.comparison import (
    METRICS,
    NETWORKS,
    PROTOCOLS,
    ComparisonRow,
    NetworkComparison,
    ProtocolGap,
)
from allcore.evaluation.intervals import Interval
from allcore.reports import comparison_text

OPERATING_POINT = 0.5
"""Probability at or above which a cell is called an ALL blast, fixed in advance."""


def comparison_table(
    comparison: NetworkComparison, *, figures: Sequence[str], protocols: Sequence[str]
) -> pd.DataFrame:
    """Table with one row per network, best weighted F1 on unseen subjects first.

    Args:
        figures: metrics of `comparison.METRICS`, in the order of columns.
        protocols: keys of `comparison.PROTOCOLS`; with both, each metric has a column with its gap.
    """
    return pd.DataFrame(
        _line(comparison, network, figures=figures, protocols=protocols)
        for network in network_order(comparison)
    )


def network_order(comparison: NetworkComparison) -> list[str]:
    """Networks with results, best weighted F1 on unseen subjects first, unmeasured ones last."""
    first = [row.network for row in comparison.ranked("unseen")]
    second = [row.network for row in comparison.ranked("paper")]
    return list(dict.fromkeys([*first, *second, *comparison.networks()]))


def export_table(comparison: NetworkComparison) -> pd.DataFrame:
    """Export table with one row per network and protocol, all fields, and the notice."""
    return pd.DataFrame(_exported(comparison, row) for row in comparison.rows)


def accuracy_by_subject(predictions: pd.DataFrame) -> pd.DataFrame:
    """Accuracy of each network by unseen subject.

    Returns:
        One row per network and subject: network, subject, label (of most of its cells), cells,
            accuracy.
    """
    known = predictions["label"].notna() & predictions["subject"].notna()
    unseen = predictions[known & (predictions["protocol"] == "unseen")]
    blast = unseen["label"] == "all"
    predicted = unseen["probability"] >= OPERATING_POINT
    cells = unseen[["network", "subject"]].assign(blast=blast, right=predicted == blast)
    rows = cells.groupby(["network", "subject"], observed=True, as_index=False).agg(
        cells=("right", "size"), accuracy=("right", "mean"), blast=("blast", "mean")
    )
    label = np.where(rows.pop("blast") >= 0.5, "all", "hem")
    return rows.assign(label=label)


def loss_curves(history: pd.DataFrame, protocol: str) -> pd.DataFrame:
    """Validation loss of each network by epoch, over its folds.

    Returns:
        One row per network and epoch: network, epoch from 1, seconds (mean), loss (mean), low and
            high (over folds), folds. Epochs that some fold of the network did not reach are
            omitted.
    """
    rows = history[history["protocol"] == protocol]
    runs = ["network", "fold"]
    epoch = rows["epoch"] - rows.groupby(runs)["epoch"].transform("min") + 1
    curves = (
        rows.assign(epoch=epoch.astype(int))
        .groupby(["network", "epoch"], as_index=False)
        .agg(
            seconds=("seconds", "mean"),
            loss=("validation_loss", "mean"),
            low=("validation_loss", "min"),
            high=("validation_loss", "max"),
            folds=("fold", "nunique"),
        )
    )
    return curves[curves["folds"] == curves.groupby("network")["folds"].transform("max")]


def _line(
    comparison: NetworkComparison, network: str, *, figures: Sequence[str], protocols: Sequence[str]
) -> dict[str, object]:
    rows = {protocol: comparison.row(network, protocol) for protocol in protocols}
    cells: dict[str, object] = {"Network": NETWORKS[network]}
    for metric in figures:
        for protocol, row in rows.items():
            head = f"{metrics.TITLES[metric]}, {protocol}"
            cells[head] = formats.estimate(row.estimate(metric)) if row else "not measured"
        gap = _gap(comparison, network, metric)
        if len(protocols) == len(PROTOCOLS) and gap is not None:
            cells[f"{metrics.TITLES[metric]}, gap"] = comparison_text.difference_text(gap.gap)
    for protocol, row in rows.items():
        cells[f"Epochs, {protocol}"] = row and row.epochs_to_95
    names = ("Parameters", "MACs", "Images/s")
    return cells | dict(zip(names, _costs(comparison, network), strict=True))


def _costs(comparison: NetworkComparison, network: str) -> list[float | None]:
    """Parameters, multiply-accumulate operations and images a second, as far as measured."""
    cost = next((cost for cost in comparison.costs if cost.network == network), None)
    return [getattr(cost, name, None) for name in _COSTS]


def _gap(comparison: NetworkComparison, network: str, metric: str) -> ProtocolGap | None:
    matches = (gap for gap in comparison.gaps if (gap.network, gap.metric) == (network, metric))
    return next(matches, None)


def _exported(comparison: NetworkComparison, row: ComparisonRow) -> dict[str, object]:
    cells: dict[str, object] = {"network": row.network, "protocol": row.protocol}
    for metric in METRICS:
        cells |= _bounds(metric, row.estimate(metric))
    for metric in METRICS:
        gap = _gap(comparison, row.network, metric)
        if gap is not None:
            cells |= _bounds(f"{metric}_gap", gap.gap)
    cells |= {field: getattr(row, field) for field in _FIELDS}
    cells |= dict(zip(_COSTS, _costs(comparison, row.network), strict=True))
    return cells | {"command": row.command, "notice": notice.RESEARCH_USE}


def _bounds(name: str, interval: Interval) -> dict[str, float]:
    return {name: interval.value, f"{name}_low": interval.low, f"{name}_high": interval.high}


_COSTS = ("parameters", "macs", "images_per_second")
_FIELDS = (
    "cells", "subjects", "folds", "epochs_to_95", "seconds", "size", "epochs", "samples", "init",
    "seed", "device", "data", "data_digest", "budget", "twins", "excluded",
)  # fmt: skip
