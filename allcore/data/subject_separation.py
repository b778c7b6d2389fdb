"""Separation of subjects between the parts of a split: the one source of every claim about it.

A split may be drawn by subject and still say nothing about unseen subjects, because an image
without a recorded subject may be of anybody. Claims therefore follow from the images in the parts,
never from the way in which the split was drawn.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import pandas as pd

from allcore import formats
from allcore.data import subjects

State = Literal["apart", "shared", "unknown"]
PARTS = ("train", "validation", "test")
APART = (
    "No subject is in two of training, validation and test, so the test figures are for subjects "
    "that training never saw."
)
NOT_SAID = "these figures do not say how the model does on a new subject"


@dataclass(frozen=True)
class SubjectSeparation:
    """Subjects with images in two parts of a split, as far as subjects are recorded."""

    shared: tuple[str, ...] = ()  # independent subjects with images in two parts, sorted
    groups: int = 0  # number of recorded independent subjects in any part
    unknown: int = 0  # images in a part whose subject is not recorded
    trained: bool = True  # whether it is recorded which subjects the model was trained on

    @classmethod
    def of_parts(cls, table: pd.DataFrame, parts: "pd.Series[str]") -> "SubjectSeparation":
        """Compare the parts of a split.

        Args:
            table: columns ``subject`` and ``group``, N rows.
            parts: (N,) the part of each row, in the table's order; others than ``PARTS`` are none.
        """
        used = parts.isin(PARTS).to_numpy()
        known = used & table["subject"].notna().to_numpy()
        groups = table["group"].fillna(table["subject"]).to_numpy()[known]
        number = parts[known].groupby(groups).nunique()
        shared = sorted(number.index[number > 1].astype(str))
        return cls(tuple(shared), len(number), int(used.sum() - known.sum()))

    @classmethod
    def of_record(cls, split: Mapping[str, Any]) -> "SubjectSeparation":
        """Read the entry ``split`` of model.json; earlier versions recorded only subjects by part.

        Raises:
            KeyError, TypeError: it is no such entry.
        """
        if leaks := split.get("leaks"):
            return cls(tuple(leaks["subjects"]), leaks["of"], leaks["unknown_subjects"])
        rows = [(name, part) for part in PARTS for name in split.get(part, ())]
        table = pd.DataFrame(rows, columns=["subject", "part"], dtype=object)
        groups = table["subject"].map(subjects.group_of)
        return cls.of_parts(table.assign(group=groups), table["part"])

    @property
    def state(self) -> State:
        """'shared' where a subject is in two parts, 'unknown' where a missing subject may be."""
        if self.shared:
            return "shared"
        return "apart" if self.trained and self.groups and not self.unknown else "unknown"

    @property
    def new_subjects(self) -> bool | None:
        """Whether figures of held-out cells are for unseen subjects; None where nobody knows."""
        return {"apart": True, "shared": False, "unknown": None}[self.state]

    @property
    def unknown_text(self) -> str:
        """The images of unknown subject, as the start of a sentence; empty where there are none."""
        if not self.trained:
            return "The subjects that the model was trained on are unknown"
        if not self.groups:
            return "Subjects are unknown"
        images = formats.count(self.unknown, "image")
        return f"The subject of {images} is unknown" if self.unknown else ""

    @property
    def sentence(self) -> str:
        """What the held-out figures say about unseen subjects."""
        if self.state == "apart":
            return APART
        if self.state == "shared":
            of = formats.count(self.groups, "independent subject")
            text = (
                f"{len(self.shared)} of {of} have cells in two of training, validation and test, "
                f"so {NOT_SAID}."
            )
            return f"{text} {self.unknown_text}." if self.unknown else text
        return (
            f"{self.unknown_text}, so nobody can say whether one subject is in two of training, "
            "validation and test: no figure here is about unseen subjects."
        )

    def record(self) -> dict[str, Any]:
        """Entry ``leaks`` of model.json."""
        return {
            "subjects": list(self.shared),
            "of": self.groups,
            "unknown_subjects": self.unknown,
        }
