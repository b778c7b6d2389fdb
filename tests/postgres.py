"""An empty PostgreSQL database for a test; each of several test processes has one of its own."""

import os

import pytest
import sqlalchemy
from sqlalchemy import URL, make_url


def emptied() -> str:
    """The address of an empty database; skips where no server is named."""
    named = os.environ.get("ALLSCOPE_TEST_POSTGRES")
    if not named:
        pytest.skip("ALLSCOPE_TEST_POSTGRES names no PostgreSQL server")
    url = _of_process(make_url(named))
    engine = sqlalchemy.create_engine(url)
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP SCHEMA public CASCADE")
        connection.exec_driver_sql("CREATE SCHEMA public")
    engine.dispose()
    return url.render_as_string(hide_password=False)


def _of_process(named: URL) -> URL:
    """The database named, or where tests run in several processes one for this process."""
    worker = os.environ.get("PYTEST_XDIST_WORKER")
    if not worker:
        return named
    own = f"{named.database}_{worker}"
    engine = sqlalchemy.create_engine(named, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        there = connection.execute(
            sqlalchemy.text("SELECT 1 FROM pg_database WHERE datname = :name"), {"name": own}
        ).first()
        if not there:
            connection.exec_driver_sql(f'CREATE DATABASE "{own}"')
    engine.dispose()
    return named.set(database=own)
