"""Subjects and labels in file names; subject ids merged where two are provably one person.

C-NMC names a cell ``UID_<subject>_<image>_<cell>_<label>.bmp``; normal subjects are ``H<n>``. Some
cells exist under two subject ids: byte-identical files of the public release (51, 75 and 78; 20 and
21; H2, H4, H5 and H6; H3 and H10), and cells cropped twice, which ``duplicate_cells`` detects by
texture (1 and 15; 16 and 20; 43 and 44; H2 and H7; H14 and H24). Such ids stay together in any
split.
"""

import functools
import re
from pathlib import PurePosixPath

from allcore.labels import LABELS

MERGED_GROUPS: tuple[frozenset[str], ...] = (
    frozenset({"1", "15"}),
    frozenset({"16", "20", "21"}),
    frozenset({"43", "44"}),
    frozenset({"51", "75", "78"}),
    frozenset({"H2", "H4", "H5", "H6", "H7"}),
    frozenset({"H3", "H10"}),
    frozenset({"H14", "H24"}),
)

VIEWS = frozenset(
    {"original", "originals", "raw", "segmented", "segmentation", "mask", "masks", "augmented",
     "augmentation", "cropped", "crops", "images"}
)  # fmt: skip
"""Names of folders that hold the same cells in several forms."""

_NAME = re.compile(
    r"(?<![A-Z\d])UID_(?P<subject>H?\d+)_\d+_\d+_(?P<label>all|hem)(?![A-Z\d])", re.IGNORECASE
)
_ALL_IDB = re.compile(r"Im\d{3}_(?P<code>[01])$", re.IGNORECASE)
_COPY_WORDS = (
    "copy|kopie|copie|copia|cópia|kopia|another copy|[0-9]+(?:st|nd|rd|th) copy|副本|コピー|복사본"
)
_COPY_END = re.compile(
    rf"(?:[ _]?\(\d+\)|[ _]\((?:{_COPY_WORDS})\)"
    rf"|[ _]\([^()]*conflicted copy[^()]*\)"
    rf"|[ _]?[-–—_ ] ?(?:{_COPY_WORDS})(?:[ _]?\(?\d+\)?)?)$",
    re.IGNORECASE,
)
_COPY_HINTS = (
    "(",
    "op",
    "óp",
    "副本",
    "コピー",
    "복사본",
)  # one of them is in every mark of a copy
_COPY_START = re.compile(r"^(?:copy of|kopie von|copie de|copia de) ", re.IGNORECASE)


def parse_name(name: str) -> tuple[str, str] | None:
    """Return the subject and label in a C-NMC file name, or None for any other name.

    A copy or version, such as ``UID_H12_3_1_hem (1).bmp``, is of the subject of its original.

    >>> parse_name("UID_H12_3_1_hem.bmp") ('H12', 'hem')
    """
    subject, label = _facts(name.rsplit("/", 1)[-1])
    return (subject, label) if subject and label else None


def label_in_name(name: str) -> str | None:
    """Return the label in a file name of C-NMC or ALL-IDB (``Im001_1.tif``), or None."""
    return _facts(name.rsplit("/", 1)[-1])[1]


@functools.lru_cache(maxsize=2**16)  # the names of a data set are asked for several times
def _facts(name: str) -> tuple[str | None, str | None]:
    """Subject and label in the name of a file."""
    if match := _NAME.search(name):
        return match["subject"].upper(), match["label"].lower()
    match = _ALL_IDB.match(stem_of_original(name))
    return None, LABELS[int(match["code"])] if match else None


def stem_of_original(name: str) -> str:
    """Return a file name without folders, suffix and what marks a copy.

    File managers mark copies by "(1)", "- Copy", "copy 2" or "Copy of", in several languages.
    """
    stem = name.rsplit("/", 1)[-1].rsplit(".", 1)[0]
    if not any(hint in stem.lower() for hint in _COPY_HINTS):
        return stem
    while True:
        plain = _COPY_START.sub("", _COPY_END.sub("", stem))
        if plain == stem or not plain:
            return stem
        stem = plain


def canonical_id(image_id: str) -> str:
    """Return a C-NMC id without folders and suffix; any other id as it is."""
    return PurePosixPath(image_id).stem if parse_name(image_id) else image_id


def original_id(image_id: str) -> str:
    """Return ``canonical_id`` of the image that a C-NMC id names, or is a copy or version of."""
    match = _NAME.search(image_id.rsplit("/", 1)[-1])
    return match[0] if match else image_id


def group_of(subject: str) -> str:
    """Return the group of a subject: itself, or its merged group such as ``51+75+78``."""
    for group in MERGED_GROUPS:
        if subject in group:
            return "+".join(sorted(group, key=lambda name: (len(name), name)))
    return subject
