"""``python -m allcore experiment NAME``: one controlled experiment, and the log of all."""

import shlex
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Argument, BadParameter, Option

from allcore import settings
from allcore.cli import options, terminal
from allcore.errors import AllScopeError
from allcore.notice import RESEARCH_USE

if TYPE_CHECKING:
    from allcore.evaluation.experiments import ExperimentRecord

DOCS = Path("docs/experiments.md")
QUICK_SET = {"cells": 72, "subjects": 14}
"""Minimum synthetic set for three folds of subjects."""
QUICK_VARIANTS = {"finetuning": ("degraded", "degraded-cell")}


def experiment(
    name: Annotated[str | None, Argument(help="Which one; --list names them.")] = None,
    data: Annotated[
        Path | None, Option(help="Labelled cells; else ALLSCOPE_DATA, else the drawn set.")
    ] = None,
    out: Annotated[
        Path | None, Option(help="Folder of the results; models/comparison/experiments.")
    ] = None,
    size: Annotated[int, Option(min=32, help="Side of the input, pixels.")] = 112,
    seeds: Annotated[int, Option(min=1, help="Repetitions, from seed 0 up.")] = 3,
    folds: Annotated[int, Option(min=3, help="Parts that subjects are dealt into.")] = 5,
    epochs: Annotated[int, Option(min=0, help="0 leaves it to the experiment.")] = 0,
    samples: Annotated[int, Option(min=0, help="Cells drawn an epoch.")] = 1440,
    init: options.Init = "imagenet",
    device: options.TrainingDevice = "auto",
    model: Annotated[str, Option(help="runs: comma-separated models; all unless given.")] = "",
    variants: Annotated[
        str, Option(help="finetuning: comma-separated variants; all unless given.")
    ] = "",
    docs: Annotated[
        Path | None, Option(help=f"The log, written anew; {DOCS} unless given.")
    ] = None,
    labels: options.Labels = None,
    quick: Annotated[
        bool, Option("--quick", help="A tiny budget on a small drawn set: does it run?")
    ] = False,
    listed: Annotated[bool, Option("--list", help="Name the experiments, and stop.")] = False,
) -> None:
    """Run one controlled experiment and write its result and the log of all of them.

    A run that was stopped goes on where it was when asked again.
    """
    from allcore.research.experiments import catalogue
    from allcore.research.experiments.catalogue import ExperimentOptions

    if listed:
        for experiment_name, line in catalogue.MODULES.items():
            terminal.emit(f"{experiment_name:20}{line}")
        return
    if name is None:
        raise BadParameter("is missing: --list names the experiments.", param_hint="NAME")
    chosen = settings.load()
    home = chosen.home / "experiments"
    experiment_options = ExperimentOptions(
        data=options.data_set(
            data,
            quick_folder=home / "quick-set" if quick else None,
            quick_size=QUICK_SET,
            labels=labels,
        ),
        work=home / "work",
        command=_command(),
        size=size, seeds=seeds, folds=folds, epochs=epochs, samples=samples, init=init,
        device=device, models=options.names(model), variants=options.names(variants),
    )  # fmt: skip
    if quick:
        experiment_options = replace(
            experiment_options, size=48, seeds=2, folds=3, epochs=1, samples=8, init="none",
            variants=experiment_options.variants or QUICK_VARIANTS.get(name, ()),
        )  # fmt: skip
        out, docs = out or home / "quick", docs or home / "quick.md"
    try:
        record = catalogue.run(name, experiment_options)
    except KeyboardInterrupt:
        raise AllScopeError(
            f"Stopped. Finished trials are kept in {home / 'work'}: the same command goes on there."
        ) from None
    out, docs = out or chosen.models / "comparison" / "experiments", docs or DOCS
    catalogue.write(record, out=out, docs=docs)
    _print_record(record, out=out, docs=docs)


def _command() -> str:
    """Return the command line without this machine's folders."""
    words = (Path(word).name if Path(word).is_absolute() else word for word in sys.argv[1:])
    return shlex.join(["python", "-m", "allcore", *words])


def _print_record(record: "ExperimentRecord", *, out: Path, docs: Path) -> None:
    from allcore.research.experiments import report

    terminal.emit(RESEARCH_USE)
    for row in record.rows:
        terminal.emit(f"\n{' / '.join(filter(None, (row.group, row.name)))}")
        for name, figure in row.figures.items():
            terminal.emit(f"  {record.titles[name]:44}{report.estimate_text(figure)}")
    terminal.emit(f"\n{record.finding}\n\nWritten to {out} and {docs}.")
