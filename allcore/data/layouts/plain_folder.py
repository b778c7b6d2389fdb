"""Any folder of images."""

from dataclasses import dataclass

from allcore.data.layouts.layout import Folder, Rows


@dataclass(frozen=True)
class PlainFolder:
    """Images of any names; labels and subjects come from C-NMC file names only."""

    lists_images: bool = False

    def read(self, folder: Folder) -> Rows | None:
        """Return all images below the folder; None where there are none."""
        return [{"path": path, "image_id": path} for path in folder.images] or None

    def describe(self, rows: Rows) -> str:
        """Return a constant description."""
        return "a folder of pictures without class folders"
