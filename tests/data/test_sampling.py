from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from allcore.data import sampling
from allcore.data.manifest import Manifest

LABELS = ["all"] * 6 + ["hem"] * 2
GROUPS = ["1", "1", "1", "1", "2", "2", "H1", "H2"]


@pytest.mark.parametrize("strength", [0.0, 0.5, 1.0])
def test_weights__classes_are_equally_likely(strength):
    chance = sampling.sampling_weights(LABELS, GROUPS, subject_strength=strength)
    assert chance[:6].sum() == pytest.approx(0.5)
    assert chance.sum() == pytest.approx(1)


def test_weights__strength_0_draws_images_alike():
    assert np.ptp(
        sampling.sampling_weights(LABELS, GROUPS, subject_strength=0)[:6]
    ) == pytest.approx(0)


def test_weights__strength_1_draws_subjects_alike():
    chance = sampling.sampling_weights(LABELS, GROUPS, subject_strength=1)
    assert chance[:4].sum() == pytest.approx(chance[4:6].sum())


def test_sample__takes_turns_between_subjects() -> None:
    sizes = {"1": 90, "2": 4, "H1": 50, "H2": 50}
    rows = [
        {"group": group, "label": "hem" if group[0] == "H" else "all"}
        for group, count in sizes.items()
        for _ in range(count)
    ]
    manifest = Manifest(Path(), pd.DataFrame(rows), "cells")
    found = sampling.draw_sample(manifest, cells=40).table["group"].value_counts()
    assert found.to_dict() == {"1": 16, "2": 4, "H1": 10, "H2": 10}
