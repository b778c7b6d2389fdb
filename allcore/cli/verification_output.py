"""What a check or a download of the public release found, for people and for machines."""

import json
import sys
from collections import Counter
from collections.abc import Sequence

from allcore.cnmc import release
from allcore.cnmc.download import FetchResult
from allcore.cnmc.verification import STATES, Verification

SHOWN = 10
"""Paths of a kind that a person is shown; ``--json`` gives all."""


def as_json(found: Verification) -> str:
    """Every finding as one JSON object: counts by split and fold, and the paths of each kind."""
    rows = found.found.rows
    return json.dumps(
        {
            "root": str(found.root),
            "complete": found.problem is None,
            "counts": found.counts().to_dict("records"),
            **{
                state: rows.loc[rows["state"] == state, ["path", "found"]].to_dict("records")
                for state in STATES[1:]
            },
            "foreign": found.found.foreign,
            "copies": found.found.copies,
            "converted": found.found.converted,
            "refused": [{"path": each.path, "reason": each.reason} for each in found.refused],
            "others": found.found.others,
        },
        indent=2,
    )


def as_text(found: Verification) -> str:
    """The counts and the first paths of each kind."""
    lines = [found.counts().to_string(index=False)]
    if found.conversion:
        lines += ["", f"{found.conversion}."]
    rows = found.found.rows
    moved = rows[rows["state"] == "moved"]
    lines += _block("missing", found.paths("missing"))
    lines += _block("altered", found.paths("altered"))
    lines += _block(
        "under another name or folder",
        [f"{path}: {file}" for path, file in zip(moved["path"], moved["found"], strict=True)],
    )
    lines += _block("not of the release", found.found.foreign)
    lines += _block("further copies", found.found.copies)
    lines += _block("not read", [f"{each.path} ({each.reason})" for each in found.refused])
    if found.problem is None:
        lines += ["", f"All {len(rows):,} files are there as they were published."]
    return _printable("\n".join(lines))


def fetched(done: FetchResult) -> str:
    """What came and what is there now."""
    rows = done.verification.found.rows
    right = int(rows["state"].isin(["in_place", "moved"]).sum())
    lines = [
        f"{done.brought:,} files brought; {right:,} of {len(rows):,} are now in "
        f"{done.verification.root} as they were published."
    ]
    if not done.labels and (rows["split"] == "prelim").any():
        lines.append(
            "The labels of the preliminary test images did not come with them: put "
            f"{release.LABELS_TABLE} there by hand, for without it they have none."
        )
    return _printable("\n".join(lines))


def not_whole(done: FetchResult) -> str:
    """One sentence on why a download is not whole."""
    if not done.failures:
        return f"The source lacks some files. {done.verification.problem}"
    reasons = Counter(each.reason for each in done.failures)
    reason, count = reasons.most_common(1)[0]
    example = next(each.path for each in done.failures if each.reason == reason)
    return (
        f"{len(done.failures):,} did not come, {count:,} because {reason}, such as {example}: run "
        "the command again to go on, or take another source."
    )


def _block(said: str, paths: Sequence[str]) -> list[str]:
    """An empty line, the number of paths and the first of them; nothing without any."""
    if not paths:
        return []
    more = [f"and {len(paths) - SHOWN:,} more (--json)"] if len(paths) > SHOWN else []
    return ["", f"{len(paths):,} {said}:", *(f"  {line}" for line in [*paths[:SHOWN], *more])]


def _printable(text: str) -> str:
    """The same where a file name holds what the terminal's encoding has not."""
    encoding = sys.stdout.encoding or "utf-8"
    return text.encode(encoding, "backslashreplace").decode(encoding)
