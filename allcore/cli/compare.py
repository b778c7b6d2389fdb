"""``python -m allcore compare``: comparison of all networks under both protocols."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from typer import BadParameter, Option

from allcore import formats, settings
from allcore.cli import options, terminal
from allcore.errors import ModelError, Stopped
from allcore.notice import RESEARCH_USE

if TYPE_CHECKING:
    from allcore.evaluation.comparison import NetworkComparison


@dataclass(frozen=True)
class Defaults:
    """Default values of options."""

    size: int
    epochs: int | None
    samples: int | None
    folds: int
    recipe: dict[str, Any]


FULL = Defaults(size=224, epochs=None, samples=None, folds=5, recipe={})
QUICK = Defaults(size=64, epochs=1, samples=24, folds=3, recipe={"batch_size": 12})
QUICK_SET = {"cells": 90, "subjects": 16}
"""Minimum synthetic set for the paper's split in tenths and three folds of subjects."""


def compare(
    data: Annotated[
        Path | None, Option(help="Labelled cells; else ALLSCOPE_DATA, else the synthetic set.")
    ] = None,
    networks: Annotated[str, Option(help="Comma-separated names; see --list.")] = "",
    protocols: Annotated[
        str, Option(help="paper (split by image), unseen (subjects), or both.")
    ] = "paper,unseen",
    size: Annotated[
        int | None, Option(min=32, help="Side of the networks' input, pixels; 224.")
    ] = None,
    window: options.Window = 280,
    epochs: Annotated[int | None, Option(min=1, help="At most so many a run.")] = None,
    samples: Annotated[
        int | None, Option(min=0, help="Cells drawn an epoch; 0 for as many as there are.")
    ] = None,
    init: options.Init = "none",
    normalisation: options.Normalisation = "imagenet",
    recipe: options.RecipeFields = "{}",
    folds: Annotated[
        int | None, Option(min=3, help="Parts that subjects are dealt into; 5.")
    ] = None,
    seed: Annotated[int, Option(min=0, help="Of splits and training.")] = 0,
    out: Annotated[Path | None, Option(help="Folder of the tables; models/comparison.")] = None,
    work: Annotated[
        Path | None, Option(help="Folder of finished runs, which are never done twice.")
    ] = None,
    device: options.TrainingDevice = "auto",
    labels: options.Labels = None,
    quick: Annotated[
        bool, Option("--quick", help="A tiny budget on a small synthetic set: does it run?")
    ] = False,
    listed: Annotated[bool, Option("--list", help="Name the networks, and stop.")] = False,
) -> None:
    """Train networks alike, test them on the same cells, and write tables with intervals.

    A comparison that was stopped goes on where it was when asked again; networks that were
    compared before, with the same data and options, keep their rows.
    """
    if listed:
        return _list_networks()
    from allcore.data.preprocessing import Preprocessing
    from allcore.inference import devices
    from allcore.research.comparison import run
    from allcore.research.comparison.budget import Budget

    chosen, base = settings.load(), QUICK if quick else FULL
    home = chosen.home / "comparison"
    limits = {
        "epochs": base.epochs if epochs is None else epochs,
        "samples": base.samples if samples is None else samples,
    }
    fields: dict[str, Any] = base.recipe | options.json_object(recipe, "--recipe") | {"seed": seed}
    fields |= {name: value for name, value in limits.items() if value is not None}
    request = run.ComparisonRequest(
        data=options.data_set(
            data,
            quick_folder=home / "quick-set" if quick else None,
            quick_size=QUICK_SET,
            labels=labels,
        ),
        networks=_names(networks, "--networks", init),
        protocols=_names(protocols, "--protocols", init),
        budget=Budget(
            preprocessing=Preprocessing(
                size=size or base.size, window=window, normalisation=normalisation
            ),
            recipe=options.recipe(fields),
            init=init,
            folds=folds or base.folds,
        ),
        out=out or (home / "quick" if quick else chosen.models / "comparison"),
        work=work or home / "runs",
        device=device,
        command=options.command_line(),
    )
    for folder, option in ((request.out, "--out"), (request.work, "--work")):
        terminal.require_writable(folder, option, kind="folder")
    devices.use_threads(chosen.threads)
    try:
        comparison = run.compare(request)
    except KeyboardInterrupt:
        raise Stopped(
            f"Stopped. Finished runs are kept in {request.work}: the same command goes on there."
        ) from None
    _print_comparison(comparison, request.out)


def _names(text: str, option: str, init: str) -> tuple[str, ...]:
    """Parse known names from an option; without any all networks that ``init`` has weights for."""
    from allcore.evaluation import comparison as comparison_results
    from allcore.research.comparison import candidates

    names = options.names(text)
    try:
        if option == "--protocols":
            return candidates.protocols(names)
        pretrained = comparison_results.PRETRAINED if init == "none" else {}
        every = tuple(name for name in comparison_results.NETWORKS if name not in pretrained)
        return candidates.networks(names or every)
    except ModelError as error:
        raise BadParameter(str(error), param_hint=option) from error


def _list_networks() -> None:
    from allcore.evaluation.comparison import NETWORKS, PRETRAINED
    from allcore.research.comparison import candidates

    for name, title in NETWORKS.items():
        note = ""
        if candidates.is_probe(name):
            note = f", on the features of {NETWORKS[candidates.FEATURES_OF]}"
        elif candidates.is_ensemble(name):
            note = ", of all networks compared with it that learn from pixels and random weights"
        elif name in PRETRAINED:
            note = ", from the weights of --init"
        terminal.emit(f"{name:22}{title}{note}")


def _print_comparison(comparison: "NetworkComparison", out: Path) -> None:
    from allcore.evaluation.comparison import NETWORKS, PROTOCOLS

    terminal.emit(RESEARCH_USE)
    for protocol, title in PROTOCOLS.items():
        rows = [row for row in comparison.rows if row.protocol == protocol]
        if rows:
            terminal.emit(f"\n{title}\n{'Network':22}{'accuracy':26}{'weighted F1':26}{'AUROC':26}")
        for row in rows:
            estimates = (row.estimate(name) for name in ("accuracy", "weighted_f1", "auroc"))
            columns = "".join(f"{formats.estimate(estimate):26}" for estimate in estimates)
            terminal.emit(f"{NETWORKS[row.network]:22}{columns}")
    terminal.emit(f"\nWritten to {out}.")
