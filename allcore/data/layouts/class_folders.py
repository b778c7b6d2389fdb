"""Folders named after the two classes."""

from dataclasses import dataclass

from allcore.data.layouts.layout import Folder, Rows
from allcore.labels import parse_label


@dataclass(frozen=True)
class ClassFolders:
    """Plain ``class/file`` folders whose names are labels (all, hem, blast, normal, ...)."""

    lists_images: bool = False

    def read(self, folder: Folder) -> Rows | None:
        """Return the images in class folders; None where there are none."""
        rows: Rows = []
        for path in folder.images:
            top, _, rest = path.partition("/")
            label = parse_label(top)
            if rest and label:
                rows.append({"path": path, "image_id": path, "label": label})
        return rows or None

    def describe(self, rows: Rows) -> str:
        """Return the names of the folders."""
        names = {str(row["path"]).split("/")[0].lower() for row in rows}
        return f"class folders: {', '.join(sorted(names))}"
