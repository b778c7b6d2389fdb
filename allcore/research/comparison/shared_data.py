"""Data of a comparison, prepared lazily and once for all of its runs."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning.fabric import Fabric
from numpy.typing import NDArray
from tqdm import tqdm

from allcore.data import decoded_cells, duplicate_cells
from allcore.data.decoded_cells import DecodedCells
from allcore.data.manifest import Manifest
from allcore.inference import devices
from allcore.research.comparison import budget as budgets
from allcore.research.comparison.budget import Budget
from allcore.research.comparison.protocols import ProtocolSplit
from allcore.training import fabric as processes
from allcore.training.plan import TrainingData


@dataclass(frozen=True)
class ComparisonData:
    """Data shared by all runs."""

    manifest: Manifest  # labelled images
    budget: Budget  # shared by all networks
    folder: Path  # of finished runs
    device: str  # auto, cpu, cuda or cuda:<n>

    @cached_property
    def data_digest(self) -> str:
        """SHA-256 of the manifest."""
        return self.manifest.digest()

    @cached_property
    def shared(self) -> dict[str, Any]:
        """The budget's fields; a file of weights is represented by its digest.

        Raises:
            ModelError: there is no such file.
        """
        return self.budget.fields()

    @cached_property
    def cells(self) -> DecodedCells:
        """All cells, cropped to the comparison's size.

        Raises:
            DataError: an image is missing, or can't be used.
        """
        with tqdm(total=len(self.manifest), desc="Decoding", disable=None, leave=False) as bar:
            return decoded_cells.decode(
                self.manifest.paths(), self.budget.preprocessing, progress=bar.update
            )

    @cached_property
    def families(self) -> NDArray[np.intp]:
        """(N,) equal for images of one cell; computed once for a data set and cached.

        Raises:
            DataError: as ``cells``.
        """
        key = budgets.digest(
            {
                "data": self.data_digest,
                "preprocessing": self.budget.preprocessing.to_dict(),
                "threshold": duplicate_cells.THRESHOLD,
            }
        )
        path = self.folder / f"families-{key}.npy"
        if not path.exists():
            families = duplicate_cells.families(self.manifest, self.cells)
            self.folder.mkdir(parents=True, exist_ok=True)
            part = path.with_suffix(".part.npy")
            np.save(part, families, allow_pickle=False)
            part.replace(path)
        return np.asarray(np.load(path, allow_pickle=False), dtype=np.intp)

    @cached_property
    def fabric(self) -> Fabric:
        """Lightning Fabric on the requested device."""
        return processes.launch(devices.choose(self.device))

    @property
    def device_name(self) -> str:
        """Display name of the device."""
        device = devices.choose(self.device)
        return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type

    def training_data(self, split: ProtocolSplit) -> TrainingData:
        """Training data of one split; all splits share the cells."""
        targets = np.where(self.manifest.table["label"] == "all", 1.0, 0.0)
        return TrainingData(self.manifest, self.cells, split.split, targets)
