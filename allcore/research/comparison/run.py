"""Comparison run: trains missing runs, then writes the tables."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd
from tqdm import tqdm

from allcore.data import readers
from allcore.errors import ModelError
from allcore.evaluation.comparison import (
    NETWORKS,
    PROTOCOLS,
    ComparisonRow,
    NetworkComparison,
)
from allcore.reports import json_files
from allcore.research.comparison import budget as budgets
from allcore.research.comparison import (
    candidates,
    cost,
    pooled_runs,
    protocols,
    readme,
    summary,
    training_run,
)
from allcore.research.comparison.budget import Budget
from allcore.research.comparison.pooled_runs import PooledResult
from allcore.research.comparison.protocols import ProtocolSplit
from allcore.research.comparison.shared_data import ComparisonData
from allcore.research.comparison.training_run import ComparisonRun


@dataclass(frozen=True)
class ComparisonRequest:
    """Inputs of a comparison."""

    data: Path  # the data set
    networks: tuple[str, ...]  # keys of ``NETWORKS``
    protocols: tuple[str, ...]  # keys of ``PROTOCOLS``
    budget: Budget  # shared by all networks
    out: Path  # folder of the tables
    work: Path  # folder of the finished runs
    device: str  # auto, cpu, cuda or cuda:<n>
    command: str  # the command line, for the tables

    def includes(self, network: str, protocol: str) -> bool:
        """True if the comparison includes a network under a protocol."""
        return network in self.networks and protocol in self.protocols


def compare(request: ComparisonRequest) -> NetworkComparison:
    """Perform the missing runs, write the tables, and return them.

    Runs are cached in ``request.work``: a stopped comparison resumes there, and an additional
    network costs its own runs only. Rows in ``request.out`` of networks and protocols outside this
    comparison are preserved.

    Raises:
        DataError: the data can't be used, or has too few subjects for the folds.
        ModelError: a network is unknown, or preserved rows are of other data or budget.
    """
    chosen = candidates.networks(request.networks)
    candidates.check_size(chosen, request.budget.preprocessing.size)
    candidates.check_init(chosen, request.budget.init)
    tested = candidates.protocols(request.protocols)
    manifest = readers.read(request.data).labelled()
    data = ComparisonData(manifest, request.budget, request.work, request.device)
    for protocol in tested:
        protocols.check(data.manifest, protocol=protocol, folds=data.budget.folds)
    old = _other_rows(request, data)
    splits = [split for protocol in tested for split in protocol_splits(protocol, data)]
    # Split by split, so that a stopped comparison has complete splits.
    runs = [ComparisonRun(name, split) for split in splits for name in candidates.trained(chosen)]
    for run in _unfinished(runs, data):
        training_run.perform(run, data)
    results = pooled_runs.results(chosen, splits, data)
    rows = [pooled_runs.row(result, splits, data, command=request.command) for result in results]
    comparison = _merged(old, rows, results)
    # Includes preserved rows: throughputs are comparable on one machine only.
    made_of = {row.network: row.members for row in comparison.rows}
    comparison = replace(comparison, costs=tuple(cost.costs(made_of, data)))
    json_files.write_comparison(request.out, comparison)
    readme.write(request.out, comparison)
    return comparison


def protocol_splits(protocol: str, data: ComparisonData) -> list[ProtocolSplit]:
    """Return the splits of a protocol."""
    folds, seed = data.budget.folds, data.budget.recipe.seed
    return protocols.protocol_splits(
        data.manifest, data.families, protocol=protocol, folds=folds, seed=seed
    )


def _unfinished(runs: list[ComparisonRun], data: ComparisonData) -> Iterator[ComparisonRun]:
    """Yield the unfinished runs, with a progress bar on a terminal."""
    left = [run for run in runs if not training_run.is_finished(run, data)]
    with tqdm(total=len(runs), initial=len(runs) - len(left), unit="run", disable=None) as bar:
        for run in left:
            bar.set_description(run.title)
            yield run
            bar.update()


def _other_rows(request: ComparisonRequest, data: ComparisonData) -> NetworkComparison:
    """Results in the folder that are not part of this comparison."""
    if not (request.out / json_files.RESULTS).exists():
        return NetworkComparison()
    old = json_files.read_comparison(request.out)
    rows = tuple(row for row in old.rows if not request.includes(row.network, row.protocol))
    budget = budgets.digest(data.shared)
    for row in rows:
        if (row.data_digest, row.budget) != (data.data_digest, budget):
            raise ModelError(
                f"{request.out} holds {NETWORKS[row.network]} on other data or with another "
                "budget: repeat that comparison's options, remove the folder, or choose another "
                "--out."
            )
    names = {row.network for row in rows}
    return replace(
        old,
        rows=rows,
        costs=tuple(cost for cost in old.costs if cost.network in names),
        history=_not_included(old.history, request),
        predictions=_not_included(old.predictions, request),
    )


def _not_included(table: pd.DataFrame, request: ComparisonRequest) -> pd.DataFrame:
    included = table["network"].isin(request.networks) & table["protocol"].isin(request.protocols)
    return table[~included]


def _merged(
    old: NetworkComparison, rows: Sequence[ComparisonRow], results: Sequence[PooledResult]
) -> NetworkComparison:
    networks, titles = list(NETWORKS), list(PROTOCOLS)
    predictions = _concatenated([old.predictions, *(result.predictions for result in results)])
    return NetworkComparison(
        rows=tuple(
            sorted(
                [*old.rows, *rows],
                key=lambda row: (networks.index(row.network), titles.index(row.protocol)),
            )
        ),
        gaps=summary.gaps(predictions),
        tests=summary.tests(predictions),
        history=_concatenated([old.history, *(result.history for result in results)]),
        predictions=predictions,
    )


def _concatenated(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    filled = [table for table in tables if len(table)]
    return pd.concat(filled, ignore_index=True) if filled else tables[0]
