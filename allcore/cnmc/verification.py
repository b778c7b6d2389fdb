"""Verification of a folder against the public release.

Files are complete, moved, altered, missing or foreign. Content decides: a file with bytes of the
release is correct under any name; a file with a name of the release and other bytes is altered.
"""

import logging
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import pandas as pd

from allcore.cnmc import release
from allcore.data import file_digests
from allcore.data.file_digests import Cancelled, Progress, UnreadFile
from allcore.data.layouts.layout import is_image
from allcore.errors import DataError

log = logging.getLogger(__name__)

REMEDY = "`python -m allcore data fetch cnmc` brings what is not right"

FAILED = "The check ended early for a reason that nobody foresaw: see the log, and try again."

STATES = ("in_place", "moved", "altered", "missing")


@dataclass(frozen=True)
class Comparison:
    """Files of a folder matched with those of the release.

    Attributes:
        base: the folder below which the release's paths begin: empty, or ending in a slash.
        rows: the release's rows in its order, with the columns ``state`` (one of ``STATES``) and
            ``found`` (path of the file with the row's content or, where altered, with its name;
            None where missing).
        foreign: images that are not part of the release.
        copies: redundant copies of files.
        converted: images named as in the release but in another format.
        others: number of files that are no images, such as tables.
    """

    base: str
    rows: pd.DataFrame
    foreign: tuple[str, ...]
    copies: tuple[str, ...]
    converted: tuple[str, ...]
    others: int


@dataclass(frozen=True)
class Verification:
    """The result of verifying a folder.

    Attributes:
        found: its files matched with those of the release.
        refused: files and folders that were not read, with the reason.
    """

    root: Path
    found: Comparison
    refused: tuple[UnreadFile, ...]

    def paths(self, state: str) -> list[str]:
        """Return the release's paths of the files in one of ``STATES``."""
        rows = self.found.rows
        return rows.loc[rows["state"] == state, "path"].tolist()

    def counts(self) -> pd.DataFrame:
        """Return files by split and fold: split, fold (empty without one), files and ``STATES``."""
        rows = self.found.rows.assign(fold=self.found.rows["fold"].fillna(""))
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
        total = len(self.found.rows)
        if counts["missing"] == total:
            sentence = f"None of the {total:,} files of {release.NAME} is in {self.root}"
            return (
                f"{sentence}, but {self.conversion}."
                if self.conversion
                else f"{sentence}: {REMEDY}."
            )
        sentence = " and ".join(f"{count:,} {state}" for state, count in counts.items() if count)
        return f"Of the {total:,} files of {release.NAME}, {sentence} in {self.root}: {REMEDY}."

    @property
    def conversion(self) -> str | None:
        """Return a note on converted images, without a full stop, or None."""
        names = self.found.converted
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
    facts: pd.DataFrame | None = None,
    *,
    progress: Progress | None = None,
    cancelled: Cancelled | None = None,
    workers: int | None = None,
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
    facts = release.read_release() if facts is None else facts
    listing = file_digests.list_files(root)
    possible = set(facts["size"].tolist())
    known = known or {}
    pairs = zip(listing.paths, listing.sizes, strict=True)
    sized = [(path, size) for path, size in pairs if size in possible and path not in known]
    hashed = file_digests.compute_digests(
        listing.root,
        [path for path, _ in sized],
        [size for _, size in sized],
        progress=progress,
        cancelled=cancelled,
        workers=workers,
    )
    if sized and not listing.root.is_dir():
        raise DataError(f"{listing.root} vanished during the check: connect it and run it again.")
    unread = {file.path for file in hashed.refused}
    paths = [path for path in listing.paths if path not in unread]
    refused = file_digests.sorted_by_path([*listing.refused, *hashed.refused])
    by_path = {path: known[path] for path in paths if path in known} | hashed.by_path
    return Verification(listing.root, compare(facts, paths, by_path), tuple(refused))


