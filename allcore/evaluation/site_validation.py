"""What may be claimed of a model at another laboratory, from answers for its labelled cells."""

from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import pandas as pd
from scipy import special

from allcore import site_profile
from allcore.evaluation import (
    cross_fitting,
    estimates,
    intervals,
    model_evaluation,
    sample_size,
    site_claims,
)
from allcore.evaluation.cross_fitting import CrossFit, SiteCalibration
from allcore.evaluation.estimates import Estimate, Sample
from allcore.evaluation.intervals import Interval
from allcore.evaluation.metrics import Floats
from allcore.evaluation.model_evaluation import ClassCount
from allcore.evaluation.sample_size import NeededSize
from allcore.evaluation.site_claims import SiteFacts, SiteVerdict
from allcore.inference.results import REFUSAL_TITLES
from allcore.inference.site_answers import SiteAnswers
from allcore.model_folder import InstalledModel
from allcore.site_profile import ProfileFigure, SiteProfile

WIDTH = 0.1
"""Default width of the intervals that `NeededSize` is computed for."""
RULE = "youden"
"""Default rule of the threshold: unlike the others it does not depend on the share of blasts,
which somebody chose when collecting the cells."""


@dataclass(frozen=True)
class Refusals:
    """Cells that one check of the gate refuses."""

    title: str
    cells: int
    reason: str  # the most frequent one


@dataclass(frozen=True, eq=False)
class SiteValidation:
    """Validation of a model on the labelled cells of one laboratory."""

    model: InstalledModel
    data: str  # name of the data set
    data_digest: str
    fields: bool  # whether the cells were cut out of smear fields
    images: int
    cells: int  # answered or refused
    accepted: Interval  # share of the cells that the gate accepts; over subjects where known
    refusals: tuple[Refusals, ...]  # most frequent first
    blast: ClassCount  # of the accepted cells
    normal: ClassCount
    # by the model's own calibration and threshold: of all cells that the network reads, and of
    # those that the gate accepts; empty without such cells
    ungated: tuple[Estimate, ...]
    shipped: tuple[Estimate, ...]
    site: tuple[Estimate, ...]  # cross-fitted; empty where a class has fewer than two subjects
    calibration: SiteCalibration | None  # for this laboratory
    needed: tuple[NeededSize, ...]
    verdict: SiteVerdict
    sample: Sample | None  # the accepted cells, calibrated by the model
    site_sample: Sample | None  # the same, cross-fitted

    @property
    def accepted_cells(self) -> int:
        """Number of cells that the gate accepts."""
        return self.blast.cells + self.normal.cells

    @property
    def can_be_saved(self) -> bool:
        """Whether a site profile may be saved: only where something may be claimed."""
        return self.calibration is not None and not self.verdict.nothing

    def estimate(self, name: str) -> Estimate | None:
        """An estimate for this laboratory, else of the model as it ships."""
        both = estimates.by_name(self.shipped) | estimates.by_name(self.site)
        return both.get(name)


def validate_site(
    answers: SiteAnswers, model: InstalledModel, *, width: float = WIDTH, rule: str = RULE
) -> SiteValidation:
    """Evaluate a model on the cells of one laboratory.

    Args:
        answers: by the model, for labelled cells.
        model: the model, without a site profile.
        width: of the intervals that the needed sizes are computed for.
        rule: a key of `thresholds.RULES`.

    Raises:
        DataError: there is no such rule, or labels are not known.
    """
    table = answers.table
    answered = table[table["log_odds"].notna()]
    accepted = table[table["check"] == ""].reset_index(drop=True)
    sample = _sample(accepted, special.expit(accepted["log_odds"].to_numpy(dtype=float)))
    fit = None if sample is None else _cross_fit(accepted, sample, rule)
    relative = None if fit is None else _sample(accepted, fit.relative)
    site_sample = None if fit is None else _sample(accepted, fit.probabilities)
    threshold = model.info.threshold
    ungated = _sample(answered, special.expit(answered["log_odds"].to_numpy(dtype=float)))
    shipped = () if sample is None else estimates.all_estimates(sample, threshold)
    site = _site_estimates(relative, site_sample)
    needed: tuple[NeededSize, ...] = ()
    if sample is not None:
        at = (sample, threshold) if relative is None else (relative, 0.5)
        needed = sample_size.needed_sizes(*at, width=width)
    blast, normal = (_class_count(accepted, label) for label in ("all", "hem"))
    share = _accepted_share(table)
    facts = SiteFacts(
        cells=len(table),
        accepted=share,
        unknown_subjects=int(table["subject"].isna().sum()),
        blast=blast,
        normal=normal,
        shipped=estimates.by_name(shipped),
        site=estimates.by_name(site),
        needed=needed,
        own=answers.own,
        new_subjects=answers.new_subjects,
        fields=answers.fields,
        left_out=answers.left_out,
    )
    return SiteValidation(
        model=model,
        data=answers.data,
        data_digest=answers.data_digest,
        fields=answers.fields,
        images=answers.images,
        cells=len(table),
        accepted=share,
        refusals=_refusals(table),
        blast=blast,
        normal=normal,
        ungated=() if ungated is None else estimates.all_estimates(ungated, threshold),
        shipped=shipped,
        site=site,
        calibration=None if fit is None else fit.calibration,
        needed=needed,
        verdict=site_claims.judge(facts),
        sample=sample,
        site_sample=site_sample,
    )


