"""Summary of a folder or table before it is connected as a data set."""

import os
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

import pandas as pd

from allcore.data import subjects
from allcore.data.manifest import Manifest
from allcore.data.safe_paths import PathResolver
from allcore.data.splits import EXCLUDED, PARTS
from allcore.formats import count
from allcore.labels import CLASS_PLURALS

NONE = "none"
"""Name of the images without label or split in ``DatasetSummary.as_dict``."""


@dataclass(frozen=True)
class DatasetSummary:
    """Counts of a data set."""

    manifest: Manifest  # the data set
    labels: dict[str | None, int]  # images by label, ``None`` for those without one
    splits: dict[str | None, int]  # images by split; empty where no image is in one
    subjects: int
    unknown_subjects: int  # images of unknown subject
    divided_subjects: tuple[str, ...]  # subjects in file names that a table divides into several
    similar_subjects: tuple[tuple[str, str], ...]  # that differ in case or leading zeros alone
    outside: int  # images whose path leads out of the folder
    missing: int  # images that the table names and whose file is missing

    @property
    def layout(self) -> str:
        """The layout that was recognised, in words."""
        return self.manifest.layout

    @property
    def sentence(self) -> str:
        """Layout, and numbers of images, subjects and labels."""
        subjects = f" of {count(self.subjects, 'subject')}" if self.subjects else ""
        nouns = [*CLASS_PLURALS.items(), (None, "without a label")]
        labels = ", ".join(
            f"{self.labels[label]:,} {noun}" for label, noun in nouns if label in self.labels
        )
        images = count(len(self.manifest), "image")
        return f"Read as {self.layout}: {images}{subjects} ({labels})."

    @property
    def warnings(self) -> list[str]:
        """What has to be decided about the labels, and ``notes``."""
        conflict = self.manifest.conflict
        return [*([conflict.sentence] if conflict else []), *self.notes]

    @property
    def notes(self) -> list[str]:
        """Warnings about the data set, one sentence each."""
        sentences = [
            *self.manifest.notes, *self._label_warnings(), *self._subject_warnings(),
            *self._part_warnings(), *_view_warnings(self.manifest.table),
        ]  # fmt: skip
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

    def as_dict(self) -> dict[str, Any]:
        """Return the fields of ``data show --json``."""
        counts = {
            name: {key or NONE: number for key, number in values.items()}
            for name, values in (("labels", self.labels), ("splits", self.splits))
        }
        return {
            "layout": self.layout,
            "images": len(self.manifest),
            **counts,
            "subjects": self.subjects or None,
            "left_out": [asdict(files) for files in self.manifest.left_out],
            "warnings": self.warnings,
        }

    def _label_warnings(self) -> list[str]:
        conflict = self.manifest.conflict
        known = [label for label in self.labels if label is not None]
        if not known and (conflict is None or conflict.decided):
            return [
                "No image has a label: put them in folders 'all' and 'hem', give a CSV table with "
                "the columns path and label, or name the classes of other folders by "
                "--labels FOLDER=all,FOLDER=hem."
            ]
        if len(known) == 1:
            return [
                f"All labelled images are {CLASS_PLURALS[known[0]]}: with one class alone nothing "
                "can be trained or judged."
            ]
        return []

    def _subject_warnings(self) -> list[str]:
        sentences = []
        if self.unknown_subjects:
            images = f"{self.unknown_subjects:,} images don't tell"
            sentences.append(
                f"{images if self.subjects else 'No file name tells'} a subject, so that each such "
                "image counts as a subject of its own and leaks between parts of a split can't be "
                "seen: give a CSV table with a column subject."
            )
        if self.divided_subjects:
            sentences.append(
                f"The table divides {count(len(self.divided_subjects), 'subject')} of C-NMC's file "
                f"names into several, such as {self.divided_subjects[0]}: one person may then be "
                "in two parts of a split, so correct its column subject."
            )
        if self.similar_subjects:
            sentences.append(
                f"Subjects such as {' and '.join(self.similar_subjects[0])} differ in case, blanks "
                "or zeros alone: write one person alike in all rows."
            )
        return sentences

    def _part_warnings(self) -> list[str]:
        unknown = [part for part in self.splits if part not in (None, *PARTS, EXCLUDED)]
        if not unknown:
            return []
        images = sum(self.splits[part] for part in unknown)
        return [
            f"{count(images, 'image')} of {len(self.manifest):,} are in a part that is not known, "
            f"such as '{unknown[0]:.40}': write {', '.join(PARTS)} or {EXCLUDED}."
        ]


