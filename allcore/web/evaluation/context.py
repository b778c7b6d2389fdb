"""One model, split and threshold, which every view of the Evaluation page shows."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from allcore import model_folder
from allcore.evaluation import estimates, metrics, model_evaluation, outcomes
from allcore.evaluation.estimates import Estimate, Sample
from allcore.evaluation.metrics import Confusion
from allcore.evaluation.subjects import SubjectRow
from allcore.web import evaluations
from allcore.web.cell_images import CellImages
from allcore.web.evaluations import EvaluatedSplit, PredictionSource


@dataclass(frozen=True)
class Context:
    """One model, split and threshold; what depends on the threshold is computed on demand.

    Attributes:
        source: where the predictions come from.
        split: key of `formats.SPLITS`.
        evaluated: the cells of the split, with what does not depend on the threshold.
        threshold: probability from which a cell is called an ALL blast.
        rule: sentence that says how the threshold was chosen.
        images: of the cells, as far as they are on this machine.
    """

    source: PredictionSource
    split: str
    evaluated: EvaluatedSplit
    threshold: float
    rule: str
    images: CellImages

    @property
    def table(self) -> pd.DataFrame:
        """Predictions, one row a cell, numbered from 0; only to read."""
        return self.evaluated.table

    @property
    def sample(self) -> Sample:
        """The cells as arrays, with their resamples."""
        return self.evaluated.sample

    @property
    def key(self) -> str:
        """Key of a cache of what does not depend on the threshold."""
        return self.source.digest + self.split

    def split_of(self, other: PredictionSource) -> str:
        """The split shown, where another source has it, else the other's first."""
        known = evaluations.splits(other)
        return self.split if self.split in known else known[0]

    @cached_property
    def confusion(self) -> Confusion:
        """Counts at the threshold."""
        return metrics.confusion(
            labels=self.sample.labels,
            probabilities=self.sample.probabilities,
            threshold=self.threshold,
        )

    @cached_property
    def estimates(self) -> tuple[Estimate, ...]:
        """All figures at the threshold, in the order of `metrics.TITLES`."""
        values = (
            *estimates.at_threshold(self.sample, self.threshold),
            *self.evaluated.threshold_free,
        )
        order = list(metrics.TITLES)
        return tuple(sorted(values, key=lambda figure: order.index(figure.name)))

    def estimate(self, name: str) -> Estimate:
        """One of them by its key in `metrics.TITLES`."""
        return next(estimate for estimate in self.estimates if estimate.name == name)

    @cached_property
    def outcomes(self) -> NDArray[np.str_]:
        """(N,) key of `outcomes.OUTCOMES` of each cell."""
        return outcomes.cell_outcomes(self.sample.labels, self.sample.probabilities, self.threshold)

    @cached_property
    def wrong(self) -> NDArray[np.bool_]:
        """(N,) whether a cell is called wrongly."""
        return np.isin(self.outcomes, ("fp", "fn"))

    @cached_property
    def subjects(self) -> tuple[SubjectRow, ...]:
        """A row a subject, worst first; empty where subjects are unknown."""
        return model_evaluation.subject_rows(self.table, self.sample, self.threshold)

    @cached_property
    def facts(self) -> pd.DataFrame | None:
        """Measures of each cell's picture in the order of the table; None where none are kept."""
        if self.source.folder is None:
            return None
        measures = model_folder.read_facts(self.source.folder)
        if measures is None:
            return None
        known = measures.set_index("image_id").reindex(self.table["image_id"])
        return known.reset_index(drop=True)
