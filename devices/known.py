"""Who is behind a name that the broker has checked. A process remembers, so that it costs a query only once."""

import time
from collections.abc import Callable, Collection

from devices.identity import DevicePrincipal
from devices.models import Device

LIMIT = 20_000
STRANGER_SECONDS = 5.0  # how long an unknown name is taken for unknown without asking again
AT_ONCE = 500


class KnownDevices:
    """Names and the devices they stand for. A device that was deleted is found out by who stores for it:
    its number is never used again, so nothing is ever written for another one; then `forget` it."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._known: dict[str, DevicePrincipal] = {}
        self._strangers: dict[str, float] = {}  # and until when they are taken for such

    def __getitem__(self, name: str) -> DevicePrincipal | None:
        """Of a name that `look_up` has seen."""
        return self._known.get(name)

    def look_up(self, names: Collection[str]) -> None:
        """Ask for those of the names that are new, in as few queries as can be."""
        known, now = self._known, self._clock()
        new = sorted({name for name in names if name not in known and self._strangers.get(name, now) <= now})
        if not new:
            return
        if len(known) + len(new) > LIMIT:
            known.clear()
            new = sorted(set(names))
        if len(self._strangers) + len(new) > LIMIT:
            self._strangers.clear()
        for start in range(0, len(new), AT_ONCE):
            part = new[start : start + AT_ONCE]
            found = Device.objects.filter(external_id__in=part).values_list("pk", "external_id")
            known.update({name: DevicePrincipal(pk, name) for pk, name in found})
            for name in part:
                if name in known:
                    self._strangers.pop(name, None)
                else:
                    self._strangers[name] = now + STRANGER_SECONDS

    def forget(self, name: str) -> None:
        self._known.pop(name, None)
        self._strangers.pop(name, None)
