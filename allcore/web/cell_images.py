"""Images of known cells in the data sets on this machine.

Pages that show a cell by its id (Evaluation, Review, Predict's neighbours) get the image here,
whichever data set it is in, and whether ALLSCOPE_DATA names that set or somebody connected it.
"""

import functools
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

import pandas as pd
import streamlit as st

from allcore.audit.index import store
from allcore.cnmc import release
from allcore.data import dataset_counts, subjects, thumbnails
from allcore.data.manifest import Manifest
from allcore.data.safe_paths import PathResolver
from allcore.data.thumbnails import ImageSource
from allcore.errors import AllScopeError
from allcore.model_folder import ModelInfo
from allcore.web import datasets

CONNECT = "The pictures of these cells are not on this machine: connect their data set to see them."
UNMATCHED = "No picture of a connected data set has the name or the SHA-256 of one of these cells."


@dataclass(frozen=True)
class CellImages:
    """Images of all readable data sets, by image id."""

    # the data sets; of two that have an id, the first one shows the image
    manifests: tuple[Manifest, ...] = ()
    # data set and row of each image id
    places: Mapping[str, tuple[Manifest, int]] = field(default_factory=dict)
    problem: str = ""  # why the data set of ALLSCOPE_DATA can't be read; empty where it can

    @classmethod
    def of(
        cls,
        manifests: Sequence[Manifest],
        *,
        digest: str = "",
        named: Mapping[str, tuple[Manifest, int]] | None = None,
    ) -> "CellImages":
        """Images of some data sets; the one with the digest comes first, then the given order.

        `named` are places by the ids that files of another name have by their content.
        """
        if digest and len(manifests) > 1:
            manifests = sorted(manifests, key=lambda manifest: manifest.digest() != digest)
        places: dict[str, tuple[Manifest, int]] = {}
        for manifest in manifests:
            for row, image_id in enumerate(manifest.table["image_id"].astype(str)):
                places.setdefault(image_id, (manifest, row))
        for image_id, place in [*places.items(), *(named or {}).items()]:
            places.setdefault(subjects.canonical_id(image_id), place)
        return cls(tuple(manifests), places)

    def __contains__(self, image_id: object) -> bool:
        return self._place(str(image_id)) is not None

    def row(self, image_id: str) -> "pd.Series[Any] | None":
        """Row of an image in its manifest; None where no data set has the id."""
        place = self._place(image_id)
        return None if place is None else place[0].table.iloc[place[1]]

    def file(self, image_id: str) -> Path | None:
        """File of an image; None without one, or where it lies outside its data set."""
        place = self._place(image_id)
        if place is None:
            return None
        manifest, row = place
        path = str(manifest.table["path"].iat[row])
        file, state = thumbnails.stat(PathResolver(manifest.root), path)
        return None if state is None else file

    def sources(self, image_ids: Sequence[str]) -> list[ImageSource]:
        """Thumbnail sources of images, in order; with an empty key where there is no image."""
        sources = []
        for image_id in image_ids:
            source = ImageSource(Path(image_id), "")
            if place := self._place(image_id):
                manifest, row = place
                [source] = thumbnails.sources(manifest, manifest.table.iloc[[row]])
            sources.append(source)
        return sources

    def missing(self, image_ids: Sequence[str]) -> int:
        """Number of ids that no data set has."""
        return sum(image_id not in self for image_id in image_ids)

    def is_synthetic(self, image_id: str) -> bool:
        """Whether an image was drawn by ALLScope."""
        place = self._place(image_id)
        return place is not None and dataset_counts.is_synthetic(place[0])

    @cached_property
    def table(self) -> pd.DataFrame | None:
        """The rows of all manifests, one an image id; None without a data set."""
        if not self.manifests:
            return None
        table = pd.concat([manifest.table for manifest in self.manifests], ignore_index=True)
        return table.drop_duplicates("image_id")

    @property
    def why_missing(self) -> str:
        """Sentence that explains why some cells have no picture."""
        return UNMATCHED if self.manifests else CONNECT

    def _place(self, image_id: str) -> tuple[Manifest, int] | None:
        # Readers keep C-NMC's names with or without folders and suffix.
        return self.places.get(image_id) or self.places.get(subjects.canonical_id(image_id))


def at_hand(info: ModelInfo | None = None) -> CellImages:
    """Images of all real data sets that can be read now: ALLSCOPE_DATA's and the connected ones.

    An image id stands for the same cell in every data set. Of several data sets that have an id,
    the one whose digest the model recorded comes first, then that of ALLSCOPE_DATA. A file of
    C-NMC under another name has its id by the SHA-256 that the manifest or the index recorded.
    Predictions of unknown origin have no model.
    """
    manifests, indexes, problem = [], [], ""
    for name in datasets.real_names():
        try:
            manifests.append(datasets.load(name))
            indexes.append(store.folder(datasets.path_of(name)))
        except AllScopeError as error:  # the Dataset page says what is wrong with a connected one
            problem = str(error) if name == datasets.CONFIGURED else problem
    if not manifests:
        return CellImages(problem=problem)
    digest = str(info.training.get("data", {}).get("digest", "")) if info else ""
    stamps = tuple(folder.stat().st_mtime if folder.is_dir() else 0.0 for folder in indexes)
    images = _indexed(tuple(manifests), (*map(id, manifests), *stamps), digest)
    return replace(images, problem=problem) if problem else images


# The result holds the manifests, so no other object gets one of these ids while it is cached.
@st.cache_resource(max_entries=8, show_spinner=False)
def _indexed(_manifests: tuple[Manifest, ...], state: tuple[float, ...], digest: str) -> CellImages:
    named: dict[str, tuple[Manifest, int]] = {}
    for manifest in _manifests:
        for row, image_id in _names_by_content(manifest).items():
            named.setdefault(image_id, (manifest, row))
    return CellImages.of(_manifests, digest=digest, named=named)


def _names_by_content(manifest: Manifest) -> dict[int, str]:
    """Ids of C-NMC by the rows whose file has another name and a recorded SHA-256."""
    table = manifest.table
    paths = map(str, table["path"])
    renamed = table[[subjects.original_id(path) != PurePosixPath(path).stem for path in paths]]
    if renamed.empty:
        return {}
    digests = renamed["sha256"]
    if digests.isna().any():
        with suppress(AllScopeError):  # not indexed
            _, rows = store.read_rows(manifest.root)
            digests = digests.fillna(
                renamed["path"].map(dict(zip(rows["path"], rows["sha256"], strict=True)))
            )
    known = _release_ids()
    places = digests.index.to_numpy(dtype=int)
    return {
        int(row): known[digest]
        for row, digest in zip(places, digests, strict=True)
        if digest in known
    }


@functools.cache
def _release_ids() -> dict[str, str]:
    """Id of each named cell of the public release by the SHA-256 of its file."""
    table = release.read_release()
    named = table[[subjects.parse_name(path) is not None for path in table["path"]]]
    return dict(zip(named["sha256"], named["path"].map(subjects.canonical_id), strict=True))
