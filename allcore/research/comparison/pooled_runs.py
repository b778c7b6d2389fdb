"""Finished runs of each network under each protocol, pooled over folds."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from allcore.evaluation.comparison import HISTORY_COLUMNS, ComparisonRow
from allcore.research.comparison import candidates, summary, training_run
from allcore.research.comparison.budget import digest
from allcore.research.comparison.protocols import ProtocolSplit
from allcore.research.comparison.shared_data import ComparisonData
from allcore.research.comparison.training_run import ComparisonRun, RunOutcome


@dataclass(frozen=True)
class PooledResult:
    """One network under one protocol, with all folds pooled."""

    network: str  # key of ``NETWORKS``
    protocol: str  # key of ``PROTOCOLS``
    predictions: pd.DataFrame  # of its test cells, with ``PREDICTION_COLUMNS``
    history: pd.DataFrame  # of its runs, with ``HISTORY_COLUMNS``; empty without epochs
    seconds: float  # training time; for an ensemble, of its members
    device: str  # training device; several where runs differ
    members: tuple[str, ...]  # networks that it is composed of


@dataclass(frozen=True)
class _SplitResult:
    """All networks on one split: outcomes of their runs, and calibrated predictions."""

    fold: int
    outcomes: dict[str, RunOutcome]
    predictions: dict[str, pd.DataFrame]


def results(
    chosen: Sequence[str], splits: Sequence[ProtocolSplit], data: ComparisonData
) -> list[PooledResult]:
    """Return results of all networks under each protocol; all runs must be finished."""
    pooled = []
    for protocol in dict.fromkeys(split.protocol for split in splits):
        parts = [_split_result(chosen, s, data) for s in splits if s.protocol == protocol]
        pooled += [_pooled(network, protocol, parts, chosen) for network in chosen]
    return pooled


def row(
    result: PooledResult, splits: Sequence[ProtocolSplit], data: ComparisonData, *, command: str
) -> ComparisonRow:
    """Return the table row of a result.

    Args:
        result: of ``results``.
        splits: all of the comparison.
        data: of the comparison.
        command: the command line.
    """
    cells, budget = result.predictions, data.budget
    of_protocol = [split for split in splits if split.protocol == result.protocol]
    return ComparisonRow(
        network=result.network,
        protocol=result.protocol,
        **summary.row_estimates(cells),
        command=command,
        cells=len(cells),
        subjects=int(cells["group"].nunique()),
        folds=len(of_protocol),
        size=budget.preprocessing.size,
        epochs=budget.recipe.epochs,
        samples=budget.recipe.samples,
        init=_init(result, budget.init),
        seed=budget.recipe.seed,
        device=result.device,
        data=data.manifest.name,
        data_digest=data.data_digest,
        budget=digest(data.shared),
        twins=sum(split.twins for split in of_protocol),
        excluded=sum(split.excluded for split in of_protocol),
        seconds=round(result.seconds, 1),
        epochs_to_95=summary.epochs_to_95(result.history),
        members=result.members,
    )


def _split_result(
    chosen: Sequence[str], split: ProtocolSplit, data: ComparisonData
) -> _SplitResult:
    outcomes = {
        name: training_run.read_outcome(ComparisonRun(name, split), data)
        for name in candidates.trained(chosen)
    }
    facts = data.manifest.table[["image_id", "subject", "group", "label"]]
    predictions = {
        name: summary.calibrated(outcome.table.merge(facts, on="image_id", how="left"))
        for name, outcome in outcomes.items()
    }
    for ensemble in filter(candidates.is_ensemble, chosen):
        members = [predictions[name] for name in candidates.members(chosen)]
        predictions[ensemble] = summary.calibrated(summary.ensemble(members))
    return _SplitResult(split.fold, outcomes, predictions)


def _pooled(
    network: str, protocol: str, parts: Sequence[_SplitResult], chosen: Sequence[str]
) -> PooledResult:
    members = candidates.made_of(network, chosen)
    trained = members if candidates.is_ensemble(network) else (network,)
    outcomes = [part.outcomes[name] for part in parts for name in trained]
    cells, histories = [], [pd.DataFrame(columns=list(HISTORY_COLUMNS))]
    for part in parts:
        labels = {"network": network, "protocol": protocol, "fold": part.fold}
        cells.append(summary.predictions(part.predictions[network], **labels))  # type: ignore[arg-type]
        outcome = part.outcomes.get(network)
        if outcome and outcome.history:
            histories.append(summary.history(outcome.history, **labels))  # type: ignore[arg-type]
    return PooledResult(
        network=network,
        protocol=protocol,
        predictions=pd.concat(cells, ignore_index=True),
        history=pd.concat(histories[1:] or histories, ignore_index=True),
        seconds=sum(outcome.seconds for outcome in outcomes),
        device=", ".join(sorted({outcome.device for outcome in outcomes})),
        members=members,
    )


def _init(result: PooledResult, init: str) -> str:
    """Initialisation of the networks of a row; a file is represented by its name."""
    names = result.members or (result.network,)
    inits = {candidates.init_of(name, init) for name in names} - {"none"}
    return Path(inits.pop()).name if inits else "none"
