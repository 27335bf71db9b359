"""The rules of the metrics in force: what an admin declared goes before what is built in."""

import threading
import time
from dataclasses import fields

from telemetry.metrics import DECLARED, Metric, built_in
from telemetry.models import MetricRule

KEEP_SECONDS = 5.0  # how long another process's declaration may go unnoticed
COLUMNS = [field.name for field in fields(Metric)]


class _Rules:
    """This process's copy of the declared rules."""

    def __init__(self) -> None:
        self._declared: dict[str, Metric] = {}
        self._good_until = float("-inf")
        self._lock = threading.Lock()

    def declared(self) -> dict[str, Metric]:
        if time.monotonic() >= self._good_until:
            with self._lock:
                rows = MetricRule.objects.values(*COLUMNS)
                self.keep({row["key"]: Metric(**row) for row in rows})
        return self._declared

    def keep(self, declared: dict[str, Metric]) -> None:
        self._declared = declared
        self._good_until = time.monotonic() + KEEP_SECONDS

    def forget(self) -> None:
        self._good_until = float("-inf")


rules = _Rules()


def metric_for(key: str) -> Metric:
    """The rule in force for a metric, or what is assumed of an undeclared one."""
    return rules.declared().get(key) or built_in(key)


def known_metrics() -> list[Metric]:
    """All declared metrics: the built-in ones, then those an admin added, by name."""
    declared = rules.declared()
    added = sorted(declared.keys() - {metric.key for metric in DECLARED})
    return [declared.get(metric.key, metric) for metric in DECLARED] + [declared[key] for key in added]
