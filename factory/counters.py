"""What each process counts of its own work, for `/metrics` (docs/metrics.md). Knows no room.

Where PROMETHEUS_MULTIPROC_DIR names a folder, prometheus_client keeps the numbers in files there, so that whichever
process is asked can tell what all processes on this machine have counted. `manage.py up` has it so; commands that
come and go count for themselves.
"""

import os
from pathlib import Path

from prometheus_client import Counter, Gauge, Histogram

SHARED = "PROMETHEUS_MULTIPROC_DIR"


def count_together(folder: Path) -> None:
    """Have the processes that are started from now on count in this folder, from nothing."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for file in folder.glob("*.db"):
        file.unlink()
    os.environ[SHARED] = str(folder)


def shared_folder() -> Path | None:
    """Where this process counts together with others."""
    return Path(os.environ[SHARED]) if os.environ.get(SHARED) else None


SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)

http_requests = Histogram(
    "factory_http_request_seconds",
    "Requests by HTTP and how long they took; name is the procedure or the route",
    ["way", "name", "status"],
    buckets=SECONDS,
)
readings = Counter(
    "factory_readings_total", "Readings that were committed, by what became of them", ["outcome"]
)
ingest_commits = Histogram(
    "factory_ingest_commit_seconds", "Transactions of the group commit", buckets=SECONDS
)
ingest_batch = Histogram(
    "factory_ingest_commit_readings",
    "Readings in a transaction of the group commit",
    buckets=(1, 2, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000),
)
ingest_waiting = Gauge(
    "factory_ingest_waiting_readings",
    "Readings that wait for a transaction",
    ["lane"],
    multiprocess_mode="livesum",
)
ingest_refused = Counter("factory_ingest_refused_total", "Deliveries turned away because too much waited")
ingest_failed = Counter("factory_ingest_failed_total", "Transactions of the group commit that failed")
connections = Gauge(
    "factory_connections", "Open connections that hear news, by kind", ["kind"], multiprocess_mode="livesum"
)
news = Counter("factory_news_total", "Live messages between processes, by what became of them", ["outcome"])
tasks = Histogram(
    "factory_task_seconds", "Background tasks and how long they took", ["task", "outcome"], buckets=SECONDS
)
mqtt_messages = Counter("factory_mqtt_messages_total", "Messages taken from the broker, by topic", ["topic"])
mqtt_refused = Counter("factory_mqtt_refused_total", "Messages from the broker that could not be understood")
