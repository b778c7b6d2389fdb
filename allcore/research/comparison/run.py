"""A whole comparison: train what is missing, then table everything."""

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
    Comparison,
    ComparisonRow,
    NetworkCost,
)
from allcore.reports import json_files
from allcore.research.comparison import budget as budgets
from allcore.research.comparison import candidates, cost, pooled_runs, protocols, readme, summary
from allcore.research.comparison import training_run as work
from allcore.research.comparison.budget import Budget
from allcore.research.comparison.pooled_runs import Result
from allcore.research.comparison.protocols import Round
from allcore.research.comparison.shared_data import Bench
from allcore.research.comparison.training_run import Job


@dataclass(frozen=True)
class Request:
    """What is asked for.

    Attributes:
        data: the data set.
        networks: keys of ``records.NETWORKS``.
        protocols: keys of ``records.PROTOCOLS``.
        budget: what all networks share.
        out: folder of the tables.
        work: folder of the finished runs.
        device: auto, cpu, cuda or cuda:<n>.
        command: the command line that asked, for the tables.
    """

    data: Path
    networks: tuple[str, ...]
    protocols: tuple[str, ...]
    budget: Budget
    out: Path
    work: Path
    device: str
    command: str


def compare(request: Request) -> Comparison:
    """Do the runs that are missing, write the tables, and return them.

    Runs are kept in ``request.work``: a comparison that was stopped goes on where it was, and one
    more network costs its own runs only. Rows of networks and protocols that ``request.out``
    holds and that are not asked for stay.

    Raises:
        DataError: the data can't be used, or has too few subjects for the folds.
        ModelError: a network is unknown, or the rows to keep are of other data or budget.
    """
    chosen, tested = _chosen(request)
    bench = Bench(
        readers.read(request.data).labelled(), request.budget, request.work, request.device
    )
    for protocol in tested:
        protocols.check(bench.manifest, protocol=protocol, folds=bench.budget.folds)
    kept = _kept(request, bench)
    held = [each for protocol in tested for each in _rounds(protocol, bench)]
    for job in _progress(_jobs(chosen, held), bench):
        work.do(job, bench)
    results = pooled_runs.results(chosen, held, bench)
    rows = [pooled_runs.row(each, held, bench, command=request.command) for each in results]
    whole = _merged(kept, rows, results)
    whole = replace(whole, costs=_costs(whole, bench))
    json_files.write_comparison(request.out, whole)
    readme.write(request.out, whole)
    return whole


def _chosen(request: Request) -> tuple[tuple[str, ...], tuple[str, ...]]:
    chosen = candidates.networks(request.networks)
    candidates.check_size(chosen, request.budget.preprocessing.size)
    return chosen, candidates.protocols(request.protocols)


def _rounds(protocol: str, bench: Bench) -> list[Round]:
    shared = bench.budget
    return protocols.rounds(
        bench.manifest, bench.families, protocol=protocol, folds=shared.folds,
        seed=shared.recipe.seed,
    )  # fmt: skip


def _jobs(chosen: Sequence[str], held: Sequence[Round]) -> list[Job]:
    """Round by round, so that a comparison that is stopped has whole rounds of all networks."""
    return [Job(network, round_) for round_ in held for network in candidates.trained(chosen)]


def _progress(jobs: list[Job], bench: Bench) -> Iterator[Job]:
    """The jobs that are left, with a bar over all of them; silent without a terminal."""
    left = [job for job in jobs if not work.is_done(job, bench)]
    done = len(jobs) - len(left)
    with tqdm(total=len(jobs), initial=done, unit="run", disable=None) as bar:
        for job in left:
            bar.set_description(job.title)
            yield job
            bar.update()


def _kept(request: Request, bench: Bench) -> Comparison:
    """What the folder holds and this comparison won't make anew."""
    if not (request.out / json_files.RESULTS).exists():
        return Comparison()
    old = json_files.read_comparison(request.out)
    rows = tuple(row for row in old.rows if not _is_asked(row, request))
    budget = budgets.digest(bench.shared)
    for row in rows:
        if (row.data_digest, row.budget) != (bench.data_digest, budget):
            raise ModelError(
                f"{request.out} holds {NETWORKS[row.network]} on other data or with another "
                "budget: repeat that comparison's options, remove the folder, or choose another "
                "--out."
            )
    names = {row.network for row in rows}
    return replace(
        old,
        rows=rows,
        costs=tuple(each for each in old.costs if each.network in names),
        history=_others(old.history, request),
        predictions=_others(old.predictions, request),
    )


def _is_asked(row: ComparisonRow, request: Request) -> bool:
    return row.network in request.networks and row.protocol in request.protocols


def _others(table: pd.DataFrame, request: Request) -> pd.DataFrame:
    asked = table["network"].isin(request.networks) & table["protocol"].isin(request.protocols)
    return table[~asked]


def _merged(
    kept: Comparison, rows: Sequence[ComparisonRow], results: Sequence[Result]
) -> Comparison:
    """Old rows and new ones, with gaps and tests over all of them."""
    predictions = _joined([kept.predictions, *(each.predictions for each in results)])
    return Comparison(
        rows=tuple(sorted([*kept.rows, *rows], key=_place)),
        gaps=summary.gaps(predictions),
        tests=summary.tests(predictions),
        history=_joined([kept.history, *(each.history for each in results)]),
        predictions=predictions,
    )


def _place(row: ComparisonRow) -> tuple[int, int]:
    return list(NETWORKS).index(row.network), list(PROTOCOLS).index(row.protocol)


def _joined(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    filled = [table for table in tables if len(table)]
    return pd.concat(filled, ignore_index=True) if filled else tables[0]


def _costs(whole: Comparison, bench: Bench) -> tuple[NetworkCost, ...]:
    """Of every network of the tables, kept rows too: speeds compare on one machine alone."""
    return tuple(cost.costs({row.network: row.members for row in whole.rows}, bench))
