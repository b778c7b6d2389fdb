"""What is in a data set: counts, and the images that filters leave. Tables in, tables out."""

from collections.abc import Collection
from dataclasses import dataclass

import pandas as pd

from allcore.data.manifest import LABELS, Manifest
from allcore.notice import RESEARCH_USE

PAGE_SIZE = 48
UNKNOWN = "not in a split"
UNLABELLED = "no label"
SPLITS = ("train", "validation", "test", UNKNOWN)


@dataclass(frozen=True)
class Page:
    """Some of the images, in order.

    Attributes:
        rows: the images of this page.
        number: which page, from 1.
        pages: how many there are, at least 1.
        first: place of its first image among all, from 1; 0 where there is none.
        total: images on all pages.
    """

    rows: pd.DataFrame
    number: int
    pages: int
    first: int
    total: int

    @property
    def last(self) -> int:
        """Place of the page's last image among all."""
        return max(0, self.first + len(self.rows) - 1)


def described(manifest: Manifest, parts: "pd.Series[str] | None" = None) -> pd.DataFrame:
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


def filtered(
    table: pd.DataFrame,
    *,
    labels: Collection[str] = (),
    subjects: Collection[str] = (),
    splits: Collection[str] = (),
    text: str = "",
) -> pd.DataFrame:
    """The images that meet every filter; an empty filter lets all pass.

    ``text`` is looked for in image ids and paths, whatever its case.
    """
    kept = pd.Series(True, index=table.index)
    for column, wanted in (("label", labels), ("subject", subjects), ("split", splits)):
        if wanted:
            kept &= table[column].isin(list(wanted))
    word = text.strip().lower()
    if word:
        found = [column.str.lower().str.contains(word, regex=False) for column in _texts(table)]
        kept &= found[0] | found[1]
    return table[kept]


def page(table: pd.DataFrame, number: int, *, size: int = PAGE_SIZE) -> Page:
    """Page ``number`` (from 1) of the images, or the nearest one that there is."""
    pages = max(1, -(-len(table) // size))
    number = min(max(number, 1), pages)
    start = (number - 1) * size
    rows = table.iloc[start : start + size]
    return Page(rows, number, pages, first=start + 1 if len(rows) else 0, total=len(table))


def csv(table: pd.DataFrame) -> str:
    """The images as CSV, each row with the line on research use."""
    return str(table.assign(notice=RESEARCH_USE).to_csv(index=False, lineterminator="\n"))


def _texts(table: pd.DataFrame) -> "tuple[pd.Series[str], pd.Series[str]]":
    return table["image_id"].astype(str), table["path"].astype(str)


def _joined(values: "pd.Series[str]") -> str:
    return " and ".join(sorted(set(values)))
