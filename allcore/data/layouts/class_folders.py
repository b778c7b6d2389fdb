"""Folders named after the classes, at any depth."""

from dataclasses import dataclass

from allcore.data import subjects
from allcore.data.label_choice import LabelChoice
from allcore.data.layouts.folder_names import FolderFacts, FolderNames, plain_name
from allcore.data.layouts.layout import Folder, Rows
from allcore.labels import CLASS_NAMES

_PLAIN_WORDS = frozenset({"all", "hem", "blast", "normal"})


@dataclass(frozen=True)
class ClassFolders:
    """Class folders with wrappers, splits and folds above or below them.

    Images of split folders without a class are unlabelled; other images beside the class folders
    are left out unless their file name tells a label.
    """

    lists_images: bool = False

    def read(self, folder: Folder) -> Rows | None:
        """Return the images in class folders; None where there are none."""
        rows: Rows = []
        found = False
        for path in folder.images:
            facts = folder.names.facts(path)
            found = found or bool(facts.word)
            if facts.word or facts.split or facts.splits or subjects.label_in_name(path):
                rows.append({"path": path, "image_id": path, "label": facts.label})
        return rows if found else None

    def describe(self, rows: Rows) -> str:
        """Return the names of the folders, with their classes where these are no plain words."""
        paths = {f"{str(row['path']).rpartition('/')[0]}/" for row in rows}
        folders = FolderNames(paths, None, LabelChoice())
        words = {plain_name(fact.word): fact for fact in map(folders.facts, paths) if fact.word}
        classes = ", ".join(_class(word, fact) for word, fact in sorted(words.items()))
        parts = [f"class folders: {classes}" if classes else "pictures in a class folder"]
        for name in ("split", "fold"):
            values = sorted({str(row[name]) for row in rows if row.get(name)})
            parts += [f"{name}s: {', '.join(values)}"] if values else []
        return "; ".join(parts)


def _class(word: str, facts: FolderFacts) -> str:
    if word in _PLAIN_WORDS:
        return word
    return f"{word} ({CLASS_NAMES[facts.label] if facts.label else 'no label'})"
