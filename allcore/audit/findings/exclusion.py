"""A data set without the images that findings say to leave out, as a table; no file is touched."""

import io
import re
from collections.abc import Collection
from pathlib import Path

import pandas as pd

from allcore import settings
from allcore.audit.index import store
from allcore.data.manifest import Manifest
from allcore.errors import DataError
from allcore.notice import RESEARCH_USE

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,59}")


def leaving(table: pd.DataFrame, out: Collection[str]) -> pd.DataFrame:
    """What goes and what stays, a row a class.

    Args:
        table: image_id, label and subject of every image.
        out: ids of the images to leave out.

    Returns:
        Columns label, images, going, subjects and losing_all: subjects of which no image stays.
    """
    marked = table.assign(going=table["image_id"].isin(out))
    people = marked.groupby(["label", "subject"])["going"].all().groupby("label")
    counts = marked.groupby("label")["going"].agg(images="size", going="sum")
    table = counts.assign(subjects=people.size(), losing_all=people.sum())
    return pd.DataFrame(table.reset_index())


def saved(name: str, home: Path | None = None) -> Path:
    """Where a cleaned table of a name lies, whether or not it is there.

    Raises:
        DataError: the name is no name of a file on every system.
    """
    if not _NAME.fullmatch(name) or name.endswith((".", " ")):
        raise DataError(
            "The name can't be used: take up to 60 letters, digits, spaces, dots, dashes and "
            "underscores, a letter or digit first."
        )
    return (home or settings.load().home) / "manifests" / f"{name}.csv"


def save(manifest: Manifest, name: str, home: Path | None = None) -> Path:
    """Write a table that ``train --data`` takes from where it lies; nothing is overwritten.

    Its paths are absolute, for it does not lie beside the pictures.

    Raises:
        DataError: the name can't be used or is taken, or the folder can't be written to.
    """
    path = saved(name, home)
    if path.exists():
        raise DataError(f"There is a table named '{name}' already: give another name.")
    root = manifest.root.expanduser().resolve()
    absolute = [str(root / path) for path in manifest.table["path"]]
    store.replace(path, _csv(manifest.table.assign(path=absolute)))
    return path


def csv(manifest: Manifest) -> bytes:
    """The table for whoever puts it into the data set's folder: paths are relative to that."""
    return _csv(manifest.table)


def _csv(table: pd.DataFrame) -> bytes:
    buffer = io.StringIO()
    table.assign(notice=RESEARCH_USE).to_csv(buffer, index=False, lineterminator="\n")
    return buffer.getvalue().encode()
