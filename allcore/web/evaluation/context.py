"""One model, split and threshold, which every view of the Evaluation page shows."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from allcore import model_folder
from allcore.errors import ModelError
from allcore.evaluation import estimates, metrics, model_evaluation, outcomes
from allcore.evaluation.estimates import Estimate, Sample
from allcore.evaluation.metrics import Confusion
from allcore.evaluation.subjects import SubjectRow
from allcore.web import evaluations
from allcore.web.cell_images import CellImages
from allcore.web.evaluations import EvaluatedSplit, PredictionSource


@dataclass(frozen=True)
class Context:
    """One model, split and threshold; what depends on the threshold is computed on demand."""

    source: PredictionSource
    split: str  # a key of `formats.SPLITS`
    evaluated: EvaluatedSplit  # the cells, with what does not depend on the threshold
    threshold: float  # probability from which a cell is predicted ALL blast
    rule: str  # sentence that says how the threshold was chosen
    images: CellImages  # of the cells, as far as they are on this machine

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
        return self.sample.confusion(self.threshold)

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
        """(N,) whether a cell is predicted wrongly."""
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

    @property
    def map_points(self) -> NDArray[np.float64] | None:
        """(N, 2) the place of each cell on the map, NaN where it has none; None without a map.

        Raises:
            ModelError: the file of the map is damaged.
        """
        return _read_map(self, self.key)


@st.cache_resource(max_entries=8, show_spinner="Reading the map")
def _read_map(_context: Context, key: str) -> NDArray[np.float64] | None:
    folder = _context.source.folder
    path = None if folder is None else folder / model_folder.EMBEDDINGS
    if path is None or not path.exists():
        return None
    try:
        with np.load(path, allow_pickle=False) as stored:
            places = pd.DataFrame(stored["map"].astype(np.float64), stored["image_id"].astype(str))
        return places[[0, 1]].reindex(_context.table["image_id"].astype(str)).to_numpy()
    except Exception as error:  # zip and npy readers raise many kinds on damaged files
        raise ModelError(f"{path} can't be read: restore it, or train the model again.") from error
