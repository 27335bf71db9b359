"""The firmware version that devices put beside their readings: `firmwareVersion`, bare or in `metadata`.

It is taken note of when it changes, and now and then, by a thread of its own: storing readings waits for nothing here.
"""

import logging
import threading
import time
from datetime import datetime
from functools import partial
from typing import Any

from django.db import Error, close_old_connections, connection
from django.utils import timezone

from devices.services.firmware import note_running_versions
from factory.retrying import again_after_deadlock

logger = logging.getLogger(__name__)

LENGTH = 64
# After which the same is told again: an update may have ended meanwhile, or another process heard another version.
KEEP_SECONDS = 15.0
MOST_KEPT = 100_000
AT_ONCE = 500
FIRST_WAIT, LONGEST_WAIT = 0.25, 5.0


def version_in(message: Any) -> str | None:
    """What a message says of the version; anything that is none is no reason to refuse its readings."""
    if not isinstance(message, dict):
        return None
    told = message.get("firmwareVersion")
    if told is None:
        about = message.get("metadata")
        told = about.get("firmwareVersion") if isinstance(about, dict) else None
    is_one = isinstance(told, str) and 0 < len(told) <= LENGTH and told.isprintable()
    return told if is_one else None


class VersionsSaid:
    """Per process; what a device keeps saying costs nothing."""

    def __init__(self) -> None:
        self._said: dict[int, tuple[str, float]] = {}
        self._waiting: dict[int, tuple[str, datetime]] = {}
        self._wake = threading.Condition()
        self._is_idle = True
        self._thread: threading.Thread | None = None

    def hear(self, device_id: int, message: Any) -> None:
        """Of a message with readings of just now: what a backlog says of the version is long over."""
        version = version_in(message)
        if version is None:
            return
        now = time.monotonic()
        before = self._said.get(device_id)
        if before is not None and before[0] == version and now - before[1] < KEEP_SECONDS:
            return
        with self._wake:
            if len(self._said) >= MOST_KEPT:
                self._said.clear()
            self._said[device_id] = version, now
            self._waiting[device_id] = version, timezone.now()
            if self._thread is None or not self._thread.is_alive():
                # A daemon: what is lost with the process, the device says again.
                self._thread = threading.Thread(target=self._run, name="versions", daemon=True)
                self._thread.start()
            self._wake.notify_all()

    def clear(self) -> None:
        """As in a process that has just begun."""
        with self._wake:
            self._said.clear()
            self._waiting.clear()

    def settle(self, *, timeout: float) -> bool:
        """Wait until everything heard so far is noted; False when it took longer."""
        with self._wake:
            return self._wake.wait_for(lambda: self._is_idle and not self._waiting, timeout)

    def _run(self) -> None:
        wait = FIRST_WAIT
        while True:
            with self._wake:
                self._is_idle = True
                self._wake.notify_all()
                self._wake.wait_for(lambda: bool(self._waiting))
                self._is_idle = False
                some = dict(list(self._waiting.items())[:AT_ONCE])
                for device_id in some:
                    del self._waiting[device_id]
            try:
                close_old_connections()
                self._note(some)
                wait = FIRST_WAIT
            except Error as error:
                logger.warning("versions.put_off", extra={"error": str(error)})
                with self._wake:
                    self._waiting = some | self._waiting  # what was said since wins
                time.sleep(wait)
                wait = min(wait * 2, LONGEST_WAIT)
            except Exception:
                logger.exception("versions.not_noted")
            finally:
                connection.close()

    def _note(self, some: dict[int, tuple[str, datetime]]) -> None:
        versions = {device_id: version for device_id, (version, _) in some.items()}
        said_at = min(at for _, at in some.values())
        again_after_deadlock(partial(note_running_versions, versions=versions, at=said_at))


versions_said = VersionsSaid()
