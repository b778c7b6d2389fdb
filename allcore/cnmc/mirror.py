"""Files of a release from a plain HTTP server that serves its paths, each checked as it comes."""

import hashlib
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote

import requests
from requests.adapters import HTTPAdapter

from allcore.data.file_digests import Cancelled, UnreadFile

DELAYS = (1.0, 2.0, 4.0, 8.0, 16.0)
"""Seconds before each further try of a file."""

TIMEOUT = (10, 30)
"""Seconds to connect, and between two bytes."""

CHUNK = 1 << 14
"""Bytes read at a time: what came of an unfinished chunk is lost where a connection breaks off."""

WORKERS = 8
MAX_FAILURES = 20
"""Files that fail one after the other before the rest is not asked for."""

TRANSIENT = frozenset({408, 425, 429, 500, 502, 503, 504})


@dataclass(frozen=True)
class ReleaseFile:
    """A file to bring.

    Attributes:
        paths: where the release has it; several where it holds the same bytes twice.
        size: bytes.
        sha256: 64 hexadecimal digits.
    """

    paths: tuple[str, ...]
    size: int
    sha256: str


@dataclass(frozen=True)
class MirrorResult:
    """What a mirror gave.

    Attributes:
        files: number of files that came and are right, counted once for each path.
        failures: those that did not, and why.
        stopped: whether the rest was not asked for, because all failed or by cancelling.
    """

    files: int
    failures: tuple[UnreadFile, ...]
    stopped: bool


class MirrorError(Exception):
    """A file that won't come, or not now."""

    def __init__(self, reason: str, *, again: bool = False) -> None:
        super().__init__(reason)
        self.again = again


class Mirror:
    """An HTTP server with the files of a release below one address.

    A file grows in a part of its own, named by its digest, so that a later run goes on where this
    one ends. The methods may be called by several threads.
    """

    def __init__(
        self,
        url: str,
        work: Path,
        *,
        delays: Sequence[float] = DELAYS,
        timeout: tuple[float, float] = TIMEOUT,
    ) -> None:
        self.url = url.rstrip("/")
        self.work = work
        self.delays = delays
        self.timeout = timeout
        self.stop = threading.Event()
        self._session = requests.Session()
        self._session.headers["Accept-Encoding"] = "identity"  # a range is one of plain bytes
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, HTTPAdapter(pool_maxsize=WORKERS))

    def reach(self, path: str) -> None:
        """Ask for a file without reading it, to know at once where there is no connection.

        Raises:
            Failure: nothing answers.
        """
        try:
            self._get(path, 0).close()
        except requests.RequestException as error:
            raise MirrorError(_said(error)) from error

    def bring(self, wanted: ReleaseFile) -> Path:
        """The file as a part that is whole and right.

        Raises:
            Failure: the mirror does not have it, has other bytes, or did not answer in all tries.
            OSError: the part can't be written.
        """
        part = self.work / f"{wanted.sha256}.part"
        for delay in (*self.delays, None):
            try:
                self._try(wanted, part)
                return part
            except MirrorError as failure:
                if delay is None or not failure.again or self.stop.wait(delay):
                    raise
        raise AssertionError("the last try returns or raises")

    def text(self, path: str, *, most: int) -> bytes | None:
        """A small file whose digest is not known, or None where the mirror does not give it."""
        try:
            with self._get(path, 0) as response:
                data = response.raw.read(most + 1, decode_content=True)
        except (requests.RequestException, OSError):
            return None
        return data if response.status_code == 200 and len(data) <= most else None

    def _try(self, wanted: ReleaseFile, part: Path) -> None:
        have = part.stat().st_size if part.exists() else 0
        if have > wanted.size:
            part.unlink()
            have = 0
        resumed = have > 0
        if have < wanted.size:
            resumed = self._download(wanted, part, have)
        if part.stat().st_size < wanted.size:
            raise MirrorError("the connection broke off", again=True)
        with part.open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() == wanted.sha256:
                return
        part.unlink()
        raise MirrorError("the mirror has other bytes than the release", again=resumed)

    def _download(self, wanted: ReleaseFile, part: Path, have: int) -> bool:
        """Add what is missing to the part; whether what was there could be kept."""
        try:
            with self._get(wanted.paths[0], have) as response:
                kept = have > 0 and _goes_on(response, have)
                self._refuse(response, part)
                with part.open("ab" if kept else "wb") as file:
                    self._write(response, file, wanted.size - (have if kept else 0))
        except (requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema) as error:
            raise MirrorError(str(error)) from error
        except requests.RequestException as error:
            raise MirrorError(_said(error), again=True) from error
        return kept

    def _get(self, path: str, have: int) -> requests.Response:
        headers = {"Range": f"bytes={have}-"} if have else {}
        url = f"{self.url}/{quote(path)}"
        return self._session.get(url, headers=headers, stream=True, timeout=self.timeout)

    def _refuse(self, response: requests.Response, part: Path) -> None:
        status = response.status_code
        if status == 416:
            part.unlink(missing_ok=True)
            raise MirrorError("the mirror can't go on with a part", again=True)
        if status not in (200, 206):
            said = "the mirror does not have it" if status in (404, 410) else "the mirror refuses"
            raise MirrorError(f"{said} (HTTP {status})", again=status in TRANSIENT)
        if status == 206 and not _goes_on(response, part.stat().st_size if part.exists() else 0):
            part.unlink(missing_ok=True)
            raise MirrorError("the mirror sent another part than asked for", again=True)

    def _write(self, response: requests.Response, file: BinaryIO, left: int) -> None:
        for chunk in response.iter_content(CHUNK):
            if self.stop.is_set():
                raise MirrorError("stopped")
            if len(chunk) > left:
                file.truncate(0)
                raise MirrorError("the mirror has other bytes than the release")
            file.write(chunk)
            left -= len(chunk)


