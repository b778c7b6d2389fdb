"""Server runs of the Dataset page over many cells, against a filter in pandas."""

import contextlib
import os
import shutil
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd
from PIL import Image

from allcore.audit.index import store
from allcore.audit.index.store import About, Index
from allcore.store import accounts, database, sessions
from benchmarks import servers, timing
from benchmarks.timing import Result, Scale

if TYPE_CHECKING:
    from streamlit.testing.v1 import AppTest

IMAGES = 15_000
LARGE = 100_000
SUBJECTS = 120
PICTURES = 48
LONGEST = 1800  # seconds of a run, of which the first reads a table of a million rows
PASSWORD = "correct horse 7 battery"
PAGE = servers.ROOT / "pages" / "dataset.py"
STEPS: dict[str, Callable[["AppTest"], object]] = {
    "open": lambda page: page,
    "filter": lambda page: page.multiselect(key="subjects").set_value(["s1", "s2", "s3"]),
    "text": lambda page: page.text_input(key="text").set_value("cell 7"),
    "sort": lambda page: page.selectbox(key="sort").set_value("area"),
    "next page": lambda page: _put(page, "page", 2),
}
VIEWS: dict[str, Callable[["AppTest"], object]] = {
    "overview": lambda page: _put(page, "view", "overview"),
    "map": lambda page: _put(page, "view", "map"),
    "splits": lambda page: _put(page, "view", "splits"),
}
"""Turns to other views; each on a page that was just opened, as are the steps."""


class Taken(NamedTuple):
    """Seconds of a step's rounds: on the clock, and of the processor, which load hardly changes."""

    wall: list[float]
    processor: list[float]


def run(scale: Scale) -> Result:
    """Slowest step, in milliseconds, of a whole run of the page at 15,000 cells.

    The page is opened, filtered by subject and by text, sorted and turned, each in a full run of
    its script with caches warm; the reference filters, sorts and slices the same table in pandas.
    """
    durations = steps(IMAGES, rounds=scale.rounds)
    table = _table(IMAGES)
    bare = [timing.seconds(lambda: plain(table))() for _ in range(scale.rounds + 1)][1:]
    return timing.result(
        "dataset_page",
        ours=1000 * max(statistics.median(step_times.wall) for step_times in durations.values()),
        reference=1000 * statistics.median(bare),
        unit="ms/run",
    )


def steps(
    images: int, *, rounds: int, acts: Mapping[str, Callable[["AppTest"], object]] = STEPS
) -> dict[str, Taken]:
    """Seconds of every step, once a round, over a simulated and indexed data set."""
    durations = {name: Taken([], []) for name in acts}
    with (
        TemporaryDirectory(prefix="allscope-benchmark-") as name,
        _connected(Path(name), images) as session,
    ):
        _opened(session)  # reads the data set and fills the caches
        for _ in range(rounds):
            for step, act in acts.items():
                page = _opened(session)
                act(page)
                wall, processor = time.perf_counter(), time.process_time()
                _ran(page)
                durations[step].wall.append(time.perf_counter() - wall)
                durations[step].processor.append(time.process_time() - processor)
    return durations


def plain(table: pd.DataFrame) -> pd.DataFrame:
    """Filter, sort and slice with pandas."""
    filtered = table[table["subject"].isin(["s1", "s2", "s3"])]
    return filtered.sort_values("area", kind="stable").iloc[:PICTURES]


def _opened(session: Mapping[str, object]) -> "AppTest":
    from streamlit.testing.v1 import AppTest

    page = AppTest.from_file(str(PAGE), default_timeout=LONGEST)
    for key, value in session.items():
        page.session_state[key] = value
    return _ran(page)


def _ran(page: "AppTest") -> "AppTest":
    page.run()
    if page.exception:
        raise RuntimeError(page.exception[0].message)
    return page


def _put(page: "AppTest", key: str, value: object) -> None:
    page.session_state[key] = value


