"""Thumbnails for galleries: one scale for all cells, WebP, cached by content."""

import io
import os
import threading
from collections import OrderedDict
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from PIL import Image, UnidentifiedImageError

from allcore.data.manifest import Manifest
from allcore.data.safe_paths import PathResolver

FIELD = 360
"""Side of what a thumbnail shows, in pixels of the original: hardly a C-NMC cell is larger, and it
is the same for all, so that sizes can be compared."""
SIDE = 240
QUALITY = 82
WORKERS = 4


@dataclass(frozen=True)
class ImageSource:
    """A picture to make a thumbnail of.

    Attributes:
        path: its file.
        key: stands for its content: the recorded SHA-256, else path, size and time; empty where
            there is no file.
        thumbnail: file of an earlier thumbnail, which is read where it exists.
    """

    path: Path
    key: str
    thumbnail: Path | None = None


class Thumbnails:
    """Thumbnails of all data sets of this process; the least recently used ones are dropped.

    Safe for many threads.
    """

    def __init__(self, max_entries: int = 6000) -> None:
        self._cache: OrderedDict[str, bytes] = OrderedDict()
        self._max_entries = max_entries
        self._lock = threading.Lock()

    def has(self, sources: Iterable[ImageSource]) -> bool:
        """Whether the thumbnails of all sources with a file are cached."""
        with self._lock:
            return all(not source.key or source.key in self._cache for source in sources)

    def get(self, sources: Iterable[ImageSource]) -> list[bytes | None]:
        """WebP of each picture; None where there is no file or it can't be read."""
        wanted = list(sources)
        with self._lock:
            pictures = {s.key: self._cache[s.key] for s in wanted if s.key in self._cache}
        missing = {s.key: s for s in wanted if s.key and s.key not in pictures}
        if missing:
            with ThreadPoolExecutor(WORKERS) as pool:
                results = zip(missing, pool.map(_read_or_make, missing.values()), strict=True)
                pictures |= {key: picture for key, picture in results if picture is not None}
        self._store(pictures)
        return [pictures.get(source.key) for source in wanted]

    def _store(self, pictures: dict[str, bytes]) -> None:
        with self._lock:
            for key, picture in pictures.items():
                self._cache[key] = picture
                self._cache.move_to_end(key)
            while len(self._cache) > self._max_entries:
                self._cache.popitem(last=False)


def sources(manifest: Manifest, rows: pd.DataFrame) -> list[ImageSource]:
    """The pictures of some rows of a manifest, in their order; one outside its folder is none."""
    within, named = PathResolver(manifest.root), zip(rows["sha256"], rows["path"], strict=True)
    return [source(within, path, digest) for digest, path in named]


def source(within: PathResolver, path: str, digest: str | None = None) -> ImageSource:
    """A picture of a data set.

    Args:
        within: the folder.
        path: of the picture, below the folder.
        digest: SHA-256 on record for it, where there is one.
    """
    file, state = stat(within, path)
    if state is None:
        return ImageSource(file, "")
    return ImageSource(file, digest or f"{file}|{state.st_size}|{state.st_mtime_ns}")


def stat(within: PathResolver, path: str) -> tuple[Path, os.stat_result | None]:
    """A picture's file and its state; None where it is not there or outside of the folder."""
    file = within.root / path
    try:
        target = within.resolve(path)
        return file, target.stat() if within.contains(target) else None
    except (OSError, RuntimeError, ValueError):  # RuntimeError: links that lead in a circle
        return file, None


def thumbnail(path: Path) -> bytes | None:
    """WebP of the middle of a picture, or None where it is missing or can't be read."""
    try:
        with Image.open(path) as image:
            return webp(image.convert("RGB"))
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError, ValueError):
        return None


def webp(picture: Image.Image) -> bytes:
    """WebP of the middle of a picture in RGB."""
    buffer = io.BytesIO()
    _middle(picture).save(buffer, "WEBP", quality=QUALITY, method=2)
    return buffer.getvalue()


def _read_or_make(source: ImageSource) -> bytes | None:
    try:
        if source.thumbnail is not None and (data := source.thumbnail.read_bytes()):
            return data
    except OSError:  # it is made again below
        pass
    return thumbnail(source.path)


def _middle(picture: Image.Image) -> Image.Image:
    left, top = (picture.width - FIELD) // 2, (picture.height - FIELD) // 2
    box = (left, top, left + FIELD, top + FIELD)  # black beyond a smaller picture
    return picture.crop(box).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
