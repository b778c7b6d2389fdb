"""Classes, splits and folds in the names of a data set's folders, at any depth and in any order.

A path such as ``dataset/Train/fold_0/ALL/1.png`` or ``train_fold0_ALL/1.png`` names a split, a fold
and a class; other names are wrappers. The opened folder's own name counts too, and those of the
folders above it as far as they are such names, so that a folder is read alike from whichever depth
it is opened.
"""

import functools
import os
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from allcore.data.label_choice import LabelChoice
from allcore.data.splits import SPLIT_ALIASES
from allcore.data.subjects import VIEWS
from allcore.labels import CLASS_ALIASES, Label

Word = Label | None
"""The class that a folder name stands for; None for cells of neither class."""

CLASS_WORDS: dict[str, Word] = {
    **CLASS_ALIASES,
    "early pre b": "all",
    "pre b": "all",
    "pro b": "all",
}
FOUR_CLASS_WORDS: dict[str, Word] = dict.fromkeys(("early", "pre", "pro", "l1", "l2", "l3"), "all")
"""Subtypes of ALL, which count where two of them, or one and ``benign``, stand in a data set."""
WHITE_CELL_WORDS: dict[str, Word] = {
    "basophil": "hem", "eosinophil": "hem", "lymphocyte": "hem", "monocyte": "hem",
    "neutrophil": "hem", "ig": "hem", "immature granulocyte": "hem",
    "erythroblast": None, "platelet": None,
}  # fmt: skip
"""Kinds of normal blood cells, as in the Barcelona set. Erythroblasts and platelets, no white
cells, get no label."""
AMBIGUOUS_CELL_WORDS = frozenset({"ig", "lymphocyte", "immature granulocyte"})
"""Kinds of cells whose names count only where another folder of the data set tells a class."""
COLLECTIONS = frozenset({"all", "leukemia", "leukaemia", "cancer"})
"""Class words that also name a whole collection, so that a class folder inside decides."""
NEUTRAL = frozenset(
    {"images", "image", "img", "imgs", "pictures", "data", "dataset", "original", "segmented",
     "cropped", "crops", "cells", "bmp", "png", "jpg", "tif"}
)  # fmt: skip
"""Names between folders that tell something, passed on the way up from the opened folder."""
MAX_ABOVE = 6
"""Folders above the opened one that are considered."""

_FILLERS = frozenset(
    {"cell", "cells", "image", "images", "img", "imgs", "picture", "pictures", "data", "set",
     "dataset", "class", "folder"}
)  # fmt: skip
_QUALIFIERS = _FILLERS | VIEWS | {
    "b", "t", "pre", "pro", "early", "x", "my", "new", "internal", "external", "independent",
    "resized", "normalized", "normalised",
}  # fmt: skip
"""Words that tell nothing beside others that do."""
_FOLD = re.compile(r"(?:(?:(?:k|cv) ?)?fold|(?:cv|split)(?= ?\d\d?$)) ?(\d+)")
_COUNT = re.compile(r"(?<=[^\W\d_])\s*\(\d+\)$")
_NUMBER = re.compile(r"\d{1,2}")
_SUBJECT = re.compile(
    r"(?:patient|subject|case|donor|person|participant)(?:[ _-]?id)?[ _-]*(?=\w*\d)\w+"
    r"|(?:subj|sbj|pat|pt|control)[ _-]*\d\w*",
    re.IGNORECASE,
)
_CODE = re.compile(r"(?:class|label|category|cls|c) ?(\d{1,2})")


@dataclass(frozen=True)
class FolderFacts:
    """What the folders of an image tell."""

    word: str = ""  # the name that tells the class; empty without one
    # its class; None without one, for cells of neither class, and where it is ambiguous
    label: Word = None
    split: str | None = None  # one of ``splits.PARTS``, or None
    fold: str | None = None  # such as ``fold_0``, or None
    subject: str | None = None  # a name such as ``patient_7``, or None
    # a bare number where no folder of the data set names a class; empty without one
    number: str = ""
    # two names of different classes that contradict each other, the outer first
    classes: tuple[str, ...] = ()
    splits: tuple[str, ...] = ()  # two such names of splits


