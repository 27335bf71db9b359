"""Django's backend for MySQL; in a process that serves it makes no connection to a database that hangs (pulse.py)."""

from functools import partial
from typing import Any

from django.db import OperationalError
from django.db.backends.mysql.base import DatabaseWrapper as DjangosWrapper

from factory.mariadb.pulse import pulse

NOBODY_ANSWERS = 2003  # MySQL's "can't connect to the server"


class DatabaseWrapper(DjangosWrapper):
    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        if not pulse.is_wanted:
            return super().get_new_connection(conn_params)
        pulse.begin(partial(super().get_new_connection, {**conn_params, **pulse.patience}))
        if pulse.is_silent:
            raise OperationalError(NOBODY_ANSWERS, "The database does not answer.")
        raw = super().get_new_connection(conn_params)
        pulse.watch_over(raw)
        return raw
