"""What a migration makes of what is there."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import exc, text
from sqlalchemy.orm import Session

from allcore.settings import Settings
from allcore.store import accounts, migrations, models, reviews, roles
from allcore.store import database as databases
from tests import forking

OLD_SCHEMA = Path(__file__).with_name("old_schema")


def at_revision(config: Settings, revision: str) -> sqlalchemy.Engine:
    """A database as one of the eight revisions before version 0.1.0 left it."""
    config.home.mkdir(parents=True, exist_ok=True)
    engine = databases._engine(sqlalchemy.make_url(config.database))
    script = (OLD_SCHEMA / f"{engine.dialect.name}.sql").read_text(encoding="utf-8")
    until = script.find(f"-- {int(revision) + 1:04}")
    with engine.begin() as connection:
        for statement in re.split(r";\n", script if until < 0 else script[:until]):
            if statement.strip():
                connection.exec_driver_sql(statement.replace("%", "%%"))
        connection.execute(text("INSERT INTO alembic_version VALUES (:at)"), {"at": revision})
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
    reviews.queue_cells(opened, "ada", of="net", reasons={"c": "flagged"})
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
    kept = {each.username: each for each in accounts.list_all(opened)}
    assert {name: each.role for name, each in kept.items()} == {"ada": "reviewer", "boss": "admin"}
    assert all(each.toured_at is not None for each in kept.values())  # the tour is for new ones
    assert kept["ada"].session_version == 3  # open sessions go on
    assert [each.username for each in reviews.judgements(opened, of="net")] == ["ada"]
    with opened.read() as session:
        assert session.execute(text("SELECT count(*) FROM saved_slice")).scalar_one() == 1
    assert [accounts.set_role(opened, "ada", role).role for role in roles.ACCOUNT_ROLES] == list(
        roles.ACCOUNT_ROLES
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
    with forking.CONTEXT.Pool(4) as pool:
        assert pool.map(_start, [config] * 4, chunksize=1) == [migrations.newest()] * 4
    opened = databases.connect(config)
    assert [each.username for each in accounts.list_all(opened)] == ["ada"]
    opened.engine.dispose()


def test_0008__every_row_of_every_table_is_brought_over(config: Settings) -> None:
    now = datetime.now(UTC)
    engine = at_revision(config, "0008")
    old = sqlalchemy.MetaData()
    with engine.begin() as connection:
        old.reflect(connection)
        for table in old.sorted_tables:
            if table.name != "alembic_version":
                connection.execute(
                    sqlalchemy.insert(table), {**ROWS[table.name], **times(table, now)}
                )
        before = rows_of(connection, old)
    engine.dispose()
    assert all(before.values()) and set(before) == set(models.Base.metadata.tables)
    opened = databases.connect(config)
    with opened.engine.connect() as connection:
        assert rows_of(connection, old) == before
        assert migrations.revision_of(connection) == migrations.newest()
        assert compare_metadata(MigrationContext.configure(connection), models.Base.metadata) == []
    made = accounts.create(opened, username="new", display_name="New", password=None)
    assert made.id == 2
    with pytest.raises(Exception, match="only grows"), opened.engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM audit")
    opened.engine.dispose()


SHA = "a" * 64
ROWS: dict[str, dict[str, object]] = {
    "account": {"id": 1, "username": "ada", "display_name": "Ädä", "email": "a@b.org",
                "role": "user", "password_hash": "x", "active": True,
                "waiting": True, "session_version": 3},
    "sign_in_attempt": {"id": 5, "username": SHA, "address": "10.0.0.1"},
    "one_time_code": {"id": 5, "code_hash": SHA, "purpose": "reset", "account_id": 1},
    "session": {"id": 5, "key_hash": SHA, "account_id": 1, "version": 3, "address": "::1"},
    "invitation": {"id": 5, "code_hash": SHA, "role": "reviewer", "note": "for: eve %",
                   "made_by": 1, "used_by": 1},
    "identity": {"id": 5, "issuer": "https://id", "subject": "s", "account_id": 1},
    "saved_slice": {"id": 5, "account_id": 1, "of": "net", "name": "n", "image_ids": b"\0\xff"},
    "data_set": {"id": 5, "name": "Cells", "path": "/data", "added_by": 1},
    "review_item": {"id": 5, "of": "net", "image_id": "a", "reason": "flagged", "added_by": 1},
    "judgement": {"id": 5, "item_id": 5, "account_id": 1, "seen": "unsure", "note": "1\n2"},
    "batch": {"id": 5, "account_id": 1, "name": "b", "model": "net", "model_sha256": SHA,
              "total": 7, "state": "running"},
    "prediction": {"id": 5, "account_id": 1, "batch_id": 5, "name": "c.bmp", "image_sha256": SHA,
                   "model": "net", "model_sha256": SHA, "preprocessing_version": 1,
                   "threshold": 0.1 + 0.2, "verdict": "all", "p_all": 1 / 3, "logit": -1e-300,
                   "reason": "", "rung": "r", "strangeness": 0.7, "subject": "7", "flag_note": "f"},
    "kept_picture": {"account_id": 1, "sha256": SHA, "size": 9},
    "setting": {"key": "history_days", "value": "30", "changed_by": 1},
    "audit": {"id": 5, "account_id": 1, "username": "ada", "what": "w", "target": "t",
              "address": "", "detail": "{}"},
}  # fmt: skip
"""One row for each table of revision 0008, without its times."""


def times(table: sqlalchemy.Table, now: datetime) -> dict[str, datetime]:
    """A value for each column that holds a time."""
    return {
        column.name: now for column in table.columns if isinstance(column.type, sqlalchemy.DateTime)
    }


def rows_of(
    connection: sqlalchemy.Connection, tables: sqlalchemy.MetaData
) -> dict[str, list[dict[str, object]]]:
    return {
        table.name: [dict(row) for row in connection.execute(table.select()).mappings()]
        for table in tables.sorted_tables
        if table.name != "alembic_version"
    }


def test_head__makes_the_tables_of_the_models(database: databases.Database) -> None:
    with database.engine.connect() as connection:
        found = compare_metadata(MigrationContext.configure(connection), models.Base.metadata)
        assert found == []
