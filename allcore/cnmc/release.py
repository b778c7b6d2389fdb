"""File list of the public release of C-NMC 2019: path, size and SHA-256 of every file.

Gupta A., Gupta R. (2019), ALL Challenge dataset of ISBI 2019 (C-NMC 2019), The Cancer Imaging
Archive, doi 10.7937/tcia.2019.dc64i46r. ``python -m allcore.cnmc.release CSV`` writes the packaged
table from a CSV with the columns of ``COLUMNS``.
"""

import sys
from pathlib import Path, PurePosixPath

import pandas as pd

from allcore.errors import DataError

NAME = "C-NMC 2019"
DOI = "10.7937/tcia.2019.dc64i46r"
FILE = Path(__file__).with_name("release.parquet")

COLUMNS = ("path", "split", "fold", "label", "subject", "size", "sha256")
TEXTS = COLUMNS[:5]
SPLITS = ("train", "prelim", "final")

LABELS_TABLE = "validation_data/C-NMC_test_prelim_phase_data_labels.csv"
"""Label table of the preliminary test images; its digest is not part of the list."""


def read_release(file: Path | None = None) -> pd.DataFrame:
    """Return the files of the release in the order of their paths, one row a file.

    Args:
        file: a table of the same form; the packaged one by default.

    Returns:
        The columns of ``COLUMNS``: path (relative, with slashes), split (one of ``SPLITS``), fold,
        label and subject (text, or None where they are not public), size (bytes) and sha256 (64
        hexadecimal digits).

    Raises:
        DataError: the table is missing or damaged.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        packed = pq.read_table(file or FILE, columns=list(COLUMNS))
    except (OSError, pa.ArrowException) as error:
        raise DataError(
            f"The list of the public {NAME} files can't be read ({error}): install ALLScope again."
        ) from error
    columns = {name: packed[name].to_pylist() for name in COLUMNS}
    columns["sha256"] = [digest.hex() for digest in columns["sha256"]]
    table = pd.DataFrame(columns)
    return table.astype(dict.fromkeys((*TEXTS, "sha256"), object)).where(table.notna(), None)


def manual_download(folder: Path) -> str:
    """Return instructions for a manual download, as the end of a sentence."""
    return (
        f"download {NAME} by hand from The Cancer Imaging Archive (https://doi.org/{DOI}), unpack "
        f"it into {folder} and run `python -m allcore data verify {folder}`."
    )


def parse_csv(file: Path) -> pd.DataFrame:
    """Read the table from a CSV with the columns of ``COLUMNS``; empty cells are missing values.

    Raises:
        DataError: a column is missing, or a row is no valid file below the release's root.
    """
    try:
        table = pd.read_csv(file, dtype=str, keep_default_na=False)
    except (OSError, ValueError) as error:
        raise DataError(f"{file} can't be read as a CSV table: {error}.") from error
    if missing := [name for name in COLUMNS if name not in table]:
        raise DataError(f"{file} has no column '{missing[0]}': it needs {', '.join(COLUMNS)}.")
    if wrong := _wrong(table):
        raise DataError(f"{file} is no list of a release: {wrong}.")
    table = table[list(COLUMNS)].astype({"size": "int64"}).sort_values("path", ignore_index=True)
    texts = table[list(TEXTS)].astype(object)
    return table.assign(sha256=table["sha256"].astype(object), **texts.where(texts != "", None))


def write(table: pd.DataFrame, file: Path | None = None) -> None:
    """Write a table, packed: binary digests, paths by their difference from the previous one."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = {name: pa.array(table[name].tolist(), pa.string()) for name in TEXTS}
    columns["size"] = pa.array(table["size"].tolist(), pa.int64())
    digests = [bytes.fromhex(digest) for digest in table["sha256"]]
    columns["sha256"] = pa.array(digests, pa.binary(32))
    pq.write_table(
        pa.table(columns),
        file or FILE,
        compression="zstd",
        compression_level=19,
        use_dictionary=["split", "fold", "label", "subject", "size"],
        column_encoding={"path": "DELTA_BYTE_ARRAY"},
    )


def _wrong(table: pd.DataFrame) -> str | None:
    """Return an error in the rows, or None."""
    if not table["sha256"].str.fullmatch("[0-9a-f]{64}").all():
        return "an SHA-256 is not 64 hexadecimal digits"
    if not table["size"].str.fullmatch("[1-9][0-9]*").all():
        return "a size is not a number of bytes"
    if not table["split"].isin(SPLITS).all():
        return f"a split is not one of {', '.join(SPLITS)}"
    if table["path"].duplicated().any():
        return "a path stands twice"
    if any(_leads_out(path) for path in table["path"]):
        return "a path leads out of the release"
    return None


def _leads_out(path: str) -> bool:
    parts = PurePosixPath(path)
    return path != str(parts) or parts.is_absolute() or ".." in parts.parts or "\\" in path


if __name__ == "__main__":
    if len(sys.argv) != 2:
        print("usage: python -m allcore.cnmc.release CSV", file=sys.stderr)
        sys.exit(2)
    try:
        release = parse_csv(Path(sys.argv[1]))
    except DataError as problem:
        sys.exit(f"Error: {problem}")
    write(release)
    print(f"{len(release):,} files in {FILE.name}, {FILE.stat().st_size:,} bytes.")
