"""`/metrics`: what all processes of this machine counted, and how the plant stands, as Prometheus reads it.

How the plant stands is asked of the database when somebody looks, at most once in ten seconds; the rooms say what
there is to ask (`measured_by`), each answer a number or numbers by label.
"""

import hmac
import logging
import shutil
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.db import Error
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.registry import Collector

from factory import health
from factory.accounts.identity import bearer_of
from factory.counters import shared_folder
from factory.limits.addresses import client_address
from factory.refusals import not_found

logger = logging.getLogger(__name__)
Answer = float | Mapping[str, float]
KEPT_SECONDS = 10.0
LOOPBACK = {"127.0.0.1", "::1"}


@dataclass(frozen=True)
class Measure:
    """One gauge: its name, what it says, by which label, and who knows."""

    name: str
    about: str
    ask: Callable[[], Answer]
    label: str = ""


_measures: dict[str, Measure] = {}


def measured_by(name: str, about: str, ask: Callable[[], Answer], *, label: str = "") -> None:
    """Have `/metrics` tell a gauge; with a label, `ask` answers numbers by its values."""
    _measures[name] = Measure(name, about, ask, label)


class Standing(Collector):
    """How the plant stands, kept for a while: several Prometheus may look, the database is asked once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._families: list[GaugeMetricFamily] = []
        self._good_until = 0.0

    def collect(self) -> Iterable[GaugeMetricFamily]:
        with self._lock:
            if time.monotonic() >= self._good_until:
                self._families = [family for measure in _measures.values() for family in _asked(measure)]
                self._good_until = time.monotonic() + KEPT_SECONDS
            return self._families


class OwnCounts(Collector):
    """What this process alone has counted."""

    def collect(self) -> Iterable[Metric]:
        return REGISTRY.collect()


def _asked(measure: Measure) -> Iterable[GaugeMetricFamily]:
    try:
        answer = measure.ask()
    except (Error, OSError) as error:  # then this one is missing, and factory_up says why
        logger.warning("metrics.not_measured", extra={"metric": measure.name, "error": str(error)})
        return
    family = GaugeMetricFamily(measure.name, measure.about, labels=[measure.label] if measure.label else [])
    for value, number in answer.items() if isinstance(answer, Mapping) else [("", answer)]:
        family.add_metric([value] if measure.label else [], number)
    yield family


standing = Standing()


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """From this machine, or with METRICS_TOKEN as Bearer; for everybody else there is nothing here."""
    if not _may_read(request):
        return not_found(request)
    told = CollectorRegistry()
    told.register(standing)
    folder = shared_folder()
    if folder is None:
        told.register(OwnCounts())
    else:
        _forget_the_dead(folder)
        MultiProcessCollector(told, path=str(folder))
    return HttpResponse(generate_latest(told), content_type=CONTENT_TYPE_LATEST)


def _may_read(request: HttpRequest) -> bool:
    token = bearer_of(request.headers.get("authorization", ""))
    if token:
        return bool(settings.METRICS_TOKEN) and hmac.compare_digest(
            token.encode(), settings.METRICS_TOKEN.encode()
        )
    return client_address(request.META) in LOOPBACK


def _forget_the_dead(folder: Path) -> None:
    """What is a sum over living processes must not count those that were killed."""
    for file in folder.glob("gauge_live*_*.db"):
        pid = file.stem.rpartition("_")[2]
        if pid.isdigit() and not Path(f"/proc/{pid}").exists():
            mark_process_dead(int(pid), path=str(folder))


def _parts_up() -> dict[str, float]:
    parts = {**health.VITAL, **health.USEFUL}
    return {name: float(works()) for name, works in parts.items() if name != "draining"}


measured_by("factory_up", "Whether a part works, as readiness sees it", _parts_up, label="part")
measured_by("factory_info", "The version that runs", lambda: {settings.VERSION: 1}, label="version")
measured_by(
    "factory_disk_free_bytes",
    "Room left where FACTORY_DATA is",
    lambda: float(shutil.disk_usage(settings.FACTORY_DATA).free),
)