def make_profile(validation: SiteValidation, *, name: str, command: str) -> SiteProfile:
    """The site profile of a validation, to be saved by `site_profile.save`.

    Raises:
        DataError: the name can't be used.
        ValueError: nothing may be claimed, so there is none.
    """
    calibration, info = validation.calibration, validation.model.info
    if calibration is None or not validation.can_be_saved:
        raise ValueError("a site profile needs something that may be claimed")
    names = ("auroc", "sensitivity", "specificity", "ece")
    found = {key: validation.estimate(key) for key in names}
    figures = {key: estimate.over_subjects for key, estimate in found.items() if estimate}
    return SiteProfile(
        schema="allscope-site-profile",
        version=1,
        name=site_profile.checked_name(name),
        number=1,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        model=validation.model.name,
        model_digest=validation.model.shipped_digest,
        model_sha256=info.weights_sha256,
        data=validation.data,
        data_digest=validation.data_digest,
        fields=validation.fields,
        cells=validation.accepted_cells,
        subjects=(validation.blast.subjects or 0) + (validation.normal.subjects or 0),
        temperature=calibration.scaling.temperature,
        bias=calibration.scaling.bias,
        threshold=calibration.threshold,
        threshold_rule=calibration.rule,
        figures={
            key: _figure(interval)
            for key, interval in {"accepted": validation.accepted, **figures}.items()
        },
        command=command,
    )


def _sample(table: pd.DataFrame, probabilities: Floats) -> Sample | None:
    if table.empty:
        return None
    return estimates.make_sample(
        labels=model_evaluation.labels_array(table),
        probabilities=probabilities,
        subjects=model_evaluation.subject_groups(table),
    )


def _cross_fit(accepted: pd.DataFrame, sample: Sample, rule: str) -> CrossFit | None:
    """Cross-fitting over subjects, or over images where subjects are unknown."""
    if sample.labels.min() == sample.labels.max():
        return None
    return cross_fitting.cross_fit(
        accepted["log_odds"].to_numpy(dtype=float),
        labels=sample.labels,
        subjects=np.asarray(accepted["group"], dtype=str),
        rule=rule,
    )


def _site_estimates(relative: Sample | None, calibrated: Sample | None) -> tuple[Estimate, ...]:
    """Cross-fitted estimates; AUROC and AUPRC need no calibration, and folds would shift them."""
    if relative is None or calibrated is None:
        return ()
    free = estimates.threshold_free(calibrated)
    own = tuple(estimate for estimate in free if estimate.name in ("brier", "ece"))
    return estimates.at_threshold(relative, 0.5) + own


def _class_count(accepted: pd.DataFrame, label: str) -> ClassCount:
    part = accepted[accepted["label"] == label]
    known = not accepted["subject"].isna().any()
    return ClassCount(len(part), int(part["group"].nunique()) if known else None)


def _accepted_share(table: pd.DataFrame) -> Interval:
    """Share of accepted cells, with an interval over subjects or, where unknown, over cells."""
    flags = (table["check"] == "").to_numpy()
    groups = model_evaluation.subject_groups(table)
    if groups is None:
        return intervals.wilson(int(flags.sum()), len(flags))
    _, numbers = estimates.number_groups(groups)
    return intervals.share_over_subjects(
        flags, labels=model_evaluation.labels_array(table), groups=numbers
    )


def _refusals(table: pd.DataFrame) -> tuple[Refusals, ...]:
    refused = table[table["check"] != ""]
    titles = {str(name): title for name, title in REFUSAL_TITLES.items()}
    rows = [
        Refusals(titles[str(check)], len(part), str(part["reason"].mode()[0]))
        for check, part in refused.groupby("check")
    ]
    return tuple(sorted(rows, key=lambda row: -row.cells))


def _figure(interval: Interval) -> ProfileFigure:
    low, high = (
        (round(interval.low, 4), round(interval.high, 4)) if interval.known else (None, None)
    )
    return ProfileFigure(round(interval.value, 4), low, high)
