"""Structured logging: one JSON object a line, without image content and personal names.

Facts are keyword arguments of `event`; an account is identified by its number.
"""

import json
import logging
import sys
from datetime import UTC, datetime

from allcore import settings

LOGGER = logging.getLogger("allcore")


class JsonLines(logging.Formatter):
    """Format a record as one line of JSON: time in UTC, level, logger, message and facts."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line; an exception adds its type and location, never its text."""
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        line.update(getattr(record, "facts", {}))
        if record.exc_info and record.exc_info[0]:
            line["error"] = record.exc_info[0].__name__
            line["where"] = _where(record)
        return json.dumps(line, default=str)


def configure(*, at_least: int = logging.NOTSET) -> None:
    """Log this program's records to standard error; a further call changes the level only.

    Args:
        at_least: level below which nothing is logged, whatever the settings say.
    """
    level = logging.getLevelNamesMapping()[settings.load().log_level]
    LOGGER.setLevel(max(level, at_least))
    if not any(isinstance(handler.formatter, JsonLines) for handler in LOGGER.handlers):
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(JsonLines())
        LOGGER.addHandler(handler)
        LOGGER.propagate = False


def event(message: str, **facts: object) -> None:
    """Log an event, with facts that contain neither names nor image content."""
    LOGGER.info(message, extra={"facts": facts})


def failure(message: str, error: BaseException, **facts: object) -> None:
    """Log an unexpected error by its type and source line."""
    trace = (type(error), error, error.__traceback__)
    LOGGER.error(message, exc_info=trace, extra={"facts": facts})


def _where(record: logging.LogRecord) -> str:
    trace = record.exc_info[2] if record.exc_info else None
    while trace and trace.tb_next:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace else ""
