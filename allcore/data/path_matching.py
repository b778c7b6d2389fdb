"""Matching of the paths in a table with files, whatever folders each gives.

Paths are compared without case, by their longest common end and at last by the file name without
its suffix, so that absolute paths, backslashes and bare names of another machine are matched too. A
path that could be one of several files matches none.
"""

import unicodedata
from collections import defaultdict
from collections.abc import Hashable, Iterator, Sequence
from pathlib import PurePosixPath

AMBIGUOUS = -1
"""Match of a path that could be several of the others."""
_MAX_PARTS = 8


def match(
    paths: Sequence[str], others: Sequence[str], *, groups: Sequence[Hashable] | None = None
) -> list[int | None]:
    """Return the position in ``others`` of each path; None or ``AMBIGUOUS`` where there is none.

    Where several different paths match one of the others, the one with the longest common end does;
    if there are several of these, all are ambiguous.

    Args:
        paths: to find.
        others: to find them in.
        groups: of the others; several others of one group are as good as one.
    """
    positions: dict[str, list[int]] = defaultdict(list)
    for position, other in enumerate(others):
        for end in set(_ends(other)):
            positions[end].append(position)
    ends = [next((end for end in _ends(path) if end in positions), "") for path in paths]
    closest: dict[int, dict[str, int]] = defaultdict(dict)
    for path, end in zip(paths, ends, strict=True):
        for position in positions.get(end, ()):
            closest[position][_plain(path)] = len(end)
    matches: list[int | None] = []
    for end in ends:
        found = positions.get(end, [])
        if not found:
            matches.append(None)
        elif len(set(found if groups is None else (groups[i] for i in found))) > 1:
            matches.append(AMBIGUOUS)
        else:
            matches.append(_unless_another_is_closer(found[0], len(end), closest[found[0]]))
    return matches


def _unless_another_is_closer(position: int, length: int, lengths: dict[str, int]) -> int | None:
    longest = max(lengths.values())
    if length < longest:
        return None
    return position if list(lengths.values()).count(longest) == 1 else AMBIGUOUS


def _plain(path: str) -> str:
    return unicodedata.normalize("NFC", path.strip().replace("\\", "/")).casefold()


def _ends(path: str) -> Iterator[str]:
    """Yield the ends of a path, the longest first, then the name without its suffix."""
    parts = [part for part in _plain(path).split("/") if part not in ("", ".")][-_MAX_PARTS:]
    for start in range(len(parts)):
        yield "/".join(parts[start:])
    if parts:
        yield PurePosixPath(parts[-1]).stem
