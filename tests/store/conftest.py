"""A fresh database a test: SQLite always, PostgreSQL where ALLSCOPE_TEST_POSTGRES names one."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from allcore.settings import Settings
from allcore.store import database as databases
from allcore.store import passwords, sign_in
from allcore.store.database import Database
from tests import postgres


@pytest.fixture(autouse=True)
def quick_hashes(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The fewest rounds bcrypt takes; what is compared does not depend on them."""
    monkeypatch.setattr(passwords, "ROUNDS", 4)
    monkeypatch.setattr(sign_in, "NAME_COST", 4)
    passwords.dummy_hash.cache_clear()
    yield
    passwords.dummy_hash.cache_clear()


@pytest.fixture(params=["sqlite", "postgresql"])
def config(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    if request.param == "sqlite":
        return Settings(home=tmp_path / "home", database_url=None)
    return Settings(home=tmp_path / "home", database_url=postgres.emptied())


@pytest.fixture
def database(config: Settings) -> Iterator[Database]:
    opened = databases.connect(config)
    yield opened
    opened.engine.dispose()
