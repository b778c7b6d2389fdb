"""Subjects: parsed from C-NMC file names, merged where two ids are provably one person.

C-NMC names a cell ``UID_<subject>_<image>_<cell>_<label>.bmp``; normal subjects are ``H<n>``. Some
cells exist under two subject ids: byte-identical files of the public release (51, 75 and 78; 20 and
21; H2, H4, H5 and H6; H3 and H10), and cells cropped twice, which ``duplicate_cells`` detects by
texture (1 and 15; 16 and 20; 43 and 44; H2 and H7; H14 and H24). Such ids stay together in any
split.
"""

import re

MERGED_GROUPS: tuple[frozenset[str], ...] = (
    frozenset({"1", "15"}),
    frozenset({"16", "20", "21"}),
    frozenset({"43", "44"}),
    frozenset({"51", "75", "78"}),
    frozenset({"H2", "H4", "H5", "H6", "H7"}),
    frozenset({"H3", "H10"}),
    frozenset({"H14", "H24"}),
)

_NAME = re.compile(r"UID_(?P<subject>H?\d+)_\d+_\d+_(?P<label>all|hem)$", re.IGNORECASE)


def parse_name(name: str) -> tuple[str, str] | None:
    """Return the subject and label in a C-NMC file name, or None for any other name.

    >>> parse_name("UID_H12_3_1_hem.bmp") ('H12', 'hem')
    """
    match = _NAME.match(name.rsplit("/", 1)[-1].rsplit(".", 1)[0])
    return (match["subject"].upper(), match["label"].lower()) if match else None


def group_of(subject: str) -> str:
    """Return the group of a subject: itself, or its merged group such as ``51+75+78``."""
    for group in MERGED_GROUPS:
        if subject in group:
            return "+".join(sorted(group, key=lambda name: (len(name), name)))
    return subject
