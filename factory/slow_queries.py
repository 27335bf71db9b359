"""Statements that took long are logged, without their parameters, which may be anybody's secrets."""

import logging
import time
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.db.backends.signals import connection_created

logger = logging.getLogger(__name__)

SQL_CHARACTERS = 1_000


def note_when_slow(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
    began = time.monotonic()
    try:
        return execute(sql, params, many, context)
    finally:
        took = 1000 * (time.monotonic() - began)
        if took >= settings.SLOW_QUERY_MS:
            logger.warning("database.slow", extra={"ms": round(took), "sql": sql[:SQL_CHARACTERS]})


def _watch(connection: Any, **kwargs: Any) -> None:
    if note_when_slow not in connection.execute_wrappers:
        connection.execute_wrappers.append(note_when_slow)


def watch_all() -> None:
    if settings.SLOW_QUERY_MS:
        connection_created.connect(_watch, dispatch_uid="factory.slow_queries")
