"""How long a device may be silent, by its type: what was set for it, else what holds for all."""

import threading
import time
from dataclasses import dataclass

from django.conf import settings

from devices.models import TOLERANCE_SECONDS, Device, SilenceRule

KEEP_SECONDS = 5.0  # how long what another process has set may go unnoticed


@dataclass(frozen=True, slots=True)
class Patience:
    """After `silent_seconds` a device is held for offline, and `tolerance_seconds` later people are told."""

    silent_seconds: int
    tolerance_seconds: int
    severity: str


def patience_of(rule: SilenceRule) -> Patience:
    return Patience(rule.silent_seconds, rule.tolerance_seconds, rule.severity)


class _Rules:
    """This process's copy of what was set."""

    def __init__(self) -> None:
        self._set: dict[str, Patience] = {}
        self._good_until = float("-inf")
        self._lock = threading.Lock()

    def by_type(self) -> dict[str, Patience]:
        if time.monotonic() >= self._good_until:
            with self._lock:
                self.keep({rule.type: patience_of(rule) for rule in SilenceRule.objects.all()})
        return self._set

    def keep(self, by_type: dict[str, Patience]) -> None:
        self._set = by_type
        self._good_until = time.monotonic() + KEEP_SECONDS

    def forget(self) -> None:
        self._good_until = float("-inf")


rules = _Rules()


def usual_patience() -> Patience:
    """What holds for types of which nothing was set."""
    return Patience(settings.DEVICE_SILENT_SECONDS, TOLERANCE_SECONDS, SilenceRule.Severity.WARNING)


def patience_by_type() -> dict[str, Patience]:
    """What is in force for every type of device."""
    return {type_.value: usual_patience() for type_ in Device.Type} | rules.by_type()
