"""What changed in a data set since it was indexed."""

from dataclasses import dataclass

import pandas as pd

from allcore.audit.index import files
from allcore.data.manifest import Manifest


@dataclass(frozen=True)
class Since:
    """Images of a data set beside its index.

    Attributes:
        new: that are not in the index.
        changed: whose file has another place, size or time.
        gone: that are in the index and not in the data set, or whose file is not there any more.
        again: that could not be read and are tried again by the next run.
        unchanged: SHA-256 by path of the files that are as they were.
    """

    new: int
    changed: int
    gone: int
    again: int
    unchanged: dict[str, str]

    @property
    def nothing(self) -> bool:
        """Whether the index is up to date."""
        return not (self.new or self.changed or self.gone)


def since(manifest: Manifest, rows: pd.DataFrame) -> Since:
    """Compare the files of a data set with its index; no file is opened.

    Args:
        manifest: of the data set as it is now.
        rows: table of the index, see ``store.read_rows``.
    """
    columns = ["image_id", "path", "size_bytes", "mtime_ns", "sha256"]
    known = {row[0]: row[1:] for row in rows[columns].itertuples(index=False, name=None)}
    new = changed = gone = again = 0
    unchanged: dict[str, str] = {}
    for state in files.states(manifest):
        before = known.pop(state.image_id, None)
        if before is None:
            new += 1
        elif before[:3] == (state.path, state.size, state.time):
            if state.known and before[3]:
                unchanged[state.path] = before[3]
        elif state.time < 0:
            gone += 1
        elif before[2] < 0:
            again += 1
        else:
            changed += 1
    return Since(new, changed, gone + len(known), again, unchanged)