def summarize(manifest: Manifest) -> DatasetSummary:
    """Count the images, labels and subjects of a manifest without opening images."""
    outside, missing = _count_unreachable(manifest)
    splits = _counts(manifest, "split")
    return DatasetSummary(
        manifest=manifest,
        labels=_counts(manifest, "label"),
        splits=splits if set(splits) != {None} else {},
        subjects=int(manifest.table["subject"].nunique()),
        unknown_subjects=int(manifest.table["subject"].isna().sum()),
        divided_subjects=_divided_subjects(manifest),
        similar_subjects=_similar_subjects(manifest.table["subject"].dropna().unique()),
        outside=outside,
        missing=missing,
    )


def _counts(manifest: Manifest, column: str) -> dict[str | None, int]:
    counts = manifest.table[column].value_counts(dropna=False)
    return {value if isinstance(value, str) else None: int(n) for value, n in counts.items()}


def _divided_subjects(manifest: Manifest) -> tuple[str, ...]:
    """Subjects in C-NMC's file names whose images the manifest gives to several groups."""
    table = manifest.table[["path", "group"]].drop_duplicates("path")
    named = [subjects.parse_name(str(path)) for path in table["path"]]
    names = pd.Series([name and name[0] for name in named], index=table.index, dtype=object)
    groups = table["group"].groupby(names).nunique()
    return tuple(sorted(groups.index[groups > 1].astype(str)))


def _similar_subjects(names: Iterable[str]) -> tuple[tuple[str, str], ...]:
    first: dict[str, str] = {}
    keys = {name: re.sub(r"\b0+(?=\d)|[\s_-]", "", name.casefold()) for name in names}
    pairs = ((first.setdefault(key, name), name) for name, key in keys.items())
    return tuple(pair for pair in pairs if pair[0] != pair[1])


def _view_warnings(table: pd.DataFrame) -> list[str]:
    """Warning about pictures of one cell in folders such as ``original`` and ``segmented``."""
    cells = table[table["subject"].isna() & table["group"].duplicated(keep=False)]
    paths = [path for path in cells["path"] if subjects.VIEWS & set(path.casefold().split("/"))]
    if not paths:
        return []
    return [
        f"{count(len(paths), 'picture')} such as {paths[0]} have the name of another one beside "
        "their folder, so that they may show the same cell in another form: they count as one cell "
        "in a split, so open one of the folders alone for one form."
    ]


def _count_unreachable(manifest: Manifest) -> tuple[int, int]:
    """Numbers of images whose path leads out of the folder, and of missing images."""
    resolver, outside, missing = PathResolver(manifest.root), 0, 0
    files: dict[str, frozenset[str]] = {}
    for path in manifest.table["path"]:
        folder, _, name = path.rpartition("/")
        if folder not in files:
            files[folder] = _regular_files(folder, resolver)
        if name in files[folder]:
            continue
        try:
            file = resolver.resolve(path)
            outside += not resolver.contains(file)
            missing += resolver.contains(file) and not os.path.isfile(file)
        except (OSError, RuntimeError, ValueError):  # circular links, invalid names
            missing += 1
    return outside, missing


def _regular_files(folder: str, resolver: PathResolver) -> frozenset[str]:
    """Names of the files, links left out, in a folder below the root; none of one outside."""
    try:
        place = resolver.resolve(folder) if folder else resolver.root
        if not resolver.contains(place):
            return frozenset()
        with os.scandir(place) as entries:
            return frozenset(
                entry.name for entry in entries if entry.is_file(follow_symlinks=False)
            )
    except (OSError, RuntimeError, ValueError):
        return frozenset()
