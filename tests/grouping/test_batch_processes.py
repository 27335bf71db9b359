"""A batch with real workers, a real broker and devices that answer; one worker is killed with devices in hand."""

import contextlib
import signal
import sys
import threading

import pytest
from django.db import connection
from django.utils import timezone

from devices.models import Command
from factory import processes
from grouping.models import BatchItem
from grouping.queries import counts_of, get_batch
from grouping.services import create_batch, retry_failed
from tests import services
from tests.builders import make_user
from tests.factory.running import ROOT, environment, free_port
from tests.factory.test_ingest_mqtt import BROKER, Ingest
from tests.grouping.fleet import Fleet, make_fleet
from tests.services import wait_until

pytestmark = [pytest.mark.integration, pytest.mark.django_db(transaction=True)]
DEVICES = 1000
CELERY = [sys.executable, "-W", "ignore", "-m", "celery", "--app=factory.celery", "--quiet"]
POOL = ["--pool=threads", "--concurrency=2", "--without-gossip", "--without-mingle", "--without-heartbeat"]


@contextlib.contextmanager
def process(name, *arguments, folder, **env):
    with (folder / f"{name}.log").open("wb") as output:
        child = processes.start(
            [*CELERY, *arguments], env={**environment(free_port()), **env}, cwd=ROOT, output=output
        )
    try:
        yield child
    finally:
        processes.stop(child, patience=10)


def worker(name, folder, **env):
    arguments = ("worker", f"--hostname={name}@%h", "--include=tests.grouping.slow_worker", *POOL)
    return process(name, *arguments, folder=folder, **env)


@contextlib.contextmanager
def looking_at(batch):
    """Looks at the counts again and again, as people do."""
    looks, over = [], threading.Event()

    def look():
        while not over.wait(0.05):
            looks.append(counts_of([batch.pk])[batch.pk])
        connection.close()

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield looks
    finally:
        over.set()
        thread.join()


def fails(name):
    return int(name.rpartition("-")[2]) % 100 < 7


def over(batch):
    return get_batch(batch.pk).completed_at is not None


def test_a_killed_worker_costs_half_a_minute_and_tells_nobody_twice(tmp_path):
    ids = make_fleet(DEVICES)
    by = make_user(role="operator")
    stuck = tmp_path / "stuck"
    with contextlib.ExitStack() as stack:
        url = stack.enter_context(services.mosquitto(lines=BROKER))
        ingest = Ingest(url, tmp_path / "ingest.log")
        stack.callback(processes.stop, ingest.child, patience=10)
        ingest.wait_for("mqtt.connected")
        fleet = stack.enter_context(Fleet(url, fails))
        doomed = stack.enter_context(worker("one", tmp_path, STUCK_AT="2", STUCK_FILE=str(stuck)))
        stack.enter_context(worker("two", tmp_path))
        stack.enter_context(
            process("beat", "beat", f"--schedule={tmp_path / 'schedule'}", "--pidfile=", folder=tmp_path)
        )

        batch = create_batch(
            operation="restart", parameters={}, device_ids=ids, by=by, at=timezone.now(), confirm=DEVICES
        )
        with looking_at(batch) as looks:
            wait_until(stuck.exists, what="a worker with devices in hand")
            processes.send(doomed, signal.SIGKILL)
            doomed.wait()
            assert BatchItem.objects.filter(batch=batch, status="working").exists()
            wait_until(lambda: over(batch), what=f"the end: {counts_of([batch.pk])}", seconds=60)

        assert len(looks) > 10
        assert {counts.total for counts in looks} == {DEVICES}
        assert get_batch(batch.pk).status == "completed"
        counts = counts_of([batch.pk])[batch.pk]
        assert (counts.succeeded, counts.failed) == (930, 70)
        assert Command.objects.count() == len(fleet.pushes) == DEVICES
        assert set(fleet.pushes.values()) == {1}
        assert set(fleet.told.values()) == {1}
        errors = BatchItem.objects.filter(status="failed").values_list("error", flat=True)
        assert set(errors) == {"valve stuck"}

        fleet.fails = lambda name: False
        retry_failed(batch=get_batch(batch.pk), at=timezone.now())
        wait_until(lambda: over(batch), what="the end of the retry", seconds=60)

        assert counts_of([batch.pk])[batch.pk].succeeded == DEVICES
        assert set(fleet.pushes.values()) == {1}
        assert {name: 2 if fails(name) else 1 for name in fleet.told} == fleet.told
