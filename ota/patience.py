"""How long a device may stay in each state of an update, by its type: what was set for it, else the settings."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings

from devices.models import Device
from ota.models import UpdateRule
from ota.states import COMPLETED, DOWNLOADING, INSTALLING, PENDING


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds in each state; after completion, how long the old version is listened for."""

    pending: int
    downloading: int
    installing: int
    health: int
    max_attempts: int

    def deadline(self, status: str, *, at: datetime) -> datetime | None:
        """When a state that begins now has lasted too long; None where it may last."""
        seconds = {
            PENDING: self.pending,
            DOWNLOADING: self.downloading,
            INSTALLING: self.installing,
            COMPLETED: self.health,
        }.get(status)
        return at + timedelta(seconds=seconds) if seconds else None


def usual_patience() -> Patience:
    """What holds for types of which nothing was set."""
    return Patience(
        pending=settings.OTA_PENDING_SECONDS,
        downloading=settings.OTA_DOWNLOADING_SECONDS,
        installing=settings.OTA_INSTALLING_SECONDS,
        health=settings.OTA_HEALTH_SECONDS,
        max_attempts=settings.OTA_MAX_ATTEMPTS,
    )


def patience_by_type() -> dict[str, Patience]:
    """What is in force for every type of device."""
    found = {
        rule.type: Patience(
            rule.pending_seconds,
            rule.downloading_seconds,
            rule.installing_seconds,
            rule.health_seconds,
            rule.max_attempts,
        )
        for rule in UpdateRule.objects.all()
    }
    return {type_.value: usual_patience() for type_ in Device.Type} | found
