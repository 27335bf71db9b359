"""One line a record: time, level, logger, constant event name, then ids and extras; as text, or as JSON."""

import json
import logging
from collections.abc import Mapping
from datetime import UTC, datetime

from django.core.exceptions import SuspiciousOperation

from factory.context import ids

STANDARD = set(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "request", "status_code"}


def extras_of(record: logging.LogRecord) -> Mapping[str, object]:
    """What a record says beside its event: the ids of the work at hand, then its own extras."""
    return {**ids(), **{key: value for key, value in vars(record).items() if key not in STANDARD}}


class RefusedInOneLine(logging.Filter):
    """What Django refuses with 400 is somebody's mischief, not our failure: a line, and no page of our code with it.

    Else everybody who guesses at host names fills the disk, and hides what really broke.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        if record.exc_info and isinstance(record.exc_info[1], SuspiciousOperation):
            record.exc_info = record.exc_text = None
        return True


class LineFormatter(logging.Formatter):
    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(name)s %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:
        extras = " ".join(f"{key}={value!r}" for key, value in extras_of(record).items())
        line = super().formatMessage(record)
        return f"{line} {extras}" if extras else line


class JsonFormatter(logging.Formatter):
    """For collectors: one object a line. What is no JSON is written as `str` has it."""

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        told = {
            "at": at.replace("+00:00", "Z"),
            "level": record.levelname,
            "logger": record.name,
            "event": record.getMessage(),
            "process": record.process,
            **extras_of(record),
        }
        if record.exc_info:
            told["exception"] = self.formatException(record.exc_info)
        return json.dumps(told, default=str, ensure_ascii=False)
