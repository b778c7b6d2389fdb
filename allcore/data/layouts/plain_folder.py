"""Any folder of images."""

from dataclasses import dataclass

from allcore.data import subjects
from allcore.data.layouts.layout import Folder, Rows


@dataclass(frozen=True)
class PlainFolder:
    """Images in folders of any names; labels and subjects come from file names only."""

    lists_images: bool = False

    def read(self, folder: Folder) -> Rows | None:
        """Return all images below the folder; None where there are none."""
        return [{"path": path, "image_id": path} for path in folder.images] or None

    def describe(self, rows: Rows) -> str:
        """Return the kind of file names that tell labels."""
        paths = [str(row["path"]) for row in rows]
        if any(subjects.parse_name(path) for path in paths):
            return "a folder of pictures whose labels and subjects are in C-NMC's file names"
        if any(subjects.label_in_name(path) for path in paths):
            return (
                "a folder of pictures whose labels are at the end of ALL-IDB's file names "
                "(_1 ALL blast, _0 normal)"
            )
        return "a folder of pictures without class folders"
