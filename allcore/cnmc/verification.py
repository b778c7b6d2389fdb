"""Verification of a folder against the public release.

Files are complete, moved, altered, missing or foreign. Content decides: a file with bytes of the
release is correct under any name; a file with a name of the release and other bytes is altered.
"""

import itertools
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import pandas as pd

from allcore.background import BackgroundThread
from allcore.cnmc import release
from allcore.data import file_digests
from allcore.data.file_digests import Cancelled, Progress, UnreadFile
from allcore.data.layouts.layout import is_image
from allcore.errors import DataError

REMEDY = "`python -m allcore data fetch cnmc` brings what is not right"

FAILED = "The check ended early for a reason that nobody foresaw: see the log, and try again."

STATES = ("in_place", "moved", "altered", "missing")


@dataclass(frozen=True)
class Verification:
    """The files of a folder, matched with those of the release."""

    root: Path
    base: str  # the folder below which the release's paths begin: empty, or ending in a slash
    # the release's rows in its order, with the columns ``state`` (one of ``STATES``) and ``found``
    # (path of the file with the row's content or, where altered, with its name; None where missing)
    rows: pd.DataFrame
    foreign: tuple[str, ...]  # images that are not part of the release
    copies: tuple[str, ...]  # redundant copies of files
    converted: tuple[str, ...]  # images named as in the release but in another format
    other_files: int  # number of files that are no images, such as tables
    refused: tuple[UnreadFile, ...]  # files and folders that were not read, with the reason

    def paths(self, state: str) -> list[str]:
        """Return the release's paths of the files in one of ``STATES``."""
        return self.rows.loc[self.rows["state"] == state, "path"].tolist()

    def counts(self) -> pd.DataFrame:
        """Return files by split and fold: split, fold (empty without one), files and ``STATES``."""
        rows = self.rows.assign(fold=self.rows["fold"].fillna(""))
        keys = [rows["split"], rows["fold"]]
        table = pd.crosstab(keys, rows["state"]).reindex(columns=list(STATES), fill_value=0)
        table.insert(0, "files", table.sum(axis=1))
        order = {split: rank for rank, split in enumerate(release.SPLITS)}
        flat = table.rename_axis(columns=None).reset_index()
        return flat.sort_values("split", key=lambda names: names.map(order), kind="stable")

    @property
    def problem(self) -> str | None:
        """Return one sentence on missing or altered files, or None where every file is correct."""
        counts = {state: len(self.paths(state)) for state in ("missing", "altered")}
        if not any(counts.values()):
            return None
        total = len(self.rows)
        if counts["missing"] == total:
            rest = f", but {self.conversion}." if self.conversion else f": {REMEDY}."
            return f"None of the {total:,} files of {release.NAME} is in {self.root}{rest}"
        sentence = " and ".join(f"{count:,} {state}" for state, count in counts.items() if count)
        return f"Of the {total:,} files of {release.NAME}, {sentence} in {self.root}: {REMEDY}."

    @property
    def conversion(self) -> str | None:
        """Return a note on converted images, without a full stop, or None."""
        names = self.converted
        if not names:
            return None
        suffixes = Counter(PurePosixPath(name).suffix.lower() for name in names)
        formats = ", ".join(suffix for suffix, _ in suffixes.most_common())
        return (
            f"{len(names):,} pictures are named as in the release but are {formats} files: they "
            "were converted, so they are no originals and can't be checked"
        )


def verify(
    root: Path,
    *,
    progress: Progress | None = None,
    cancelled: Cancelled | None = None,
    known: Mapping[str, str] | None = None,
) -> Verification:
    """Check every file of a folder against the release; no file is changed.

    A file whose size does not occur in the release is foreign or altered and is not read.

    Args:
        progress: called with the bytes done and the total.
        cancelled: called after every file; True ends the check.
        known: SHA-256 by relative path (with slashes) of files that need not be read again.

    Raises:
        DataError: the folder is missing or can't be read, or the check was cancelled.
    """
    facts = release.read_release()
    listing = file_digests.list_files(root)
    possible = set(facts["size"].tolist())
    known = known or {}
    pairs = zip(listing.paths, listing.sizes, strict=True)
    sized = {path: size for path, size in pairs if size in possible and path not in known}
    digests, unread = file_digests.compute_digests(
        listing.root, sized, progress=progress, cancelled=cancelled
    )
    if sized and not listing.root.is_dir():
        raise DataError(f"{listing.root} vanished during the check: connect it and run it again.")
    unread_paths = {file.path for file in unread}
    paths = [path for path in listing.paths if path not in unread_paths]
    refused = sorted([*listing.refused, *unread])
    by_path = {path: known[path] for path in paths if path in known} | digests
    return match_files(facts, paths, by_path, root=listing.root, refused=tuple(refused))


