"""The two classes of cells: their codes, names and colours."""

import functools
import re
from typing import Literal

Label = Literal["all", "hem"]
"""An ALL blast (class 1) or a normal cell (class 0), in the codes of C-NMC 2019."""
Verdict = Literal["all", "hem", "refused"]
"""The prediction for one image."""

LABELS: tuple[Label, Label] = ("hem", "all")
"""The labels in the order of their class numbers: normal cells are 0, ALL blasts are 1."""

CLASS_NAMES = {"all": "ALL blast", "hem": "normal"}
"""Names of the classes within a sentence."""
CLASS_PLURALS = {"all": "ALL blasts", "hem": "normal cells"}
CLASS_COLOURS = {"all": "#D55E00", "hem": "#0072B2"}
"""Vermilion and blue of Okabe and Ito's palette for colour-blind readers."""
VERDICT_NAMES = {**CLASS_NAMES, "refused": "refused"}
VERDICT_TITLES = {"all": "ALL blast", "hem": "Normal", "refused": "Refused"}

_WORDS: dict[str, Label] = {
    "all": "all", "all blast": "all", "all blasts": "all", "blast": "all", "blasts": "all",
    "all cell": "all", "all cells": "all", "leukemia": "all", "leukaemia": "all",
    "leukemic": "all", "leukaemic": "all", "lymphoblast": "all", "lymphoblasts": "all",
    "malignant": "all", "positive": "all", "cancer": "all", "cancerous": "all", "abnormal": "all",
    "sick": "all", "diseased": "all", "unhealthy": "all",
    "hem": "hem", "normal": "hem", "normal cell": "hem", "normal cells": "hem", "healthy": "hem",
    "benign": "hem", "negative": "hem", "control": "hem",
}  # fmt: skip
CLASS_ALIASES: dict[str, Label] = _WORDS | {
    f"{negation} {word}": "hem" if label == "all" else "all"
    for negation in ("non", "not", "no")
    for word, label in _WORDS.items()
}
"""Aliases of the classes in tables and class folders, in lower case with blanks between words."""
LABEL_ALIASES: dict[str, Label] = CLASS_ALIASES | {
    "1": "all", "true": "all", "yes": "all", "0": "hem", "false": "hem", "no": "hem",
}  # fmt: skip
"""Aliases with the codes of tables."""


def parse_label(text: object) -> Label | None:
    """Return the label of a word or a code as people write it; None where it is unknown.

    Case, blanks, underscores and hyphens don't matter, nor does the form of a number.

    >>> parse_label(" Normal_Cell "), parse_label("1.0"), parse_label("AML")
    ('hem', 'all', None)
    """
    return LABEL_ALIASES.get(label_key(text))


@functools.lru_cache(maxsize=1024)
def label_key(text: object) -> str:
    """Return a word or code in the form of the keys of ``LABEL_ALIASES``.

    A number in brackets behind a word, its code or a count, is left out.
    """
    plain = re.sub(r"(?<=[^\W\d_])\s*\(\d+\)\s*$", "", str(text))
    words = re.sub(r"(?<=[^\W\d_])[\s_-]+|[\s_]+", " ", plain).strip().casefold()
    return re.sub(r"^\+?(\d+)(?:[.,]0*)?$", r"\1", words)
