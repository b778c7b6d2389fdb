"""Many writers in several processes lose and double nothing; neither does one that is killed."""

import contextlib
import itertools
import os
import time
from multiprocessing.connection import Connection

import pytest
from sqlalchemy import text

from allcore.errors import StoreError
from allcore.settings import Settings
from allcore.store import accounts, registration, sign_in
from allcore.store import database as databases
from tests import forking
from tests.store.people import PASSWORD, add, fewest_rounds

PROCESSES, EACH, KILLS = 4, 25, 50
NEW = "another password"
_PLACES = itertools.count()


@pytest.mark.long
@pytest.mark.timeout(300)
def test_registrations_and_password_changes__none_lost_none_doubled(config: Settings) -> None:
    database = databases.connect(config)
    for number in range(PROCESSES * EACH):
        add(database, f"old{number}")
    with forking.CONTEXT.Pool(PROCESSES) as pool:
        made = pool.starmap(_work, [(config, process) for process in range(PROCESSES)])
    assert [sum(row[0] for row in made), sum(row[1] for row in made)] == [100, 100]
    assert sum(row[2] for row in made) == EACH  # each wanted name has one owner
    names = [each.username for each in accounts.list_all(database)]
    assert len(names) == len(set(names)) == 2 * PROCESSES * EACH + EACH
    for number in range(PROCESSES * EACH):
        assert sign_in.authenticate(database, f"old{number}", NEW).session_version == 2
        sign_in.authenticate(database, f"new{number}", PASSWORD)
    database.engine.dispose()


@pytest.mark.long
@pytest.mark.timeout(300)
def test_kill__every_committed_record_is_there(config: Settings) -> None:
    databases.connect(config).engine.dispose()
    told = 0
    for kill in range(KILLS):
        told = _killed(config, start=kill * 10_000, after=0.02 + 0.005 * (kill % 7)) or told
        database = databases.connect(config)
        with database.read() as session:
            query = text("SELECT username FROM account WHERE username LIKE 'name%'")
            kept = {int(name[4:]) for name in session.scalars(query)}
        database.engine.dispose()
        assert set(range(kill * 10_000 + 1, told + 1)) <= kept
    if config.database_url is None:
        with database.read() as session:
            assert session.scalar(text("PRAGMA integrity_check")) == "ok"
        database.engine.dispose()


def _killed(config: Settings, *, start: int, after: float) -> int:
    """Have a process write records, kill it in the middle, and give the last it said it has."""
    told, telling = forking.CONTEXT.Pipe(duplex=False)
    writer = forking.CONTEXT.Process(target=_write, args=(config, start, telling))
    writer.start()
    telling.close()
    last = told.recv()
    time.sleep(after)
    writer.kill()
    writer.join()
    with contextlib.suppress(EOFError, OSError):
        while True:
            last = told.recv()
    return int(last)


def _write(config: Settings, number: int, telling: Connection) -> None:
    """Write records until the process is killed, and tell of each that is committed."""
    database = databases.connect(config)
    while True:
        number += 1
        accounts.create(database, username=f"name{number}", display_name="Name", password=None)
        telling.send(number)


def _work(config: Settings, process: int) -> tuple[int, int, int]:
    """Register and change passwords; give how many of each, and names won from the others."""
    fewest_rounds()
    database, won = databases.connect(config), 0
    numbers = range(process * EACH, (process + 1) * EACH)
    for shared, number in enumerate(numbers):
        _register(database, f"new{number}")
        sign_in.change_password(database, f"old{number}", current=PASSWORD, new=NEW)
        won += _wins(database, f"wanted{shared}")
    database.engine.dispose()
    return len(numbers), len(numbers), won


def _wins(database: databases.Database, username: str) -> bool:
    try:
        _register(database, username)
    except StoreError as error:
        if "is taken" not in str(error):
            raise
        return False
    return True


def _register(database: databases.Database, username: str) -> None:
    """From an address of its own, for names that are taken count against the address."""
    address = f"10.0.{os.getpid() % 256}.{next(_PLACES)}"
    registration.register(
        database, username=username, display_name="New", password=PASSWORD, address=address
    )
