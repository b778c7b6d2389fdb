"""Experiments by name, and the log of all results."""

import importlib
from pathlib import Path

from allcore.errors import AllScopeError
from allcore.evaluation.experiments import ExperimentRecord
from allcore.reports import json_files
from allcore.research.experiments import report
from allcore.research.experiments.options import ExperimentOptions

MODULES = {
    "interventions": "What a trained model's answers hang on: one thing changed in the pictures.",
    "finetuning": "Which recipe fine-tunes the whole network best, on unseen subjects.",
    "head": "QCResNet's head against one plain linear layer.",
}
"""One-line descriptions of the experiments; a module is imported only when it runs."""


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
