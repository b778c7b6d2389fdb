"""Summary of a folder or table before it is connected as a data set."""

import os
from dataclasses import dataclass

from allcore.data.manifest import Manifest
from allcore.data.safe_paths import PathResolver
from allcore.labels import CLASS_PLURALS


@dataclass(frozen=True)
class DatasetSummary:
    """Counts of a data set."""

    manifest: Manifest  # the data set
    labels: dict[str | None, int]  # images by label, ``None`` for those without one
    subjects: int
    unknown_subjects: int  # images of unknown subject
    outside: int  # images whose path leads out of the folder
    missing: int  # images that the table names and whose file is missing

    @property
    def layout(self) -> str:
        """The layout that was recognised, in words."""
        return self.manifest.layout

    @property
    def warnings(self) -> list[str]:
        """Warnings about the data set, one sentence each."""
        sentences = [*self.manifest.notes, *self._label_warnings()]
        if self.unknown_subjects:
            images = f"{self.unknown_subjects:,} images don't tell"
            sentences.append(
                f"{images if self.subjects else 'No file name tells'} a subject, so that each such "
                "image counts as a subject of its own and leaks between parts of a split can't be "
                "seen: give a CSV table with a column subject."
            )
        if self.missing:
            sentences.append(
                f"{self.missing:,} of {len(self.manifest):,} images are named by the table and are "
                "not there: they are shown without a picture."
            )
        if self.outside:
            sentences.append(
                f"{self.outside:,} of {len(self.manifest):,} images lead out of the folder and are "
                "not followed: copy the files into it."
            )
        return sentences

    def _label_warnings(self) -> list[str]:
        known = [label for label in self.labels if label is not None]
        if not known:
            return [
                "No image has a label: put them in folders 'all' and 'hem', or give a CSV table "
                "with the columns path and label."
            ]
        if len(known) == 1:
            return [
                f"All labelled images are {CLASS_PLURALS[known[0]]}: with one class alone nothing "
                "can be trained or judged."
            ]
        return []


def summarize(manifest: Manifest) -> DatasetSummary:
    """Count the images, labels and subjects of a manifest without opening images."""
    outside, missing = _count_unreachable(manifest)
    labels = manifest.table["label"].value_counts(dropna=False)
    return DatasetSummary(
        manifest=manifest,
        labels={
            label if isinstance(label, str) else None: int(count) for label, count in labels.items()
        },
        subjects=int(manifest.table["subject"].nunique()),
        unknown_subjects=int(manifest.table["subject"].isna().sum()),
        outside=outside,
        missing=missing,
    )


def _count_unreachable(manifest: Manifest) -> tuple[int, int]:
    """Numbers of images whose path leads out of the folder, and of missing images."""
    resolver, outside, missing = PathResolver(manifest.root), 0, 0
    for path in manifest.table["path"]:
        try:
            file = resolver.resolve(path)
            outside += not resolver.contains(file)
            missing += resolver.contains(file) and not os.path.isfile(file)
        except (OSError, RuntimeError, ValueError):  # circular links, invalid names
            missing += 1
    return outside, missing
