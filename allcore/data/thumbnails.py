"""Thumbnails for galleries: WebP at one scale for all cells, cached by content."""

import io
import os
import threading
from collections import OrderedDict
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from PIL import Image

from allcore.data.images import decoding
from allcore.data.manifest import Manifest
from allcore.data.safe_paths import PathResolver
from allcore.errors import BadImage

FIELD = 360
"""Side of the thumbnail's field of view in pixels of the original. It holds nearly every C-NMC cell
and is the same for all, so that sizes can be compared."""
SIDE = 240
QUALITY = 82
WORKERS = 4


@dataclass(frozen=True)
class ImageSource:
    """An image to make a thumbnail of."""

    path: Path  # its file
    # identifies its content: the recorded SHA-256, else path, size and time; empty without a file
    key: str
    thumbnail: Path | None = None  # file of an existing thumbnail, which is preferred


class Thumbnails:
    """Thread-safe LRU cache of the thumbnails of all data sets of this process."""

    def __init__(self, max_entries: int = 6000) -> None:
        self._cache: OrderedDict[str, bytes] = OrderedDict()
        self._max_entries = max_entries
        self._lock = threading.Lock()

    def has(self, sources: Iterable[ImageSource]) -> bool:
        """True if the thumbnails of all sources with a file are cached."""
        with self._lock:
            return all(not source.key or source.key in self._cache for source in sources)

    def get(self, sources: Iterable[ImageSource]) -> list[bytes | None]:
        """Return the WebP of each image; None where there is no file or it can't be read."""
        wanted = list(sources)
        with self._lock:
            pictures = {s.key: self._cache[s.key] for s in wanted if s.key in self._cache}
        missing = {s.key: s for s in wanted if s.key and s.key not in pictures}
        if missing:
            with ThreadPoolExecutor(WORKERS) as pool:
                results = zip(missing, pool.map(_read_or_make, missing.values()), strict=True)
                pictures |= {key: picture for key, picture in results if picture is not None}
        with self._lock:
            for key, picture in pictures.items():
                self._cache[key] = picture
                self._cache.move_to_end(key)
            while len(self._cache) > self._max_entries:
                self._cache.popitem(last=False)
        return [pictures.get(source.key) for source in wanted]


def sources(manifest: Manifest, rows: pd.DataFrame) -> list[ImageSource]:
    """Return the sources of a manifest's rows; images outside of its folder have no key."""
    resolver, named = PathResolver(manifest.root), zip(rows["sha256"], rows["path"], strict=True)
    return [source(resolver, path, digest) for digest, path in named]


def source(resolver: PathResolver, path: str, digest: str | None = None) -> ImageSource:
    """Return the source of an image below a data set's folder, with its recorded SHA-256."""
    file, state = stat(resolver, path)
    if state is None:
        return ImageSource(file, "")
    return ImageSource(file, digest or f"{file}|{state.st_size}|{state.st_mtime_ns}")


def stat(resolver: PathResolver, path: str) -> tuple[Path, os.stat_result | None]:
    """Return an image's file and its state; None where it is missing or outside of the folder."""
    file = resolver.root / path
    try:
        target = resolver.resolve(path)
        return file, target.stat() if resolver.contains(target) else None
    except (OSError, RuntimeError, ValueError):  # RuntimeError: circular links
        return file, None


def thumbnail(path: Path) -> bytes | None:
    """Return the WebP of the middle of an image, or None where it can't be read."""
    try:
        return webp(Image.fromarray(decoding.decode_file(path, min_side=1)))
    except (OSError, BadImage):
        return None


def webp(picture: Image.Image) -> bytes:
    """Return the WebP of the middle of an RGB image."""
    left, top = (picture.width - FIELD) // 2, (picture.height - FIELD) // 2
    field = picture.crop((left, top, left + FIELD, top + FIELD))  # black beyond a smaller image
    buffer = io.BytesIO()
    field.resize((SIDE, SIDE), Image.Resampling.BICUBIC).save(
        buffer, "WEBP", quality=QUALITY, method=2
    )
    return buffer.getvalue()


def _read_or_make(source: ImageSource) -> bytes | None:
    try:
        if source.thumbnail is not None and (data := source.thumbnail.read_bytes()):
            return data
    except OSError:  # made again below
        pass
    return thumbnail(source.path)
