import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from allcore import logs


@pytest.fixture(autouse=True)
def own_handler(home: Path) -> Iterator[None]:
    """Write to the standard error of this test."""
    before, logs.LOGGER.handlers = logs.LOGGER.handlers, []
    yield
    logs.LOGGER.handlers = before


def test_event__is_one_line_of_json(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure()
    logs.configure()
    logs.event("signed in", account=7)
    [line] = capsys.readouterr().err.splitlines()
    written = json.loads(line)
    assert written.pop("time").endswith("+00:00")
    assert written == {"level": "INFO", "logger": "allcore", "message": "signed in", "account": 7}


def test_failure__says_where_but_not_what(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure()
    try:
        int("ada lovelace")
    except ValueError as error:
        logs.failure("unexpected", error)
    line = capsys.readouterr().err
    assert json.loads(line)["error"] == "ValueError"
    assert Path(__file__).name in json.loads(line)["where"]
    assert "ada" not in line


def test_configure__keeps_to_the_level(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALLSCOPE_LOG_LEVEL", "WARNING")
    logs.configure()
    logs.event("signed in")
    logging.getLogger("allcore.store").warning("busy")
    assert [json.loads(line)["message"] for line in capsys.readouterr().err.splitlines()] == [
        "busy"
    ]
