"""What a migration makes of what is there."""

from datetime import UTC, datetime

import pytest
import sqlalchemy
from alembic import command
from alembic.config import Config
from sqlalchemy import exc, text

from allcore.settings import Settings
from allcore.store import database as databases
from allcore.store import migrations, reviews
from tests.store.people import add


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


def test_0004__keeps_queue_and_judgements(config: Settings) -> None:
    engine = at_revision(config, "0003")
    old = databases.Database(engine)
    add(old, "ada", password=None)
    now = datetime.now(UTC)
    with old.write() as session:
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
