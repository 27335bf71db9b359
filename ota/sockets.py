"""A device that holds a socket: it is told there of the version that waits for it."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.utils import timezone

from ota.services.offering import take_offers_of


class OfferVisit:
    """Whether the device is there, and may have missed something, is noted by the visit that brings its commands."""

    def __init__(self, device_id: int, *, now: Callable[[], datetime] = timezone.now) -> None:
        self.key = device_id
        self._now = now

    def begin(self) -> None:
        """What it may have missed is due again already."""

    def look(self) -> list[tuple[str, dict[str, Any]]]:
        offers = take_offers_of(device_id=self.key, at=self._now())
        return [("ota_available", offer.payload()) for offer in offers]

    def end(self) -> None:
        """Nothing is held for it."""
