"""The cells that the guided story shows, chosen from a table of predictions."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from allcore import formats
from allcore.errors import AllScopeError
from allcore.evaluation import intervals, label_errors, outcomes
from allcore.labels import CLASS_NAMES

SURE = 0.95
"""Minimum probability of a class from which an answer counts as confident."""


@dataclass(frozen=True)
class StoryCells:
    """Labelled cells with predictions, of which those with a picture may be shown."""

    table: pd.DataFrame  # N rows: image_id, subject, label, probability
    threshold: float
    shown: NDArray[np.bool_]  # (N,) whether the picture is on this machine
    true_labels: "pd.Series[str] | None" = None  # by image id, of synthetic cells

    @property
    def correct_sentence(self) -> str:
        """Number of cells that are predicted correctly, with Wilson's interval over cells."""
        right = int((~self._wrong).sum())
        share = formats.share(intervals.wilson(right, len(self.table)), len(self.table))
        return f"{share} of these cells are predicted correctly."

    @property
    def confident_sentence(self) -> str:
        """Share of errors among the confident answers; empty where none is confident."""
        probability = self._probability
        sure = np.maximum(probability, 1 - probability) >= SURE
        errors, total = int((self._wrong & sure).sum()), int(sure.sum())
        if not total:
            return ""
        share = formats.share(intervals.wilson(errors, total), total)
        return f"Of the answers with {SURE:.2f} or more for one class, {share} are wrong."

    def right_answer(self) -> "pd.Series[Any] | None":
        """The correct answer of median probability, of ALL blasts where there is one."""
        for label in ("all", "hem"):
            places = np.flatnonzero(~self._wrong & self.shown & self._is(label))
            if len(places):
                order = np.argsort(self._probability[places], kind="stable")
                return self._first([int(places[order[len(places) // 2]])])
        return None

    def confident_error(self) -> "pd.Series[Any] | None":
        """The most confident error, of a normal cell where there is one.

        Wrong labels of synthetic cells are no errors of the model and left out.
        """
        ranked = self._ranked("confident_errors")
        ranked = [at for at in ranked if not self._planted(at)]
        normal = [at for at in ranked if self.table["label"].iat[at] == "hem"]
        return self._first(normal or ranked)

    def wrong_label(self) -> "pd.Series[Any] | None":
        """The most suspicious label; of synthetic cells the first that is known to be wrong.

        Otherwise of an ALL blast where there is one, since the most confident error is of a normal
        cell.
        """
        ranked = self._ranked("suspicious")
        if self.true_labels is not None:
            return self._first([at for at in ranked if self._planted(at)])
        blasts = [at for at in ranked if self.table["label"].iat[at] == "all"]
        return self._first(blasts or ranked)

    def label_sentence(self, image_id: str) -> str:
        """How the label of a cell was found, and how far the finding can be trusted."""
        ranked = self._ranked("suspicious", shown=False)
        ids = self.table["image_id"].astype(str).to_numpy()[ranked].tolist()
        place = ids.index(image_id) + 1
        flagged = (
            f"Confident learning flags {formats.count(len(ranked), 'label')} of {len(self.table):,}"
        )
        if self.true_labels is None:
            return f"{flagged}; this is number {place}. Blind review decides whether it is wrong."
        planted = sum(self._planted(at) for at in range(len(self.table)))
        hits = sum(self._planted(at) for at in ranked)
        true = CLASS_NAMES[str(self.true_labels[image_id])]
        return (
            f"{flagged}, {hits} of the {planted} that were planted among them; this is number "
            f"{place}. It was drawn as {true}."
        )

    @property
    def _probability(self) -> NDArray[np.float64]:
        return self.table["probability"].to_numpy(dtype=float)

    def _is(self, label: str) -> NDArray[np.bool_]:
        return np.asarray(self.table["label"] == label, dtype=np.bool_)

    @property
    def _wrong(self) -> NDArray[np.bool_]:
        return np.asarray((self._probability >= self.threshold) != self._is("all"))

    def _ranked(self, key: str, *, shown: bool = True) -> list[int]:
        """Places of the cells of a list of `outcomes.LISTS`; `shown` takes those with a picture."""
        labels, found = self._is("all").astype(np.intp), None
        if key == "suspicious":
            try:
                found = label_errors.find_label_errors(
                    labels=labels, probabilities=self._probability
                )
            except AllScopeError:  # one class only
                return []
        ranked = outcomes.rank_cells(
            key, labels=labels, probabilities=self._probability, threshold=self.threshold,
            label_errors=found,
        )  # fmt: skip
        return [int(at) for at in ranked if self.shown[at] or not shown]

    def _planted(self, at: int) -> bool:
        """Whether the label of a synthetic cell is known to be wrong."""
        if self.true_labels is None:
            return False
        true = self.true_labels.get(str(self.table["image_id"].iat[at]))
        return true is not None and true != self.table["label"].iat[at]

    def _first(self, places: Sequence[int]) -> "pd.Series[Any] | None":
        return self.table.iloc[places[0]] if places else None