class FolderNames:
    """Reads the folders of a data set.

    Args:
        paths: of its images, relative to the root, with slashes.
        root: the opened folder; None where names above the paths don't count.
        choice: classes of names that were decided; an empty one without a decision.
    """

    def __init__(self, paths: Iterable[str], root: Path | None, choice: LabelChoice) -> None:
        folders = {path.rpartition("/")[0] for path in paths}
        own = {plain_name(name) for folder in folders for name in folder.split("/")}
        self._chosen = {plain_name(word): label for word, label in choice.classes}
        self._words = self._vocabulary(own | _beside(root))
        self._parts_of: dict[str, tuple[str, ...]] = {}
        self.above = () if root is None else self._names_above(root)
        self._classes_known = any(
            self._is_class(name) for folder in folders for name in self._names(folder)
        )
        self._folders = folders
        self._root = root

    def facts(self, path: str) -> FolderFacts:
        """Return what the folders of an image tell."""
        return self._by_folder[path.rpartition("/")[0]]

    @cached_property
    def _by_folder(self) -> dict[str, FolderFacts]:
        facts = {folder: self._read(self._names(folder)) for folder in self._folders}
        nested = [entry for entry in facts.values() if entry.splits]
        if len({_split_of(entry.splits[0]) for entry in nested}) > 1:
            return facts
        # One split around others is a wrapper: the inner ones decide.
        return {
            folder: replace(entry, split=_split_of(entry.splits[1]), splits=())
            if entry.splits
            else entry
            for folder, entry in facts.items()
        }

    def class_of(self, name: str) -> Word:
        """Return the class that a folder name stands for; None for any other."""
        return self._words.get(plain_name(name))

    def _vocabulary(self, names: set[str]) -> dict[str, Word]:
        words = dict(CLASS_WORDS)
        words |= {
            word: label
            for word, label in WHITE_CELL_WORDS.items()
            if word not in AMBIGUOUS_CELL_WORDS
        }
        four = names & FOUR_CLASS_WORDS.keys()
        if len(four) > 1 or (four and "benign" in names):
            words |= FOUR_CLASS_WORDS
        if names & words.keys():
            words |= WHITE_CELL_WORDS
        for word, label in self._chosen.items():
            words.pop(word, None)
            if label is not None:
                words[word] = label
        return words

    def _names_above(self, root: Path) -> tuple[str, ...]:
        names: list[str] = []
        waiting: list[str] = []
        for name in (root.name, *(folder.name for folder in root.parents))[:MAX_ABOVE]:
            plain = plain_name(name)
            parts = self._parts(name)
            is_class = any(map(self._is_class, parts))
            if is_class or (all(_is_part(plain_name(part)) for part in parts) and not waiting):
                names, waiting = [name, *waiting, *names], []
            elif plain in NEUTRAL:
                waiting.insert(0, name)
            else:
                break
        return tuple(names)

    def _names(self, folder: str) -> tuple[str, ...]:
        names = (*self.above, *filter(None, folder.split("/")))
        return tuple(part for name in names for part in self._parts(name))

    def _parts(self, name: str) -> tuple[str, ...]:
        """Class, split and fold in one name, such as ``train_all``; a name of none is one part."""
        if name not in self._parts_of:
            self._parts_of[name] = self._divided(name) or (name,)
        return self._parts_of[name]

    def _divided(self, name: str) -> tuple[str, ...]:
        plain = plain_name(name)
        known = self._words.keys() | SPLIT_ALIASES.keys()
        if plain in known | self._chosen.keys() or _is_part(plain):
            return ()
        parts, words = [], plain.split()
        while words:
            ends = range(len(words), 0, -1)
            phrases = (" ".join(words[:end]) for end in ends)
            phrase = next((text for text in phrases if text in known or _FOLD.fullmatch(text)), "")
            if not phrase and words[0] not in _QUALIFIERS:
                return ()
            parts += [phrase] if phrase else []
            words = words[max(1, len(phrase.split())) :]
        kinds = [self._words.get(part, SPLIT_ALIASES.get(part, "fold")) for part in parts]
        different = dict(zip(kinds, parts, strict=True))
        return tuple(different.values()) if not {"all", "hem"} <= different.keys() else ()

    def _is_class(self, name: str) -> bool:
        return plain_name(name) in self._words

    def _read(self, names: tuple[str, ...]) -> FolderFacts:
        classes = [name for name in names if self._is_class(name)]
        if len(classes) == 1 and self._is_pool(names[: names.index(classes[0]) + 1]):
            classes = []
        splits = [name for name in names if plain_name(name) in SPLIT_ALIASES]
        word, clash = self._class_word(names, classes)
        other = [name for name in splits if _split_of(name) != _split_of(splits[-1])]
        numbers = [
            name
            for name in names
            if _NUMBER.fullmatch(plain_name(name)) and not self._is_class(name)
        ]
        undecided = [name for name in numbers if plain_name(name) not in self._chosen]
        return FolderFacts(
            word=word,
            label=None if clash else self.class_of(word),
            split=_split_of(splits[-1]) if splits and not other else None,
            fold=self._fold(names, numbers),
            subject=next(filter(_SUBJECT.fullmatch, reversed(names)), None),
            number="" if self._classes_known or not undecided else undecided[-1],
            classes=clash,
            splits=(other[-1], splits[-1]) if other else (),
        )

    @cached_property
    def _pools(self) -> frozenset[tuple[str, ...]]:
        """Folders named as a collection that hold class folders, by their names from above."""
        return frozenset(
            names[: place + 1]
            for names in map(self._names, self._folders)
            for place, name in enumerate(names)
            if plain_name(name) in COLLECTIONS and any(map(self._is_plain, names[place + 1 :]))
        )

    def _is_pool(self, names: tuple[str, ...]) -> bool:
        if plain_name(names[-1]) not in COLLECTIONS:
            return False
        if names in self._pools or self._root is None:
            return names in self._pools
        folders = (self._root, *self._root.parents)[: len(self.above)]
        folder_of = {self._names_to(depth): folder for depth, folder in enumerate(folders)}
        return names in folder_of and any(map(self._is_plain, _folders_in(folder_of[names])))

    def _names_to(self, depth: int) -> tuple[str, ...]:
        """The names above the paths, without those of the last ``depth`` folders."""
        above = self.above[: len(self.above) - depth]
        return tuple(part for name in above for part in self._parts(name))

    def _is_plain(self, name: str) -> bool:
        """True for a class word that is no kind of normal cell."""
        return self._is_class(name) and plain_name(name) not in WHITE_CELL_WORDS

    def _class_word(
        self, names: tuple[str, ...], classes: list[str]
    ) -> tuple[str, tuple[str, ...]]:
        """Return the name that decides, and the pair of names that contradict each other."""
        if not classes:
            return "", ()
        inner = classes[-1]
        for outer in reversed(classes[:-1]):
            differ = {self.class_of(outer), self.class_of(inner)} == {"all", "hem"}
            if differ and not self._is_around(names[: names.index(outer) + 1], inner):
                return inner, (outer, inner)
        return inner, ()

    def _is_around(self, names: tuple[str, ...], inner: str) -> bool:
        """True if the last of some names is that of a collection around a class folder.

        The normal cells in a collection of ALL may as well be its blasts, unless blasts are named.
        """
        if plain_name(inner) in WHITE_CELL_WORDS:
            return self._is_pool(names)
        return plain_name(names[-1]) in COLLECTIONS

    def _fold(self, names: tuple[str, ...], numbers: list[str]) -> str | None:
        folds = [match[1] for name in names if (match := _FOLD.fullmatch(plain_name(name)))]
        if not folds:
            plain = map(plain_name, numbers)
            folds = [name for name in plain if self._classes_known or name in self._chosen]
        return f"fold_{int(folds[0])}" if len(folds) == 1 else None


