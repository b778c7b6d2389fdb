"""What every view of the Dataset page is drawn from: one data set and one split of it."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from allcore.audit.index.catalogue import Catalogue
from allcore.data import dataset_counts
from allcore.data.manifest import Manifest
from allcore.web.accounts import Visitor


@dataclass(frozen=True)
class Context:
    """One data set as it is shown.

    Attributes:
        user: who is looking.
        name: of the data set, as the control in the sidebar has it.
        catalogue: its manifest and its index.
        split: what the split shown is of, as the control has it.
    """

    user: Visitor
    name: str
    catalogue: Catalogue
    split: str

    @property
    def table(self) -> pd.DataFrame:
        """One row an image, see `Catalogue.table`; only to read."""
        return self.catalogue.table

    @property
    def manifest(self) -> Manifest:
        """Of the data set."""
        return self.catalogue.manifest

    @property
    def path(self) -> Path:
        """Folder or CSV file of the data set."""
        return self.catalogue.path

    @property
    def synthetic(self) -> bool:
        """Whether the pictures are drawn."""
        return dataset_counts.is_synthetic(self.manifest)