@contextlib.contextmanager
def _connected(folder: Path, images: int) -> Iterator[Mapping[str, object]]:
    """Have an indexed data set connected; give what a session holds of somebody signed in."""
    before, main = dict(os.environ), sys.modules["__main__"]
    data, home = folder / "data", folder / "home"
    try:
        _draw(data, home, images)
        os.environ |= {"ALLSCOPE_DATA": str(data), "ALLSCOPE_HOME": str(home)}
        account = accounts.create(
            database.connect(), username="bench", display_name="Bench", password=PASSWORD,
            role="admin",
        )  # fmt: skip
        yield {
            "view": "browse",
            "authentication_status": True,
            "username": account.username,
            "session_key": sessions.begin(database.connect(), account),
            "session_connection": "",  # there is no websocket
        }
    finally:
        sys.modules["__main__"] = main
        os.environ.clear()
        os.environ.update(before)


def _draw(data: Path, home: Path, images: int) -> None:
    """Write a data set's table, its first pictures, and its index."""
    table = _table(images)
    data.mkdir(parents=True)
    columns = ["image_id", "path", "label", "subject", "split"]
    table[columns].to_csv(data / "manifest.csv", index=False)
    picture = np.zeros((450, 450, 3), np.uint8)
    picture[125:325, 125:325] = (110, 60, 140)
    Image.fromarray(picture).save(data / "0.png")
    for name in table["path"].iloc[1:PICTURES]:
        shutil.copy(data / "0.png", data / name)
    rows = table.drop(columns=["label", "subject", "split"])
    index = Index(
        About(root=str(data), name="simulated", finished="2026-01-01T00:00:00+00:00"),
        rows,
        grids=np.zeros((images, 0), np.uint8),
        rings=np.zeros((images, 0), np.uint8),
        embeddings=np.zeros((images, 0), np.float16),
        twins=np.zeros((0, 2), np.intp),
    )
    store.write(store.folder(data, home), index)


def _table(images: int) -> pd.DataFrame:
    """What manifest and index hold of simulated cells."""
    random = np.random.default_rng(0)
    numbers = np.arange(images)
    subjects = numbers % SUBJECTS
    measures = ("area", "brightness", "focus", "redness", "elongation", "contrast", "saturated",
                "straight", "map_x", "map_y")  # fmt: skip
    values = {name: random.normal(100, 20, images).astype(np.float32) for name in measures}
    return pd.DataFrame(
        {
            "image_id": [f"cell {number}" for number in numbers],
            "path": [f"{number}.png" for number in numbers],
            "label": np.where(subjects % 2, "all", "hem"),
            "subject": [f"s{number}" for number in subjects],
            "split": np.where(subjects % 3, "train", "test"),
            "size_bytes": 600_000,
            "mtime_ns": 0,
            "sha256": [f"{number:064x}" for number in numbers],
            "width": 450,
            "height": 450,
            "error": "",
            "border": False,
            "objects": 1,
            "phash": "",
            "model_sha256": "",
            "family": numbers // 2 * (numbers % 50 < 2) + numbers * (numbers % 50 >= 2),
            **values,
        }
    )


def main() -> None:
    """Print every step's times at both sizes."""
    for size in (IMAGES, LARGE):
        for step, times in steps(size, rounds=5).items():
            middle, worst = (1000 * of(times.wall) for of in (statistics.median, max))
            processor = 1000 * statistics.median(times.processor)
            print(
                f"{size:>7,} cells  {step:<10} median {middle:6.0f} ms  worst {worst:6.0f} ms  "
                f"processor {processor:6.0f} ms"
            )
        table = _table(size)
        bare = statistics.median(timing.seconds(lambda t=table: plain(t))() for _ in range(5))
        print(f"{size:>7,} cells  bare pandas median {1000 * bare:6.1f} ms")


if __name__ == "__main__":
    main()