def fetch_all(
    mirror: Mirror,
    wanted: Sequence[ReleaseFile],
    place: Callable[[Path, ReleaseFile], object],
    *,
    progress: Callable[[int], object] | None = None,
    cancelled: Cancelled | None = None,
) -> MirrorResult:
    """Bring files, several at a time; each is placed as soon as it is whole.

    Args:
        mirror: where from.
        wanted: which.
        place: called in a thread with a checked part, which it moves to its paths.
        progress: called with the bytes of every file that came.
        cancelled: asked a few times a second; True ends the work, as does an interrupt.

    Raises:
        OSError: a file can't be written.
    """
    pool = ThreadPoolExecutor(WORKERS)
    tally = _Tally()
    try:
        waiting = {pool.submit(_bring_one, mirror, each, place): each for each in wanted}
        while waiting and not tally.in_vain and not (cancelled and cancelled()):
            for future in wait(waiting, timeout=0.2, return_when=FIRST_COMPLETED).done:
                each = waiting.pop(future)
                if tally.add(each, future) and progress:
                    progress(each.size * len(each.paths))
        return MirrorResult(tally.files, tuple(tally.failures), stopped=bool(waiting))
    finally:
        mirror.stop.set()
        pool.shutdown(cancel_futures=True)


class _Tally:
    """What came so far."""

    def __init__(self) -> None:
        self.files = 0
        self.failures: list[UnreadFile] = []
        self.failed_in_a_row = 0

    @property
    def in_vain(self) -> bool:
        return self.failed_in_a_row >= MAX_FAILURES

    def add(self, wanted: ReleaseFile, future: "Future[None]") -> bool:
        """Count a file; whether it came."""
        try:
            future.result()
        except MirrorError as failure:
            self.failures += [UnreadFile(path, str(failure)) for path in wanted.paths]
            self.failed_in_a_row += 1
            return False
        self.files += len(wanted.paths)
        self.failed_in_a_row = 0
        return True


def _bring_one(
    mirror: Mirror, wanted: ReleaseFile, place: Callable[[Path, ReleaseFile], object]
) -> None:
    if mirror.stop.is_set():
        raise MirrorError("stopped")
    place(mirror.bring(wanted), wanted)


def _goes_on(response: requests.Response, have: int) -> bool:
    """Whether an answer is the rest of a file from a byte on."""
    start = response.headers.get("Content-Range", "").removeprefix("bytes ").split("-")[0]
    return response.status_code == 206 and start == str(have)


def _said(error: requests.RequestException) -> str:
    if isinstance(error, requests.Timeout):
        return "the mirror does not answer in time"
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return "the connection broke off"
    return "there is no connection to the mirror"
