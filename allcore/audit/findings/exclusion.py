"""Export of a data set without the images that findings exclude; no file is changed."""

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


def count_exclusions(table: pd.DataFrame, out: Collection[str]) -> pd.DataFrame:
    """Count excluded and remaining images of a data set, one row a class.

    Returns:
        Columns label, images, going (excluded images), subjects and losing_all (subjects without a
        remaining image).
    """
    marked = table.assign(going=table["image_id"].isin(out))
    people = marked.groupby(["label", "subject"])["going"].all().groupby("label")
    counts = marked.groupby("label")["going"].agg(images="size", going="sum")
    table = counts.assign(subjects=people.size(), losing_all=people.sum())
    return pd.DataFrame(table.reset_index())


def save(manifest: Manifest, name: str, home: Path | None = None) -> Path:
    """Write a cleaned table for ``train --data``; an existing table is not overwritten.

    Its paths are absolute, as it is outside of the data set's folder.

    Raises:
        DataError: the name is invalid or taken, or the folder can't be written to.
    """
    if not _NAME.fullmatch(name) or name.endswith((".", " ")):  # valid on every system
        raise DataError(
            "The name can't be used: take up to 60 letters, digits, spaces, dots, dashes and "
            "underscores, a letter or digit first."
        )
    path = (home or settings.load().home) / "manifests" / f"{name}.csv"
    if path.exists():
        raise DataError(f"There is a table named '{name}' already: give another name.")
    root = manifest.root.expanduser().resolve()
    absolute = [str(root / path) for path in manifest.table["path"]]
    table = manifest.table.assign(path=absolute)
    store.replace(path, csv(Manifest(manifest.root, table, manifest.name)))
    return path


def csv(manifest: Manifest) -> bytes:
    """Return the table as CSV for the data set's folder, with relative paths."""
    table = manifest.table.assign(notice=RESEARCH_USE)
    return table.to_csv(index=False, lineterminator="\n").encode()
