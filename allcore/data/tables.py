"""CSV tables that say which pictures belong to a data set."""

from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from allcore.errors import DataError
from allcore.labels import LABEL_ALIASES

Rows = list[dict[str, str | None]]
"""One row a picture, as ``manifest.build`` takes them."""


def rows(path: Path, needs: Iterable[str] = ()) -> Rows | None:
    """The rows of a CSV table as ``manifest.build`` takes them.

    Args:
        path: the table.
        needs: columns without which it is a table of something else.

    Returns:
        None where there is no such table.

    Raises:
        DataError: it can't be read, or names no files.
    """
    if not path.is_file():
        return None
    found = csv(path)
    if not set(needs) <= set(found):
        return None
    found = found.rename(columns={"file": "path", "bmp_sha256": "sha256"})
    if "path" not in found:
        raise DataError(f"{path} has no column 'path' or 'file': name the image files in one.")
    if "label" in found:
        found["label"] = found["label"].str.lower().map(lambda word: LABEL_ALIASES.get(word, word))
    return [{str(key): value for key, value in row.items()} for row in found.to_dict("records")]


def csv(path: Path) -> pd.DataFrame:
    """A CSV table as text, empty cells as empty text.

    Raises:
        DataError: it can't be read.
    """
    try:
        return pd.read_csv(path, dtype=str, keep_default_na=False)
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise DataError(f"{path} can't be read as a CSV table: {error}.") from error
    except OSError as error:
        raise DataError(f"{path} can't be read ({error.strerror}): check its rights.") from error
