"""The experiments by name, and the log of all that were run."""

import importlib
from pathlib import Path

from allcore.errors import AllScopeError
from allcore.evaluation.experiments import NAMES, ExperimentRecord
from allcore.reports import json_files
from allcore.research.experiments import report
from allcore.research.experiments.options import Options

MODULES = {
    "cues": "What plain facts of a picture tell about the class, and about the subject.",
    "interventions": "What a trained model's answers hang on: one thing changed in the pictures.",
    "recipe": "What of the recipe helps on unseen subjects: one choice changed at a time.",
    "stages": "What helps a head that reads statistics of a frozen body.",
    "head": "QCResNet's head against one plain linear layer.",
    "subjects": "How the figures grow with the number of training subjects.",
    "subjects-features": "The same, a logistic regression on frozen features: quick.",
}
"""One line on each experiment; its module is imported only when it runs."""
assert tuple(MODULES) == NAMES


def run(name: str, options: Options) -> ExperimentRecord:
    """Run one experiment.

    Raises:
        AllScopeError: there is no such experiment, or it can't be run with these options.
    """
    if name not in MODULES:
        raise AllScopeError(f"There is no experiment '{name}': choose of {', '.join(MODULES)}.")
    module = importlib.import_module(f"allcore.research.experiments.{name.replace('-', '_')}")
    found: ExperimentRecord = module.run(options)
    return found


def keep(found: ExperimentRecord, *, out: Path, docs: Path) -> None:
    """Write an experiment's file, then the log of all that are in its folder.

    Raises:
        ModelError: another experiment's file there is damaged.
    """
    json_files.write_experiment(out, found)
    docs.parent.mkdir(parents=True, exist_ok=True)
    docs.write_text(report.markdown(json_files.read_experiments(out)), encoding="utf-8")