def compare(facts: pd.DataFrame, paths: Sequence[str], by_path: Mapping[str, str]) -> Comparison:
    """Match the files of a folder with the release.

    A file matches at most one row. Where the release holds the same bytes twice, a single copy
    leaves the other row missing.

    Args:
        paths: files of the folder, relative, with slashes.
        by_path: SHA-256 of candidate files; files without one are not part of the release.
    """
    base = _base(facts["path"], paths)
    names = _Names(facts["path"], base)
    rows = _Rows(facts["sha256"].tolist())
    rest = [path for path in paths if not rows.take(path, by_path.get(path), names.exact(path))]
    # A file under the row's own name takes precedence over other files with its bytes.
    rest = [path for path in rest if not rows.take(path, by_path.get(path), names.alike(path))]
    known = [path for path in rest if by_path.get(path) in rows.of_digest]
    copies = [path for path in known if not rows.take_any(path, by_path[path])]
    for name in (names.exact, names.alike):
        rows.mark_altered((path, name(path)) for path in paths)
    unknown = sorted(set(rest) - set(known) - {path for path in rows.found if path})
    pictures = [path for path in unknown if is_image(path)]
    converted = [path for path in pictures if names.converted(path)]
    found = pd.Series(rows.found, index=facts.index, dtype=object)
    table = facts.assign(state=rows.states(base, facts["path"]), found=found)
    return Comparison(
        base=base,
        rows=table.astype({"state": object}),
        foreign=tuple(sorted(set(pictures) - set(converted))),
        copies=tuple(copies),
        converted=tuple(converted),
        others=len(unknown) - len(pictures),
    )


class _Names:
    """Lookup of the release's row by file name."""

    def __init__(self, paths: Iterable[str], base: str) -> None:
        self.rows = {base + path: row for row, path in enumerate(paths)}
        self.keys = {_key(path): row for path, row in self.rows.items()}

    def exact(self, path: str) -> int | None:
        """Return the row with the same path."""
        return self.rows.get(path)

    def alike(self, path: str) -> int | None:
        """Return the row with the same file name, in any folder."""
        return self.keys.get(_key(path))

    def converted(self, path: str) -> bool:
        """True if the name is a row's with another suffix."""
        return _key(str(PurePosixPath(path).with_suffix(".bmp"))) in self.keys


class _Rows:
    """Assignment of files to rows of the release."""

    def __init__(self, wanted: list[str]) -> None:
        self.wanted = wanted
        self.found: list[str | None] = [None] * len(wanted)
        self.altered: set[int] = set()
        self.of_digest: dict[str, list[int]] = defaultdict(list)
        for row, digest in enumerate(wanted):
            self.of_digest[digest].append(row)

    def take(self, path: str, digest: str | None, row: int | None) -> bool:
        """Assign a file to a row if the row is free and has the file's digest."""
        if row is None or self.found[row] is not None or self.wanted[row] != digest:
            return False
        self.found[row] = path
        return True

    def take_any(self, path: str, digest: str) -> bool:
        """Assign a file to the first free row with its digest."""
        return any(self.take(path, digest, row) for row in self.of_digest[digest])

    def mark_altered(self, named: Iterable[tuple[str, int | None]]) -> None:
        """Mark rows without a file as altered where a file has their name."""
        for path, row in named:
            if row is not None and self.found[row] is None:
                self.found[row] = path
                self.altered.add(row)

    def states(self, base: str, paths: Iterable[str]) -> list[str]:
        """Return the state of each row."""
        return [
            "missing" if found is None
            else "altered" if row in self.altered
            else "in_place" if found == base + path
            else "moved"
            for row, (found, path) in enumerate(zip(self.found, paths, strict=True))
        ]  # fmt: skip


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


class VerificationJob:
    """Verification of a folder in a background thread.

    Args:
        known: SHA-256 by path of files that need not be read again.
    """

    def __init__(self, root: Path, known: Mapping[str, str]) -> None:
        self.root = root
        self.result: Verification | None = None
        self.problem: str | None = None
        self.done, self.total = 0, 0
        """Number of bytes read, and total number of bytes."""
        self._known = known
        self._cancelled = threading.Event()
        self._started = time.monotonic()
        self._thread = threading.Thread(target=self._work, name="check", daemon=True)
        self._thread.start()

    @property
    def running(self) -> bool:
        """True if the job has no result yet."""
        return self._thread.is_alive()

    @property
    def cancelled(self) -> bool:
        """True if the job was cancelled."""
        return self._cancelled.is_set()

    @property
    def seconds_left(self) -> float | None:
        """Estimated remaining seconds at the current rate; None where unknown."""
        spent = time.monotonic() - self._started
        return spent / self.done * (self.total - self.done) if self.done else None

    def wait(self, seconds: float) -> bool:
        """Wait at most ``seconds``; return True once the job has ended."""
        self._thread.join(seconds)
        return not self.running

    def cancel(self) -> None:
        """Cancel the job after the current file."""
        self._cancelled.set()

    def _progress(self, done: int, total: int) -> None:
        self.done, self.total = done, total

    def _work(self) -> None:
        try:
            self.result = verify(
                self.root,
                progress=self._progress,
                cancelled=self._cancelled.is_set,
                known=self._known,
            )
        except DataError as error:
            self.problem = str(error)
        except Exception:
            log.exception("a check ended early")
            self.problem = FAILED
