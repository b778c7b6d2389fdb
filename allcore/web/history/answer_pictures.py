"""Pictures of an account's answers: the stored ones, else those of data sets on this machine."""

import hashlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import pandas as pd
import streamlit as st

from allcore.data.thumbnails import ImageSource
from allcore.errors import AllScopeError
from allcore.explain import model_record
from allcore.store import pictures
from allcore.synthetic import dataset, demo
from allcore.web import accounts, cell_images, datasets
from allcore.web.cell_images import CellImages
from allcore.web.components import picker


def read(username: str, sha256: str) -> bytes | None:
    """The file behind an answer; None where it is nowhere on this machine."""
    data = pictures.read(accounts.store(), username, sha256)
    if data is not None or not sha256:
        return data
    for file in _in_data_sets([sha256]).values():
        with suppress(OSError):
            data = file.read_bytes()
            if hashlib.sha256(data).hexdigest() == sha256:
                return data
    return None


def thumbnails(username: str, digests: Sequence[str]) -> list[str | None]:
    """Small pictures of answers as data addresses, in order; None without a picture.

    Args:
        username: of the account.
        digests: SHA-256 of the files; empty for a file that could not be read.
    """
    known = set(digests) - {""}
    stored = pictures.files(accounts.store(), username, known)
    files = {**_in_data_sets(sorted(known - set(stored))), **stored}
    sources = [
        ImageSource(files.get(digest, Path()), digest if digest in files else "")
        for digest in digests
    ]
    made = picker.thumbnail_store().get(sources)
    return [picker.thumbnail_address(webp) if webp else None for webp in made]


def _in_data_sets(digests: Sequence[str]) -> Mapping[str, Path]:
    """Files with these digests in connected data sets and the synthetic one."""
    found: dict[str, Path] = {}
    for images in (cell_images.at_hand(), _synthetic()):
        cells = images.table
        if cells is None or not images.places:
            continue
        missing = [digest for digest in digests if digest not in found]
        identities = model_record.identify(missing, _with_digests(cells))
        for digest, identity in zip(missing, identities, strict=True):
            file = images.file(identity.image_id) if identity else None
            if file is not None:
                found[digest] = file
    return found


def _with_digests(cells: pd.DataFrame) -> pd.DataFrame | None:
    return cells if "sha256" in cells else None


def _synthetic() -> CellImages:
    """The synthetic cells, where they are drawn."""
    if not demo.is_drawn():
        return CellImages()
    with suppress(AllScopeError):
        manifest = datasets.load(dataset.NAME)
        return _images_of(manifest.digest())
    return CellImages()


@st.cache_resource(max_entries=2, show_spinner=False)
def _images_of(digest: str) -> CellImages:
    return CellImages.of([datasets.load(dataset.NAME)])