@functools.lru_cache(maxsize=2**12)
def plain_name(name: str) -> str:
    """Return a folder name as it is compared: in lower case, words apart, without filling words.

    >>> plain_name("[Malignant] Pre-B"), plain_name("2_TrainingImages"), plain_name("class_0")
    ('malignant pre b', 'training', '0')
    """
    text = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", unicodedata.normalize("NFKC", name)).casefold()
    words = [word for word in re.split(r"[\W_]+", text) if word]
    if not _FOLD.fullmatch(" ".join(words)):  # the number of files or of a copy of the folder
        words = [word for word in re.split(r"[\W_]+", _COUNT.sub("", text.strip())) if word]
    if code := _CODE.fullmatch(" ".join(words)):
        return code[1]
    if len(words) > 1 and words[0].isdigit():
        words = words[1:]
    while len(words) > 1 and words[-1] in _FILLERS:
        words.pop()
    plain = " ".join(words)
    return plain[:-1] if plain[:-1] in WHITE_CELL_WORDS and plain.endswith("s") else plain


def _is_part(plain: str) -> bool:
    """True for a split or fold; ``dev`` above a data set is where people keep their work."""
    is_split = plain in SPLIT_ALIASES and plain != "dev"
    return bool(is_split or _FOLD.fullmatch(plain) or _NUMBER.fullmatch(plain))


def _split_of(name: str) -> str | None:
    return SPLIT_ALIASES.get(plain_name(name))


def _beside(root: Path | None) -> set[str]:
    """Plain names beside the folders that lead to a data set, where theirs tell only with them."""
    names: set[str] = set()
    for folder in () if root is None else (root, *root.parents)[:MAX_ABOVE]:
        if plain_name(folder.name) in FOUR_CLASS_WORDS.keys() | AMBIGUOUS_CELL_WORDS:
            names |= set(map(plain_name, _folders_in(folder.parent)))
    return names


def _folders_in(folder: Path) -> list[str]:
    """Names of the folders in a folder; none where it can't be read."""
    try:
        with os.scandir(folder) as entries:
            return [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
    except OSError:
        return []
