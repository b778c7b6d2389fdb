"""Counts of images and subjects by label, split and subject."""

import pandas as pd

from allcore.data.manifest import Manifest
from allcore.labels import LABELS

UNKNOWN = "not in a split"
UNLABELLED = "no label"
UNKNOWN_SUBJECT = "unknown"
SPLITS = ("train", "validation", "test", UNKNOWN)
_ORDER = (*reversed(LABELS), UNLABELLED)


def with_placeholders(manifest: Manifest, parts: "pd.Series[str] | None" = None) -> pd.DataFrame:
    """Return the manifest's table with label, subject and split filled in for every image.

    Args:
        manifest: the data set.
        parts: part of a model's split that each row is in; where it has no value at all, the data
            set's own split is used.
    """
    table = manifest.table.copy()
    known = table["split"] if parts is None or parts.isna().all() else parts
    table["split"] = known.fillna(UNKNOWN)
    table["label"] = table["label"].fillna(UNLABELLED)
    table["subject"] = table["subject"].fillna(UNKNOWN_SUBJECT)
    return table


def is_synthetic(manifest: Manifest) -> bool:
    """True if the images are synthetic; one synthetic image is enough."""
    return "synthetic" in manifest.table and bool((manifest.table["synthetic"] == "True").any())


def class_counts(table: pd.DataFrame) -> pd.DataFrame:
    """Return images and subjects of each label present: columns label, images, subjects."""
    counts = table.groupby("label").agg(
        images=("image_id", "size"), subjects=("subject", "nunique")
    )
    return counts.reindex([label for label in _ORDER if label in counts.index]).reset_index()


def split_counts(table: pd.DataFrame) -> pd.DataFrame:
    """Return images by split and label, with the subjects of each split.

    The columns are split, one a label present, images and subjects. Splits without images have no
    row.
    """
    counts = table.groupby(["split", "label"]).size().unstack(fill_value=0)
    counts = counts[[label for label in _ORDER if label in counts]].assign(
        images=counts.sum(axis=1), subjects=table.groupby("split")["subject"].nunique()
    )
    return counts.reindex([split for split in SPLITS if split in counts.index]).reset_index()


def subject_counts(table: pd.DataFrame) -> pd.DataFrame:
    """Return images of each subject: columns subject, label, split and images, most images first.

    Several labels or splits of one subject are joined, so that the conflict is visible.
    """

    def joined(values: "pd.Series[str]") -> str:
        return " and ".join(sorted(set(values)))

    counts = table.groupby("subject").agg(
        label=("label", joined), split=("split", joined), images=("image_id", "size")
    )
    return counts.sort_values(["images"], ascending=False, kind="stable").reset_index()
