"""Download of a release's files from a plain HTTP server, resumed and verified.

``pooch`` checks digests too, but it does not resume a partial file, opens a connection for each of
15,000 small files, and retries files that a server does not have.
"""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import requests
from requests.adapters import HTTPAdapter

from allcore.data import file_digests
from allcore.data.file_digests import UnreadFile

DELAYS = (1.0, 2.0, 4.0, 8.0, 16.0)  # seconds before each further attempt at a file
TIMEOUT = (10, 30)  # seconds to connect, and seconds between two bytes
CHUNK = 1 << 14  # bytes read at a time; an incomplete chunk is lost when a connection breaks
WORKERS = 8
MAX_FAILURES = 20  # consecutive failures after which the remaining files are skipped
TRANSIENT = frozenset({408, 425, 429, 500, 502, 503, 504})  # HTTP status codes that are retried


@dataclass(frozen=True)
class ReleaseFile:
    """A file to download."""

    paths: tuple[str, ...]  # in the release; several where it holds the same bytes more than once
    size: int
    sha256: str

    @property
    def total_size(self) -> int:
        """Bytes at all its paths."""
        return self.size * len(self.paths)


Place = Callable[[Path, ReleaseFile], object]
"""Moves or copies verified content to the paths of a file."""


class MirrorError(Exception):
    """A failed download; ``transient`` where another attempt may succeed."""

    def __init__(self, reason: str, *, transient: bool = False) -> None:
        super().__init__(reason)
        self.transient = transient


class Mirror:
    """An HTTP server with the files of a release below one address.

    A partial file is named by its digest, so that a later run resumes it. The methods are
    thread-safe; ``stop`` ends all of them.
    """

    def __init__(self, url: str, work: Path) -> None:
        self.url = url.rstrip("/")
        self.work = work
        self.stop = threading.Event()
        self._session = requests.Session()
        self._session.headers["Accept-Encoding"] = "identity"  # ranges count plain bytes
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, HTTPAdapter(pool_maxsize=WORKERS))

    def check_connection(self, path: str) -> None:
        """Raise a MirrorError early where the server does not answer to a request for a file."""
        try:
            self._get(path, 0).close()
        except requests.RequestException as error:
            raise MirrorError(_reason(error)) from error

    def fetch(self, file: ReleaseFile) -> Path:
        """Download a file and return the path of its verified part.

        Raises:
            MirrorError: the mirror lacks the file, has other bytes, or did not answer in all
                attempts.
            OSError: the part can't be written.
        """
        if self.stop.is_set():
            raise MirrorError("stopped")
        part = self.work / f"{file.sha256}.part"
        for delay in (*DELAYS, None):
            try:
                self._attempt(file, part)
                return part
            except MirrorError as error:
                if delay is None or not error.transient or self.stop.wait(delay):
                    raise
        raise AssertionError("the last attempt returns or raises")

    def fetch_all(
        self, files: Sequence[ReleaseFile], place: Place, *, progress: Callable[[int], object]
    ) -> tuple[int, tuple[UnreadFile, ...]]:
        """Download several files in parallel; each is placed as soon as it is verified.

        Args:
            place: called in a worker thread.
            progress: called with the bytes of every verified file.

        Returns:
            The number of placed paths, and the paths that could not be downloaded.

        Raises:
            OSError: a file can't be written.
        """

        def fetch_and_place(file: ReleaseFile) -> None:
            place(self.fetch(file), file)

        pool = ThreadPoolExecutor(WORKERS)
        count, in_a_row, failures = 0, 0, list[UnreadFile]()
        try:
            pending = {pool.submit(fetch_and_place, file): file for file in files}
            while pending and in_a_row < MAX_FAILURES:
                for future in wait(pending, timeout=0.2, return_when=FIRST_COMPLETED).done:
                    file = pending.pop(future)
                    try:
                        future.result()
                    except MirrorError as error:
                        failures += [UnreadFile(path, str(error)) for path in file.paths]
                        in_a_row += 1
                        continue
                    count, in_a_row = count + len(file.paths), 0
                    progress(file.total_size)
            return count, tuple(failures)
        finally:
            self.stop.set()
            pool.shutdown(cancel_futures=True)

    def read_small_file(self, path: str, *, max_bytes: int) -> bytes | None:
        """Return a file of unknown digest; None where it is too large or the mirror lacks it."""
        try:
            with self._get(path, 0) as response:
                data = response.raw.read(max_bytes + 1, decode_content=True)
        except (requests.RequestException, OSError):
            return None
        return data if response.status_code == 200 and len(data) <= max_bytes else None

    def _attempt(self, file: ReleaseFile, part: Path) -> None:
        offset = part.stat().st_size if part.exists() else 0
        if offset > file.size:
            part.unlink()
            offset = 0
        resumed = offset > 0
        if offset < file.size:
            resumed = self._download(file, part, offset)
        if part.stat().st_size < file.size:
            raise MirrorError("the connection broke off", transient=True)
        if file_digests.file_digest(part) != file.sha256:
            part.unlink()
            raise MirrorError("the mirror has other bytes than the release", transient=resumed)

    def _download(self, file: ReleaseFile, part: Path, offset: int) -> bool:
        """Append the missing bytes of a part, or restart it; return whether it was resumed."""
        try:
            with self._get(file.paths[0], offset) as response:
                status = response.status_code
                start = response.headers.get("Content-Range", "").removeprefix("bytes ")
                if status == 416 or (status == 206 and start.split("-")[0] != str(offset)):
                    part.unlink(missing_ok=True)
                    raise MirrorError("the mirror can't resume a part", transient=True)
                if status not in (200, 206):
                    verb = "does not have it" if status in (404, 410) else "refuses"
                    raise MirrorError(
                        f"the mirror {verb} (HTTP {status})", transient=status in TRANSIENT
                    )
                resumed = status == 206 and offset > 0
                self._write(response, part, offset if resumed else 0, file.size)
        except (requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema) as error:
            raise MirrorError(str(error)) from error
        except requests.RequestException as error:
            raise MirrorError(_reason(error), transient=True) from error
        return resumed

    def _write(self, response: requests.Response, part: Path, offset: int, size: int) -> None:
        with part.open("ab" if offset else "wb") as opened:
            for chunk in response.iter_content(CHUNK):
                if self.stop.is_set():
                    raise MirrorError("stopped")
                offset += len(chunk)
                if offset > size:
                    opened.truncate(0)
                    raise MirrorError("the mirror has other bytes than the release")
                opened.write(chunk)

    def _get(self, path: str, offset: int) -> requests.Response:
        headers = {"Range": f"bytes={offset}-"} if offset else {}
        url = f"{self.url}/{quote(path)}"
        return self._session.get(url, headers=headers, stream=True, timeout=TIMEOUT)


def _reason(error: requests.RequestException) -> str:
    if isinstance(error, requests.Timeout):
        return "the mirror does not answer in time"
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return "the connection broke off"
    return "there is no connection to the mirror"
