"""One line a record: time, level, logger, constant event name, then its extras as key=value."""

import logging

STANDARD = set(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "request", "status_code"}


class LineFormatter(logging.Formatter):
    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(name)s %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:
        extras = " ".join(f"{key}={value!r}" for key, value in vars(record).items() if key not in STANDARD)
        line = super().formatMessage(record)
        return f"{line} {extras}" if extras else line
