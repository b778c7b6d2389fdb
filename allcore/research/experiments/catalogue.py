"""Experiments by name, and the log of all results."""

import importlib
from dataclasses import dataclass
from pathlib import Path

from allcore.errors import AllScopeError
from allcore.evaluation.experiments import ExperimentRecord
from allcore.reports import json_files
from allcore.research.experiments import report

MODULES = {
    "finetuning": "Which recipe fine-tunes the whole network best, on unseen subjects.",
    "runs": "Out-of-fold runs of several recipes, which of them should ship.",
}
"""One-line descriptions of the experiments; a module is imported only when it runs."""


@dataclass(frozen=True)
class ExperimentOptions:
    """Options of the command; 0 or empty selects the experiment's default."""

    data: Path  # the data set
    work: Path  # folder of intermediate results, for resuming
    command: str  # the command line
    size: int = 112  # side of the networks' input, pixels
    seeds: int = 3  # repetitions, from seed 0 up
    folds: int = 5  # number of folds of the subjects
    epochs: int = 0  # of each training
    samples: int = 1440  # cells sampled an epoch
    init: str = "imagenet"  # none, imagenet or a safetensors file
    device: str = "auto"  # auto, cpu, cuda or cuda:<n>
    models: tuple[str, ...] = ()  # installed models to evaluate; empty for all
    variants: tuple[str, ...] = ()  # names of the variants to run; empty for all


def run(name: str, options: ExperimentOptions) -> ExperimentRecord:
    """Run one experiment.

    Raises:
        AllScopeError: there is no such experiment, or it can't run with these options.
    """
    if name not in MODULES:
        raise AllScopeError(f"There is no experiment '{name}': choose of {', '.join(MODULES)}.")
    module = importlib.import_module(f"allcore.research.experiments.{name}")
    record: ExperimentRecord = module.run(options)
    return record


def write(record: ExperimentRecord, *, out: Path, docs: Path) -> None:
    """Write an experiment's file, then the log of all in its folder.

    Raises:
        ModelError: another experiment's file there is damaged.
    """
    json_files.write_experiment(out, record)
    docs.parent.mkdir(parents=True, exist_ok=True)
    docs.write_text(report.markdown(json_files.read_experiments(out)), encoding="utf-8")