def match_files(
    facts: pd.DataFrame,
    paths: Sequence[str],
    by_path: Mapping[str, str],
    *,
    root: Path,
    refused: tuple[UnreadFile, ...],
) -> Verification:
    """Match files with the release; one without a digest in `by_path` is not part of it.

    A file matches at most one row. Where the release holds the same bytes twice, a single copy
    leaves the other row missing.
    """
    base = _base(facts["path"], paths)
    by_name = {base + path: row for row, path in enumerate(facts["path"])}
    by_key = {_key(path): row for path, row in by_name.items()}
    digests = facts["sha256"].tolist()
    by_digest: dict[str, list[int]] = defaultdict(list)
    for row, digest in enumerate(digests):
        by_digest[digest].append(row)
    file_of: dict[int, str] = {}

    def take(path: str, rows: Iterable[int | None]) -> bool:
        """Assign a file to the first row that is free and has its digest."""
        for row in rows:
            if row is not None and row not in file_of and digests[row] == by_path.get(path):
                file_of[row] = path
                return True
        return False

    rest = [path for path in paths if not take(path, [by_name.get(path)])]
    # A file under the row's own name takes precedence over other files with its bytes.
    rest = [path for path in rest if not take(path, [by_key.get(_key(path))])]
    known = [path for path in rest if by_path.get(path) in by_digest]
    copies = [path for path in known if not take(path, by_digest[by_path[path]])]
    right = set(file_of)
    same_path = ((path, by_name.get(path)) for path in paths)
    same_name = ((path, by_key.get(_key(path))) for path in paths)
    for path, row_with_name in itertools.chain(same_path, same_name):
        if row_with_name is not None:
            file_of.setdefault(row_with_name, path)
    unknown = sorted(set(rest) - set(known) - set(file_of.values()))
    pictures = [path for path in unknown if is_image(path)]
    as_bmp = {path: str(PurePosixPath(path).with_suffix(".bmp")) for path in pictures}
    converted = [path for path in pictures if _key(as_bmp[path]) in by_key]
    states = [
        "missing" if row not in file_of
        else "altered" if row not in right
        else "in_place" if file_of[row] == path
        else "moved"
        for path, row in by_name.items()
    ]  # fmt: skip
    found = [file_of.get(row) for row in range(len(facts))]
    columns = {"state": states, "found": found}
    series = {k: pd.Series(v, index=facts.index, dtype=object) for k, v in columns.items()}
    return Verification(
        root=root,
        base=base,
        rows=facts.assign(**series),
        foreign=tuple(sorted(set(pictures) - set(converted))),
        copies=tuple(copies),
        converted=tuple(converted),
        other_files=len(unknown) - len(pictures),
        refused=refused,
    )


def _base(wanted: Iterable[str], paths: Iterable[str]) -> str:
    """Return the most frequent path prefix before the release's paths."""
    by_key = {_key(path): path for path in wanted}
    ends = ((path, by_key.get(_key(path))) for path in paths)
    bases = Counter(
        path[: len(path) - len(end)] for path, end in ends if end and f"/{path}".endswith(f"/{end}")
    )
    return min(bases, key=lambda base: (-bases[base], base)) if bases else ""


def _key(path: str) -> str:
    """Return the file name; for numbered test images, folder and file name."""
    *folders, name = path.split("/")
    return f"{folders[-1]}/{name}" if folders and name[:1].isdigit() else name


class VerificationJob(BackgroundThread):
    """Verification of a folder in a background thread, which counts bytes.

    Args:
        known: SHA-256 by path of files that need not be read again.
    """

    def __init__(self, root: Path, known: Mapping[str, str]) -> None:
        super().__init__("a check of the release")
        self.root = root
        self.result: Verification | None = None
        self._known = known
        self.start()

    @property
    def problem(self) -> str | None:
        """Why it ended without a result."""
        if self.error is None:
            return None
        return str(self.error) if isinstance(self.error, DataError) else FAILED

    def work(self) -> None:
        """Verify the folder."""
        self.result = verify(
            self.root,
            progress=self.advance,
            cancelled=self._cancelled.is_set,
            known=self._known,
        )
