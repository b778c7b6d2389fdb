"""The public release from Kaggle, through kagglehub."""

import logging
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import sleep

from allcore.cnmc import release
from allcore.errors import DataError

log = logging.getLogger(__name__)

HANDLE = "andrewmvd/leukemia-classification"
"""The release there: https://www.kaggle.com/datasets/andrewmvd/leukemia-classification."""

ARCHIVE_SHARE = 0.2
"""Room for the archive beside the unpacked files: cells on black deflate to a tenth."""


def download(cache: Path, folder: Path, *, delays: Sequence[float]) -> Path:
    """The folder that kagglehub unpacked the release into.

    kagglehub resumes an archive that broke off, and a whole one in the cache is not asked for
    again. Only a download that has begun is tried again: without a network that is message at once.

    Args:
        cache: folder of its own, on the disk that the files are to lie on.
        folder: where the reader wants the files, for the message.
        delays: seconds before each further try.

    Raises:
        DataError: Kaggle can't be reached or refuses, or what came is damaged.
        OSError: the cache can't be written.
    """
    import requests

    broken = (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError)
    for delay in (*delays, None):
        try:
            with _cache_in(cache):
                return Path(_dataset_download())
        except broken as error:
            begun = any(file.is_file() for file in cache.rglob("*"))
            if delay is None or not begun:
                message = f"There is no connection to Kaggle: {release.manual_download(folder)}"
                raise DataError(message) from error
            log.warning("The connection to Kaggle broke off; it is tried again in %g s", delay)
            sleep(delay)
        except requests.HTTPError as error:
            status = error.response.status_code if error.response is not None else "no status"
            message = f"Kaggle refuses {HANDLE} (HTTP {status}): {release.manual_download(folder)}"
            raise DataError(message) from error
        except OSError:
            raise
        except Exception as error:
            # A damaged archive would be taken for a whole one by the next run.
            shutil.rmtree(cache, ignore_errors=True)
            message = (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
            raise DataError(
                f"What Kaggle sent of {HANDLE} can't be used ({message}): run the command again."
            ) from error
    raise AssertionError("the last try returns or raises")


def _dataset_download() -> str:
    import kagglehub

    return str(kagglehub.dataset_download(HANDLE))


@contextmanager
def _cache_in(folder: Path) -> Iterator[None]:
    """Let kagglehub work in a folder: its ``output_dir`` would not resume."""
    name = "KAGGLEHUB_CACHE"
    before = os.environ.get(name)
    os.environ[name] = str(folder)
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before
