"""Registry of checks, and their execution on an indexed data set."""

from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd

from allcore import model_folder, settings
from allcore.audit.findings import duplicates, label_errors, quality, study
from allcore.audit.findings.audit_inputs import AuditInputs
from allcore.audit.findings.finding import Check, Finding, sort_by_severity
from allcore.errors import ModelError

SPLIT_CHECKS = duplicates.SPLIT_CHECKS
"""Checks of a split of the data set."""
DATA_CHECKS = (*duplicates.CHECKS, *study.CHECKS, *label_errors.CHECKS, *quality.CHECKS)
"""Checks of the data set, independent of the split."""
CHECKS = SPLIT_CHECKS + DATA_CHECKS


@dataclass(frozen=True)
class LabelJudge:
    """An installed model whose held-out predictions serve to check labels."""

    name: str = ""  # of the model; empty where there is none
    sha256: str = ""  # of its weights
    # from ``model_folder.read_predictions``; None where there are none
    predictions: pd.DataFrame | None = None


def run_checks(inputs: AuditInputs, checks: Iterable[Check] = CHECKS) -> list[Finding]:
    """Run checks and return their findings, the most severe first."""
    return sort_by_severity(finding for check in checks for finding in check.find(inputs))


def find_judge(*, named_only: bool = False) -> LabelJudge:
    """Return the settings' model, which checks labels; an empty one where it can't be read.

    Reading its predictions takes time; ``named_only`` leaves them out.
    """
    try:
        folder = model_folder.folder(settings.load().model)
        info = model_folder.read_info(folder)
        predictions = None if named_only else model_folder.read_predictions(folder)
    except ModelError:
        return LabelJudge()  # the checks run without a model
    return LabelJudge(info.name, info.weights_sha256, predictions)
