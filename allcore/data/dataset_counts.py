"""What is in a data set: counts. Tables in, tables out."""

import pandas as pd

from allcore.data.manifest import Manifest
from allcore.labels import LABELS

UNKNOWN = "not in a split"
UNLABELLED = "no label"
SPLITS = ("train", "validation", "test", UNKNOWN)


def with_placeholders(manifest: Manifest, parts: "pd.Series[str] | None" = None) -> pd.DataFrame:
    """The manifest's table with label, subject and split filled in for every image.

    Args:
        manifest: the data set.
        parts: the part of a model's split that each row is in; where it knows none of them, the
            data set's own split stands.
    """
    table = manifest.table.copy()
    known = table["split"] if parts is None or parts.isna().all() else parts
    table["split"] = known.fillna(UNKNOWN)
    table["label"] = table["label"].fillna(UNLABELLED)
    table["subject"] = table["subject"].fillna("unknown")
    return table


def is_synthetic(manifest: Manifest) -> bool:
    """Whether the pictures are drawn: a set is synthetic as soon as one of them is."""
    return "synthetic" in manifest.table and bool((manifest.table["synthetic"] == "True").any())


def class_counts(table: pd.DataFrame) -> pd.DataFrame:
    """Images and subjects of each label present: columns label, images, subjects."""
    counts = table.groupby("label").agg(
        images=("image_id", "size"), subjects=("subject", "nunique")
    )
    order = [label for label in (*reversed(LABELS), UNLABELLED) if label in counts.index]
    return counts.loc[order].reset_index()


def split_counts(table: pd.DataFrame) -> pd.DataFrame:
    """Images by split and label, with the subjects of each split.

    Columns split, one a label present, images and subjects; only splits that hold an image.
    """
    counts = table.groupby(["split", "label"]).size().unstack(fill_value=0)
    labels = [label for label in (*reversed(LABELS), UNLABELLED) if label in counts]
    counts = counts[labels].assign(
        images=counts.sum(axis=1), subjects=table.groupby("split")["subject"].nunique()
    )
    return counts.reindex([split for split in SPLITS if split in counts.index]).reset_index()


def subject_counts(table: pd.DataFrame) -> pd.DataFrame:
    """Images of each subject: columns subject, label, split and images, most images first.

    A subject with several labels or splits has them joined, for that alone is worth seeing.
    """
    counts = table.groupby("subject").agg(
        label=("label", _joined), split=("split", _joined), images=("image_id", "size")
    )
    return counts.sort_values(["images"], ascending=False, kind="stable").reset_index()


def _joined(values: "pd.Series[str]") -> str:
    return " and ".join(sorted(set(values)))
