"""Records of cells in a model folder: held-out answers, training exposure, fold networks."""

from collections.abc import Sequence
from dataclasses import replace
from functools import cache, cached_property
from typing import TYPE_CHECKING

import pandas as pd

from allcore import model_folder
from allcore.cnmc import release
from allcore.data import subjects
from allcore.errors import AllScopeError
from allcore.evaluation import model_evaluation
from allcore.evaluation.conformal import PredictionSets
from allcore.explain.neighbours import Neighbours
from allcore.explain.parts import CellIdentity, KnownCell
from allcore.inference.held_out import TrainingExposure, TrainingSet
from allcore.model_folder import InstalledModel

if TYPE_CHECKING:  # these import torch, which pages without an image don't need
    import torch

    from allcore.inference.predictor import Predictor


class ModelRecord:
    """Recorded data of cells in a model folder; each table is read at first use.

    Attributes:
        model: the model.
    """

    def __init__(self, model: InstalledModel) -> None:
        self.model = model
        self._neighbours: tuple[object, Neighbours] | None = None

    @cached_property
    def sets(self) -> PredictionSets | None:
        """Thresholds of the prediction sets; None where the folder records too little.

        They hold for cells of the model's own laboratory, so there are none with a site profile.
        """
        if self.model.profile is not None:
            return None
        try:
            predictions = model_folder.read_predictions(self.model.folder)
            return model_evaluation.prediction_sets(predictions, self.model.info)
        except AllScopeError:
            return None

    @cached_property
    def _held_out(self) -> dict[str, tuple[float, int | None, str]]:
        """Held-out probability, fold and part by canonical image id; empty without any."""
        try:
            table = model_folder.read_predictions(self.model.folder)
        except AllScopeError:
            return {}
        table = table[table["probability"].notna()]
        has_folds = self.model.info.folds_sha256 is not None
        folds = table["fold"].astype(object).where(table["fold"].notna() & has_folds, None)
        ids = table["image_id"].astype(str).map(subjects.canonical_id)
        probability, profile = table["probability"].astype(float), self.model.profile
        if profile is not None:
            probability = probability.map(profile.probability)
        rows = zip(ids, probability, folds, table["split"], strict=True)
        return {
            name: (value, None if fold is None else int(fold), str(split))
            for name, value, fold, split in rows
        }

    @cached_property
    def training(self) -> TrainingSet | None:
        """Training set of the network; None where the folder does not record it."""
        try:
            return TrainingSet.of(self.model.folder, self.model.info)
        except AllScopeError:
            return None

    def exposure(self, identity: CellIdentity | None) -> TrainingExposure:
        """Exposure of the network's training to a cell."""
        if identity is None or self.training is None:
            return "unknown"
        return self.training.exposure(identity.image_id, identity.group)

    def known(self, identity: CellIdentity | None) -> KnownCell:
        """What the folder records of a cell: the training's exposure, and its held-out answer."""
        name = subjects.canonical_id(identity.image_id) if identity else ""
        held_out, fold, split = self._held_out.get(name, (None, None, ""))
        return KnownCell(identity, self.exposure(identity), held_out, fold, split)

    def neighbours(self, cells: pd.DataFrame | None = None) -> Neighbours:
        """Index of the cells with features in the folder.

        Args:
            cells: table of a data set, for the labels of cells that were only in the training part.

        Raises:
            ModelError: the features, or their tables, are missing or damaged.
        """
        if self._neighbours is None or self._neighbours[0] is not cells:
            self._neighbours = (cells, Neighbours.of(self.model.folder, cells))
        return self._neighbours[1]


def identify(
    sha256s: Sequence[str], cells: pd.DataFrame | None = None
) -> list[CellIdentity | None]:
    """Identify cells of data sets by the SHA-256 of their files, in order; None without a match.

    The lookup covers a table of cells (image_id, subject, sha256) and the public release of C-NMC
    2019, whose digests are packaged. A re-encoded image is another file and has no match.

    Raises:
        DataError: the packaged list of the release is damaged.
    """
    known: dict[str, CellIdentity] = {}
    if cells is not None and "sha256" in cells:
        rows = cells[cells["sha256"].isin(set(sha256s))]
        for sha256, image_id, subject in zip(
            rows["sha256"], rows["image_id"], rows["subject"], strict=True
        ):
            identity = CellIdentity(str(image_id), None if pd.isna(subject) else str(subject))
            if sha256 not in known or known[sha256].subject is None:
                known[sha256] = identity
    return [known.get(sha256) or _released().get(sha256) for sha256 in sha256s]


def fold_predictor(model: InstalledModel, fold: int, device: "torch.device") -> "Predictor":
    """Load the predictor of the network that was trained without the subjects of a fold.

    Raises:
        ModelError: the folder has no such network, or is damaged.
    """
    from allcore.inference.predictor import Predictor

    network = model_folder.load_fold_network(model.folder, fold, device)
    # Its output is calibrated.
    predictor = Predictor(network, replace(model.info, temperature=1.0), device)
    return predictor.with_profile(model.profile)


@cache
def _released() -> dict[str, CellIdentity]:
    """Cells of the public release by the SHA-256 of their files."""
    files = release.read_release()
    rows = zip(files["path"], files["subject"], files["sha256"], strict=True)
    return {
        sha256: CellIdentity(subjects.canonical_id(path), subject) for path, subject, sha256 in rows
    }
