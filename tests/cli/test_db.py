from pathlib import Path

import pytest
from typer.testing import CliRunner

from allcore.__main__ import application
from allcore.errors import StoreError
from allcore.store import accounts, database


def run(*words: str) -> str:
    done = CliRunner().invoke(application(), ["db", *words], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def test_db__backs_up_restores_and_checks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ALLSCOPE_DATABASE_URL", raising=False)
    monkeypatch.setenv("ALLSCOPE_HOME", str(tmp_path / "one"))
    file = str(tmp_path / "backup.zip")
    accounts.create(
        database.connect(), username="ada", display_name="Ada", password=None, role="admin"
    )
    assert "rows of" in run("backup", file)
    assert "database is whole" in run("check")
    assert "backup is whole" in run("check", file)
    with pytest.raises(StoreError, match="not empty"):
        run("restore", file)
    monkeypatch.setenv("ALLSCOPE_HOME", str(tmp_path / "two"))
    assert "Restored" in run("restore", file)
    assert [each.username for each in accounts.list_all(database.connect())] == ["ada"]
