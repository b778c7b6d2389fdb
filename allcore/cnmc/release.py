"""File list of the public release of C-NMC 2019: path, size and SHA-256 of every file.

Gupta A., Gupta R. (2019), ALL Challenge dataset of ISBI 2019 (C-NMC 2019), The Cancer Imaging
Archive, doi 10.7937/tcia.2019.dc64i46r. The release is final, and so is the packaged table.
"""

from pathlib import Path

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
