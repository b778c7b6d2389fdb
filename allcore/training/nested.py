"""The splits inside a fold: what is not tested there is validated on part by part, then learned."""

from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import special

from allcore.data.splits import EXCLUDED
from allcore.training.plan import Material


def validated_on(tested: Material, other: Material) -> Material:
    """The tested fold's material with another fold's test part as validation.

    Cells that show a cell of the tested part again are in no part; those that show one of the
    validation part again are not learned.

    Args:
        tested: a fold.
        other: another fold of the same dealing.
    """
    held = other.split.mask(tested.manifest, "test")
    return _parted(tested, excluded=_left_out(tested) | _left_out(other), validation=held)


def trained_on_all(tested: Material) -> Material:
    """The tested fold's material without validation: all that is not tested is learned."""
    nobody = np.zeros(len(tested.manifest), dtype=bool)
    return _parted(tested, excluded=_left_out(tested), validation=nobody)


def distilled(material: Material, rows: pd.DataFrame, share: float) -> Material:
    """The material with targets that are partly others' answers.

    Hinton, Vinyals and Dean, "Distilling the Knowledge in a Neural Network", 2015. Our reading:
    each cell is answered by the one network that never saw its subject, so that an answer tells
    what carries over to new subjects and not what was learned by heart.

    Args:
        material: N cells.
        rows: ``image_id`` and uncalibrated ``logit`` of cells; those that are missing keep their
            label.
        share: of the answer in the target; 0 changes nothing.
    """
    if not share:
        return material
    logits = rows.set_index("image_id")["logit"].reindex(material.manifest.table["image_id"])
    answers = special.expit(logits.to_numpy(dtype=float))
    answers = np.where(np.isnan(answers), material.targets, answers)
    return replace(material, learned=(1 - share) * material.targets + share * answers)


def _left_out(material: Material) -> NDArray[np.bool_]:
    return material.split.mask(material.manifest, EXCLUDED)


def _parted(
    tested: Material, *, excluded: NDArray[np.bool_], validation: NDArray[np.bool_]
) -> Material:
    """The tested part stays; what is in no part named here is for training."""
    test = tested.split.mask(tested.manifest, "test")
    names = np.select([test, excluded, validation], ["test", EXCLUDED, "validation"], "train")
    parts = tested.split.parts.copy()
    parts[tested.manifest.table["image_id"].to_numpy()] = names
    return replace(tested, split=replace(tested.split, parts=parts))
