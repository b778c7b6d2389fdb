"""The pictures of predicted cells, where a connected data set has them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import streamlit as st

from allcore import settings
from allcore.data import thumbnails
from allcore.data.manifest import Manifest
from allcore.data.thumbnails import Source
from allcore.errors import AllScopeError
from allcore.web import dataset_cache, frame

CONNECT = (
    "The pictures of these cells are not on this machine: set `ALLSCOPE_DATA` to the folder of the "
    "data set to see them."
)
UNMATCHED = "No picture of the connected data set has the id of one of these cells."


@dataclass(frozen=True)
class Pictures:
    """Where the pictures are; `manifest` is None where no data set is connected."""

    manifest: Manifest | None
    place: Mapping[str, int]

    def row(self, image_id: str) -> "pd.Series[str] | None":
        """What the data set says about a picture; None where it has none of that id."""
        at = self.place.get(image_id)
        return None if self.manifest is None or at is None else self.manifest.table.iloc[at]

    def sources(self, image_ids: Sequence[str]) -> list[Source]:
        """The pictures, in order; with an empty key where there is none."""
        found = [self.row(each) for each in image_ids]
        if self.manifest is None:
            return [Source(Path(each), "") for each in image_ids]
        known = [row for row in found if row is not None]
        made = iter(thumbnails.sources(self.manifest, pd.DataFrame(known)) if known else [])
        return [
            Source(Path(each), "") if row is None else next(made)
            for each, row in zip(image_ids, found, strict=True)
        ]

    def missing(self, image_ids: Sequence[str]) -> int:
        """How many of the pictures there are none of."""
        return sum(each not in self.place for each in image_ids)

    @property
    def why_missing(self) -> str:
        """Sentence that says why there is no picture of some cells."""
        return CONNECT if self.manifest is None else UNMATCHED


def connected() -> Pictures:
    """The pictures of the connected data set; of none where it can't be read."""
    if settings.load().data is None:
        return Pictures(None, {})
    try:
        manifest = dataset_cache.load(dataset_cache.CONNECTED)
    except AllScopeError as error:
        st.warning(frame.plain(str(error)), width=frame.TEXT_WIDTH)
        return Pictures(None, {})
    return _of(manifest, id(manifest))


@st.cache_resource(max_entries=4, show_spinner=False)
def _of(_manifest: Manifest, key: int) -> Pictures:
    # The result holds the manifest, so no other object can come to have this id while it is kept.
    ids = _manifest.table["image_id"].astype(str)
    return Pictures(_manifest, {image_id: at for at, image_id in enumerate(ids)})
