"""Registry of checks, and their execution on an indexed data set."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from allcore import model_folder, settings
from allcore.audit.findings import duplicates, label_errors, quality, study
from allcore.audit.findings.audit_inputs import AuditInputs
from allcore.audit.findings.finding import Check, Finding, sort_by_severity
from allcore.audit.index import store
from allcore.data import readers, split_files
from allcore.errors import ModelError

SPLIT_CHECKS = duplicates.SPLIT_CHECKS
"""Checks of a split of the data set."""
DATA_CHECKS = (*duplicates.CHECKS, *study.CHECKS, *label_errors.CHECKS, *quality.CHECKS)
"""Checks of the data set, independent of the split."""
CHECKS = SPLIT_CHECKS + DATA_CHECKS


@dataclass(frozen=True)
class LabelJudge:
    """An installed model whose held-out predictions serve to check labels.

    Attributes:
        name: of the model; empty where there is none.
        sha256: of its weights.
        predictions: from ``model_folder.read_predictions``; None where there are none.
    """

    name: str = ""
    sha256: str = ""
    predictions: pd.DataFrame | None = None


def run_checks(inputs: AuditInputs, checks: Iterable[Check] = CHECKS) -> list[Finding]:
    """Run checks and return their findings, the most severe first."""
    return sort_by_severity(finding for check in checks for finding in check.find(inputs))


def load_inputs(data: Path, *, split: Path | None = None, home: Path | None = None) -> AuditInputs:
    """Load the inputs of an indexed data set.

    Args:
        data: its folder or CSV file.
        split: a ``split.csv`` with the columns image_id and split; None takes the manifest's.
        home: state folder; None takes the settings'.

    Raises:
        DataError: the data set or the split can't be read, or there is no index.
    """
    manifest = readers.read(data)
    parts = None if split is None else split_files.read_split(split).parts
    index = store.read(data, home)
    judge = find_judge()
    return AuditInputs.of(
        manifest, index, split=parts, predictions=judge.predictions, judge_name=judge.name
    )


def find_judge(*, named_only: bool = False) -> LabelJudge:
    """Return the settings' model, which checks labels; an empty one where it can't be read.

    Args:
        named_only: skip reading the predictions, which takes time.
    """
    try:
        folder = model_folder.folder(settings.load().model)
        info = model_folder.read_info(folder)
        predictions = None if named_only else model_folder.read_predictions(folder)
    except ModelError:
        return LabelJudge()  # the checks run without a model
    return LabelJudge(info.name, info.weights_sha256, predictions)
