"""A release of ten small files in the layout of C-NMC 2019, and folders that hold it."""

import hashlib
from pathlib import Path

import pandas as pd

TRAIN = "training_data"
PRELIMINARY = "validation_data/C-NMC_test_prelim_phase_data"
FINAL = "testing_data/C-NMC_test_final_phase_data"
TWINS = (f"{TRAIN}/fold_0/all/UID_20_1_1_all.bmp", f"{TRAIN}/fold_1/all/UID_21_1_1_all.bmp")

_CELLS = {
    TWINS[0]: ("train", "fold_0", "all", "20", 900),
    f"{TRAIN}/fold_0/hem/UID_H1_1_1_hem.bmp": ("train", "fold_0", "hem", "H1", 900),
    f"{TRAIN}/fold_0/hem/UID_H1_2_1_hem.bmp": ("train", "fold_0", "hem", "H1", 900),
    TWINS[1]: ("train", "fold_1", "all", "21", 900),
    f"{TRAIN}/fold_1/hem/UID_H2_1_1_hem.bmp": ("train", "fold_1", "hem", "H2", 900),
    f"{TRAIN}/fold_2/all/UID_3_1_1_all.bmp": ("train", "fold_2", "all", "3", 900),
    f"{PRELIMINARY}/1.bmp": ("prelim", None, None, None, 1000),
    f"{PRELIMINARY}/2.bmp": ("prelim", None, None, None, 1000),
    f"{FINAL}/1.bmp": ("final", None, None, None, 70_000),
    f"{FINAL}/2.bmp": ("final", None, None, None, 70_000),
}
PATHS = tuple(sorted(_CELLS))


def content(path: str) -> bytes:
    """The bytes of a file of the release; those of ``TWINS`` are the same."""
    seed = TWINS[0] if path in TWINS else path
    size = _CELLS[path][-1]
    return (hashlib.sha256(seed.encode()).digest() * (size // 32 + 1))[:size]


def facts() -> pd.DataFrame:
    """The release's table, in the form of ``release.read_release``."""
    rows = [
        (path, *_CELLS[path], hashlib.sha256(content(path)).hexdigest()) for path in PATHS
    ]  # fmt: skip
    columns = ["path", "split", "fold", "label", "subject", "size", "sha256"]
    table = pd.DataFrame(rows, columns=columns).astype({"fold": object, "label": object})
    return table.where(table.notna(), None)


def lay(root: Path, *, without: tuple[str, ...] = ()) -> Path:
    """Write the release's files below a folder, and give it back."""
    for path in PATHS:
        if path not in without:
            put(root / path, content(path))
    return root


def put(file: Path, data: bytes) -> Path:
    """Write one file, its folders made where they are missing."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(data)
    return file
