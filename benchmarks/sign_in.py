"""Time of a wrong password for a username that exists, against one that does not."""

import random
import statistics
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from allcore.errors import AllScopeError
from allcore.settings import Settings
from allcore.store import accounts, database, sign_in
from allcore.store.database import Database
from benchmarks import timing
from benchmarks.timing import Result, Scale

TRIES_A_ROUND = 67
"""Of each name; three rounds, as the default scale has, are about 200."""


def run(scale: Scale) -> Result:
    """Milliseconds of one refused sign-in, medians over names that are known and unknown.

    Both are drawn in a random order, so that neither comes always after the other. Tries are a day
    apart on the clock that the limits see, so that none is refused for a wait.
    """
    with TemporaryDirectory(prefix="allscope-benchmark-") as name:
        opened = database.connect(Settings(home=Path(name), database_url=None))
        accounts.create(
            opened, username="known", display_name="Known", password="correct horse battery"
        )
        turns = ["known", "other"] * min(scale.images, TRIES_A_ROUND) * scale.rounds
        random.Random(0).shuffle(turns)
        _seconds(opened, "warm", 0), _seconds(opened, "known", 1)
        durations = [(turn, _seconds(opened, turn, day)) for day, turn in enumerate(turns, start=2)]
        opened.engine.dispose()
    known, other = (
        statistics.median(took for turn, took in durations if turn == name)
        for name in ("known", "other")
    )
    return timing.result("sign_in", ours=1000 * known, reference=1000 * other, unit="ms/try")


def _seconds(opened: Database, username: str, day: int) -> float:
    now = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=day)
    started = time.perf_counter()
    try:
        sign_in.authenticate(opened, username, "wrong horse battery", now=now)
    except AllScopeError as error:
        took = time.perf_counter() - started
        if str(error) == sign_in.WRONG:
            return took
        raise
    raise AssertionError("a wrong password was taken")
