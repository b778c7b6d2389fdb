"""The finished runs of each network under each protocol, put together."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from allcore.evaluation.comparison import HISTORY_COLUMNS, ComparisonRow
from allcore.research.comparison import candidates, summary, training_run
from allcore.research.comparison.budget import digest
from allcore.research.comparison.protocols import Round
from allcore.research.comparison.shared_data import Bench
from allcore.research.comparison.training_run import Job, Outcome


@dataclass(frozen=True)
class Result:
    """One network under one protocol, all folds together.

    Attributes:
        network: key of ``records.NETWORKS``.
        protocol: key of ``records.PROTOCOLS``.
        predictions: of its test cells, as ``records`` keeps them.
        history: of its runs, as ``records`` keeps it; empty without epochs.
        seconds: of training; for an ensemble, of its members.
        device: that trained; several where runs were made on different ones.
        members: networks that it rests on.
    """

    network: str
    protocol: str
    predictions: pd.DataFrame
    history: pd.DataFrame
    seconds: float
    device: str
    members: tuple[str, ...]


@dataclass(frozen=True)
class _Held:
    """One round: what each network answered, and the calibrated answers."""

    fold: int
    outcomes: dict[str, Outcome]
    answers: dict[str, pd.DataFrame]


def results(chosen: Sequence[str], rounds: Sequence[Round], bench: Bench) -> list[Result]:
    """Every chosen network under each protocol of the rounds, which have all run."""
    found = []
    for protocol in dict.fromkeys(each.protocol for each in rounds):
        held = [_held(chosen, each, bench) for each in rounds if each.protocol == protocol]
        found += [_result(network, protocol, held, chosen) for network in chosen]
    return found


def row(result: Result, rounds: Sequence[Round], bench: Bench, *, command: str) -> ComparisonRow:
    """The row of a result.

    Args:
        result: of ``results``.
        rounds: all of the comparison.
        bench: that they ran on.
        command: the command line that asked.
    """
    cells, shared = result.predictions, bench.budget
    of = [each for each in rounds if each.protocol == result.protocol]
    return ComparisonRow(
        network=result.network,
        protocol=result.protocol,
        **summary.row_figures(cells),
        command=command,
        cells=len(cells),
        subjects=int(cells["group"].nunique()),
        folds=len(of),
        size=shared.preprocessing.size,
        epochs=shared.recipe.epochs,
        samples=shared.recipe.samples,
        init=_init(result, shared.init),
        seed=shared.recipe.seed,
        device=result.device,
        data=bench.manifest.name,
        data_digest=bench.data_digest,
        budget=digest(bench.shared),
        twins=sum(each.twins for each in of),
        excluded=sum(each.excluded for each in of),
        seconds=round(result.seconds, 1),
        epochs_to_95=summary.epochs_to_95(result.history),
        members=result.members,
    )


def _held(chosen: Sequence[str], held: Round, bench: Bench) -> _Held:
    outcomes = {
        name: training_run.outcome(Job(name, held), bench) for name in candidates.trained(chosen)
    }
    facts = bench.manifest.table[["image_id", "subject", "group", "label"]]
    answers = {
        name: summary.calibrated(each.table.merge(facts, on="image_id", how="left"))
        for name, each in outcomes.items()
    }
    for ensemble in filter(candidates.is_ensemble, chosen):
        members = [answers[name] for name in candidates.members(chosen)]
        answers[ensemble] = summary.calibrated(summary.ensemble(members))
    return _Held(held.fold, outcomes, answers)


def _result(network: str, protocol: str, held: Sequence[_Held], chosen: Sequence[str]) -> Result:
    members = candidates.made_of(network, chosen)
    ran = members if candidates.is_ensemble(network) else (network,)
    outcomes = [each.outcomes[name] for each in held for name in ran]
    cells = [
        summary.predictions(
            each.answers[network], network=network, protocol=protocol, fold=each.fold
        )
        for each in held
    ]
    epochs = [
        summary.history(done.history, network=network, protocol=protocol, fold=each.fold)
        for each in held
        if (done := each.outcomes.get(network)) and done.history
    ]
    return Result(
        network=network,
        protocol=protocol,
        predictions=pd.concat(cells, ignore_index=True),
        history=pd.concat(epochs, ignore_index=True) if epochs else _no_epochs(),
        seconds=sum(each.seconds for each in outcomes),
        device=", ".join(sorted({each.device for each in outcomes})),
        members=members,
    )


def _no_epochs() -> pd.DataFrame:
    return pd.DataFrame(columns=list(HISTORY_COLUMNS))


def _init(result: Result, init: str) -> str:
    """What the networks of a row were initialised by; a file by its name."""
    names = result.members or (result.network,)
    used = {candidates.init_of(name, init) for name in names} - {"none"}
    return Path(used.pop()).name if used else "none"
