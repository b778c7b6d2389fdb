"""What a migration makes of what is there."""

import multiprocessing
from datetime import UTC, datetime

import pytest
import sqlalchemy
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import exc, text
from sqlalchemy.orm import Session

from allcore.settings import Settings
from allcore.store import accounts, migrations, models, reviews, roles
from allcore.store import database as databases


def at_revision(config: Settings, revision: str) -> sqlalchemy.Engine:
    """A database as an older version of the program has left it."""
    config.home.mkdir(parents=True, exist_ok=True)
    engine = databases._engine(sqlalchemy.make_url(config.database))
    with engine.connect() as connection:
        alembic = Config()
        alembic.set_main_option("script_location", str(migrations.FOLDER))
        alembic.attributes["connection"] = connection
        command.upgrade(alembic, revision)
        connection.commit()
    return engine


def add_account(session: Session, number: int, name: str, role: str, at: datetime) -> None:
    """An account as every version so far has kept it."""
    session.execute(
        text(
            "INSERT INTO account (id, username, display_name, role, active, session_version, "
            "created_at) VALUES (:id, :name, :name, :role, :active, 3, :at)"
        ),
        {"id": number, "name": name, "role": role, "active": True, "at": at},
    )


def test_0004__keeps_queue_and_judgements(config: Settings) -> None:
    engine = at_revision(config, "0003")
    old = databases.Database(engine)
    now = datetime.now(UTC)
    with old.write() as session:
        add_account(session, 1, "ada", "user", now)
        for number, (name, reason) in enumerate([("a", "error"), ("b", "chosen")], start=1):
            session.execute(
                text("INSERT INTO review_item VALUES (:id, 'net', :name, :reason, 1, :at)"),
                {"id": number * 10, "name": name, "reason": reason, "at": now},
            )
        session.execute(
            text("INSERT INTO judgement VALUES (5, 10, 1, 'all', 'dark', :at, NULL)"), {"at": now}
        )
    engine.dispose()
    opened = databases.connect(config)
    items = reviews.items(opened, of="net")
    assert [(item.image_id, item.reason, item.added_by) for item in items] == [
        ("a", "error", "ada"),
        ("b", "chosen", "ada"),
    ]
    [judged] = reviews.judgements(opened, of="net")
    assert (judged.image_id, judged.username, judged.seen, judged.note) == (
        "a",
        "ada",
        "all",
        "dark",
    )
    with opened.write() as session:  # what hangs on an item still goes with it
        session.execute(text("DELETE FROM review_item WHERE image_id = 'a'"))
    assert reviews.judgements(opened, of="net") == ()
    reviews.put(opened, "ada", of="net", reasons={"c": "flagged"})
    with pytest.raises(exc.IntegrityError, match="reason_known"), opened.write() as session:
        session.execute(text("UPDATE review_item SET reason = 'whim'"))
    opened.engine.dispose()


def test_0005__keeps_accounts_and_what_hangs_on_them(config: Settings) -> None:
    engine = at_revision(config, "0004")
    now = datetime.now(UTC)
    old = databases.Database(engine)
    with old.write() as session:
        add_account(session, 1, "ada", "user", now)
        add_account(session, 2, "boss", "admin", now)
        session.execute(
            text("INSERT INTO review_item VALUES (10, 'net', 'a', 'error', 1, :at)"), {"at": now}
        )
        session.execute(
            text("INSERT INTO judgement VALUES (5, 10, 1, 'all', 'dark', :at, NULL)"), {"at": now}
        )
        session.execute(
            text("INSERT INTO saved_slice VALUES (7, 1, 'net', 'mine', :ids, :at)"),
            {"ids": b"", "at": now},
        )
    engine.dispose()
    opened = databases.connect(config)
    kept = {each.username: each for each in accounts.listed(opened)}
    assert {name: each.role for name, each in kept.items()} == {"ada": "reviewer", "boss": "admin"}
    assert all(each.toured_at is not None for each in kept.values())  # the tour is for new ones
    assert kept["ada"].session_version == 3  # open sessions go on
    assert [each.username for each in reviews.judgements(opened, of="net")] == ["ada"]
    with opened.read() as session:
        assert session.execute(text("SELECT count(*) FROM saved_slice")).scalar_one() == 1
    assert [accounts.set_role(opened, "ada", role).role for role in roles.OF_ACCOUNTS] == list(
        roles.OF_ACCOUNTS
    )
    with pytest.raises(exc.IntegrityError, match="role_known"), opened.write() as session:
        session.execute(text("UPDATE account SET role = 'visitor'"))
    with opened.write() as session:  # what hangs on an account still goes with it
        session.execute(text("DELETE FROM account WHERE username = 'ada'"))
        assert session.execute(text("SELECT count(*) FROM saved_slice")).scalar_one() == 0
    opened.engine.dispose()
    databases.connect(config).engine.dispose()  # it opens again, with nothing to do


def test_0007__judgements_outlive_who_gave_them(config: Settings) -> None:
    engine = at_revision(config, "0006")
    now = datetime.now(UTC)
    with databases.Database(engine).write() as session:
        add_account(session, 1, "ada", "reviewer", now)
        add_account(session, 2, "bob", "reviewer", now)
        session.execute(
            text("INSERT INTO review_item VALUES (10, 'net', 'a', 'error', 1, :at)"), {"at": now}
        )
        for number in (1, 2):
            session.execute(
                text("INSERT INTO judgement VALUES (:id, 10, :id, 'all', 'dark', :at, NULL)"),
                {"id": number, "at": now},
            )
    engine.dispose()
    opened = databases.connect(config)
    assert [each.username for each in reviews.judgements(opened, of="net")] == ["ada", "bob"]
    with opened.write() as session:
        session.execute(text("DELETE FROM account"))
    left = reviews.judgements(opened, of="net")
    assert [(each.account_id, each.username) for each in left] == [(-1, ""), (-2, "")]
    with pytest.raises(exc.IntegrityError), opened.write() as session:
        session.execute(
            text("INSERT INTO judgement VALUES (9, 10, 7, 'all', '', '2026-01-01', NULL)")
        )
    opened.engine.dispose()


def _start(config: Settings) -> str | None:
    opened = databases.connect(config)
    with opened.engine.connect() as connection:
        return migrations.revision_of(connection)


def test_upgrade__four_processes_start_at_once_on_an_old_database(config: Settings) -> None:
    engine = at_revision(config, "0003")
    with databases.Database(engine).write() as session:
        add_account(session, 1, "ada", "user", datetime.now(UTC))
    engine.dispose()
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        assert pool.map(_start, [config] * 4, chunksize=1) == [migrations.newest()] * 4
    opened = databases.connect(config)
    assert [each.username for each in accounts.listed(opened)] == ["ada"]
    opened.engine.dispose()


def test_head__makes_the_tables_of_the_models(database: databases.Database) -> None:
    with database.engine.connect() as connection:
        found = compare_metadata(MigrationContext.configure(connection), models.Base.metadata)
        assert found == []
