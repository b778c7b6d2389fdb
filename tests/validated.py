"""Answers for the cells of laboratories that never were, and site profiles of them."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from allcore.evaluation import site_validation
from allcore.evaluation.site_validation import SiteValidation
from allcore.inference.site_answers import COLUMNS, SHIPPED, SiteAnswers
from allcore.model_folder import InstalledModel
from allcore.site_profile import SiteProfile
from tests import simulated


def model() -> InstalledModel:
    """An installed model without files."""
    info = simulated.info(simulated.predictions())
    return InstalledModel(Path("models/simulated"), "d" * 64, "", info)


def answers(
    *, all_subjects: int = 8, normal_subjects: int = 7, apart: float = 2.0, shift: float = 0.0,
    **changes: Any,
) -> SiteAnswers:  # fmt: skip
    """Twenty cells a subject, of which one is refused; the classes lie `apart`, moved by `shift`.

    Log-odds are those of calibrated answers, doubled: as of an overconfident model.
    """
    random = np.random.default_rng(1)
    rows = []
    for label, subjects in (("all", all_subjects), ("hem", normal_subjects)):
        for number in range(subjects):
            name = f"{label}{number}"
            centre = (apart if label == "all" else -apart) / 2 + 0.3 * random.normal()
            for cell in range(20):
                odds = 2 * (random.normal(centre, 1) * apart) + shift
                refused = ("exposed", "Too dark.") if cell == 0 else ("", "")
                row = (f"{name}-{cell}", name, name, label, SHIPPED, "", odds, *refused)
                rows.append(row)
    facts = SiteAnswers(
        table=pd.DataFrame(rows, columns=list(COLUMNS)),
        data="Laboratory A",
        data_digest="a" * 64,
        fields=False,
        own=False,
        new_subjects=True,
        left_out=0,
    )
    return dataclasses.replace(facts, **changes)


def validation(**changes: Any) -> SiteValidation:
    """The validation of such answers."""
    return site_validation.validate_site(answers(**changes), model())


def profile(**changes: Any) -> SiteProfile:
    """A site profile of the model, not saved."""
    made = site_validation.make_profile(validation(), name="Laboratory A", command="validate DIR")
    return dataclasses.replace(made, **changes)
