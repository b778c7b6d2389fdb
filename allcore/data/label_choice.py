"""The decision which class each label or folder name of a data set stands for.

It is given by ``--labels`` or chosen on the Dataset page, and holds for the data set and the
folders below it in all commands and pages. It lies in ``ALLSCOPE_HOME``; data sets stay unchanged.
"""

import functools
import json
import os
from dataclasses import dataclass
from pathlib import Path

from allcore import settings
from allcore.errors import DataError
from allcore.labels import CLASS_NAMES, Label, parse_label

FILE = "label_choices.json"
NAMES, IGNORED = "names", "none"
"""Value of a decision for the file names; class of a name that tells no class."""


@dataclass(frozen=True)
class LabelChoice:
    """A decision."""

    # label or folder name as written, and its class; None where it tells no class
    classes: tuple[tuple[str, Label | None], ...] = ()
    names: bool = False  # whether the labels in file names decide

    def __bool__(self) -> bool:
        return self.names or bool(self.classes)

    def __str__(self) -> str:
        pairs = (f"{word}={label or IGNORED}" for word, label in self.classes)
        return NAMES if self.names else ",".join(pairs)

    @property
    def words(self) -> str:
        """The decision in words."""
        if self.names:
            return "the labels in file names decide"
        pairs = (
            f"'{word}' is {CLASS_NAMES[label] if label else 'no class'}"
            for word, label in self.classes
        )
        return ", ".join(pairs)


@dataclass(frozen=True)
class LabelConflict:
    """A contradiction between sources of labels, or folders with two readings."""

    reason: str  # what contradicts what, with counts and an example, without a full stop
    # value of ``--labels`` and its meaning, the suggested one first
    choices: tuple[tuple[str, str], ...]
    paths: tuple[str, ...]  # the images concerned, relative to the data set's folder
    decided: bool = False  # whether somebody has decided; otherwise no image has a label

    @property
    def sentence(self) -> str:
        """The reason and the ways to decide, one sentence."""
        if self.decided:
            return f"{self.reason}; it was decided which of them count."
        *others, last = [f"--labels {value} ({meaning})" for value, meaning in self.choices]
        ways = f"{', '.join(others)} or {last}" if others else last
        return f"{self.reason}: no label counts until it is decided, by {ways}."


def parse(text: str) -> LabelChoice:
    """Parse ``0=all,1=hem``, where ``none`` stands for no class, or ``names``.

    Raises:
        DataError: the text has another form, or gives one name two classes.
    """
    if text.strip().lower() == NAMES:
        return LabelChoice(names=True)
    classes: dict[str, Label | None] = {}
    for pair in filter(str.strip, text.replace(";", ",").split(",")):
        word, _, name = (part.strip() for part in pair.rpartition("="))
        label = parse_label(name)
        known = label is not None or name.lower() == IGNORED
        if not word or not known or classes.get(word, label) != label:
            raise DataError(
                f"The labels '{text:.80}' are not clear: write them as 0=all,1=hem, or as "
                f"'{NAMES}' where file names are right."
            )
        classes[word] = label
    return LabelChoice(tuple(classes.items()))


def saved(data: Path) -> LabelChoice:
    """Return the decision for a data set or the nearest folder above it; an empty one without."""
    file = settings.load().home / FILE
    try:
        state = file.stat()
        choices = _read(file, state.st_mtime_ns, state.st_size)
    except OSError:
        return LabelChoice()
    place = data.expanduser().resolve()
    texts = (choices.get(str(folder)) for folder in (place, *place.parents))
    return parse(next(filter(None, texts), ""))


def save(data: Path, choice: LabelChoice) -> None:
    """Keep the decision for a data set; an empty one removes it.

    Raises:
        DataError: the file can't be written.
    """
    file = settings.load().home / FILE
    place = str(data.expanduser().resolve())
    try:
        choices = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
        choices = {key: text for key, text in choices.items() if key != place}
        choices |= {place: str(choice)} if choice else {}
        file.parent.mkdir(parents=True, exist_ok=True)
        unfinished = file.with_name(f".{FILE}.{os.getpid()}")
        unfinished.write_text(json.dumps(choices, indent=1), encoding="utf-8")
        unfinished.replace(file)
    except OSError as error:
        raise DataError(
            f"The decision on labels can't be kept in {file.parent} ({error.strerror}): give the "
            "account that runs ALLScope the right to write there."
        ) from error


def stamp() -> float:
    """Return a time that changes with every decision."""
    try:
        return (settings.load().home / FILE).stat().st_mtime
    except OSError:
        return -1.0


@functools.lru_cache(maxsize=4)
def _read(file: Path, time: int, size: int) -> dict[str, str]:
    try:
        choices: dict[str, str] = json.loads(file.read_text(encoding="utf-8"))
        return choices
    except ValueError as error:
        raise DataError(f"{file} is damaged: remove it and decide the labels again.") from error
