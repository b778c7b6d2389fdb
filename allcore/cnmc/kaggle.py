"""The public release from Kaggle, through kagglehub."""

import logging
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import sleep

from allcore.cnmc import mirror, release
from allcore.errors import DataError

log = logging.getLogger(__name__)

HANDLE = "andrewmvd/leukemia-classification"
"""Kaggle data set: https://www.kaggle.com/datasets/andrewmvd/leukemia-classification."""

ARCHIVE_SHARE = 0.2
"""Upper bound of the archive's size relative to the unpacked files, of which it has a tenth."""


def download(cache: Path, folder: Path) -> Path:
    """Return the folder that kagglehub unpacked the release into.

    kagglehub resumes a partial archive, and reuses a complete one in the cache. Only a download
    that has begun is retried; without a network the error is raised at once.

    Raises:
        DataError: Kaggle can't be reached or refuses, or the archive is damaged.
        OSError: the cache can't be written.
    """
    import requests

    broken = (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError)
    for delay in (*mirror.DELAYS, None):
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
            # The next run would take a damaged archive for a complete one.
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
    """Point kagglehub's cache to a folder: its ``output_dir`` does not resume."""
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
