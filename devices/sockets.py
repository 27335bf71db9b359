"""A device that holds a socket: its commands and its configuration come to it there."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from devices.models import Presence
from devices.services import hear_from, note_seen, take_pushes_of, welcome_back
from devices.services.announcing import Told, desired_of
from factory.retrying import again_after_deadlock


class DeviceVisit:
    """As long as it looks often enough, nobody else delivers to the device."""

    def __init__(self, device_id: int, *, now: Callable[[], datetime] = timezone.now) -> None:
        self.key = device_id
        self._now = now
        self._until: datetime | None = None
        self._has_begun = False
        self._told = Told()  # of the configuration, by this connection

    def begin(self) -> None:
        """Opening a socket counts as being heard; and whatever it had before, it may have lost."""
        again_after_deadlock(self._begin)
        self._has_begun = True

    @transaction.atomic
    def _begin(self) -> None:
        at = self._now()
        self._hold(at)
        note_seen(device_ids=[self.key], at=at)
        welcome_back([self.key], at=at)

    def look(self) -> list[tuple[str, dict[str, Any]]]:
        """What is to be told now. Holding the socket is being heard; a beginning that failed is made up for."""
        at = self._now()
        if not self._has_begun:
            self.begin()
        self._hold(at)
        hear_from(device_ids=[self.key], at=at)
        found: list[tuple[str, dict[str, Any]]] = []
        wanted = desired_of(device_id=self.key, told=self._told)
        if wanted is not None:
            desired, self._told = wanted
            found.append(("config", {"desired": desired.desired, "version": desired.version}))
        while pushes := take_pushes_of(device_id=self.key, at=at):
            found += [("command", push.payload()) for push in pushes]
        return found

    def _hold(self, at: datetime) -> None:
        """Said again at every look; a process that was killed stops saying it."""
        self._until = at + timedelta(seconds=settings.WS_TIMEOUT)
        Presence.objects.filter(pk=self.key).update(socket_until=self._until)

    def end(self) -> None:
        """Unless another connection of the device has said meanwhile that it is here."""
        Presence.objects.filter(pk=self.key, socket_until=self._until).update(socket_until=None)
