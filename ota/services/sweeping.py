import logging
from datetime import datetime, timedelta

from ota import shelf
from ota.models import Firmware

logger = logging.getLogger(__name__)

ORPHAN_AFTER = timedelta(hours=2)  # by then an upload under way has its row, or never gets one
AT_ONCE = 500


def sweep_orphans(*, at: datetime) -> int:
    """Clear away files that no version refers to: a process died between its file and its row."""
    waiting: list[str] = []
    swept = 0
    for name in shelf.names_before(at - ORPHAN_AFTER):
        waiting.append(name)
        if len(waiting) == AT_ONCE:
            swept += _swept(waiting)
            waiting = []
    swept += _swept(waiting)
    if swept:
        logger.warning("firmware.orphans_swept", extra={"files": swept})
    return swept


def _swept(names: list[str]) -> int:
    known = set(Firmware.objects.filter(file__in=names).values_list("file", flat=True))
    orphans = [name for name in names if name not in known]
    for name in orphans:
        shelf.clear(name)
    return len(orphans)
