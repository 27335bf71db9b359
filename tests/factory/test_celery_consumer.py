"""A worker outlives its Redis, also when that goes in the middle of a task."""

import shutil
import signal
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest
from celery import Celery

from factory import processes
from tests.plant import ROOT, migrated, plain_environment
from tests.services import free_port, redis_program, wait_until

pytestmark = pytest.mark.integration


@pytest.fixture
def redis(tmp_path):
    """Starts one and the same Redis, again and again."""
    program = redis_program(free_port(), tmp_path)
    started = []

    def start():
        with (tmp_path / "redis.log").open("ab") as log:
            started.append(processes.start(program.argv, output=log))
        wait_until(program.ready, what="the start of Redis")
        return started[-1]

    start.url = f"redis://127.0.0.1:{program.argv[program.argv.index('--port') + 1]}/0"
    yield start
    for child in started:
        processes.stop(child)


CELERY = [sys.executable, "-W", "ignore", "-m", "celery", "--app=factory.celery", "--quiet", "worker"]
POOL = ["--pool=threads", "--concurrency=4", "--without-gossip", "--without-mingle"]


def environment(redis, folder):
    return plain_environment(
        REDIS_URL=redis.url, FACTORY_DATA=str(folder), FACTORY_DEMO="0", MQTT_BROKER="none"
    )


def test_a_redis_that_goes_while_a_task_runs_does_not_end_the_worker(redis, tmp_path):
    server = redis()
    log = tmp_path / "worker.log"
    with log.open("wb") as output:
        worker = processes.start(
            [*CELERY, *POOL, "--include=tests.factory.slow_task"],
            env=environment(redis, tmp_path),
            cwd=ROOT,
            output=output,
        )

    def ask(name, seconds):
        with Celery(broker=redis.url) as app:
            app.send_task("tests.slow", kwargs={"folder": str(tmp_path), "name": name, "seconds": seconds})

    def wait_for(name):
        wait_until(Path(tmp_path, name).exists, what=f"{name}:\n{log.read_text()}")

    try:
        for number in range(3):
            ask(f"{number} first", 1.0)
            wait_for(f"{number} first begun")
            processes.send(server, signal.SIGKILL)
            server.wait()
            wait_for(f"{number} first over")
            server = redis()
            ask(f"{number} next", 0.0)
            wait_for(f"{number} next over")
        assert worker.poll() is None, log.read_text()
        assert "Unrecoverable" not in log.read_text()
    finally:
        processes.stop(worker)


def test_the_worker_of_messages_looks_for_what_is_due_whenever_redis_is_back(redis, tmp_path):
    """Nobody else asks it to: there is no beat. What a sweep leaves is the lease that it took and gave back."""
    server = redis()
    database = tmp_path / "factory.sqlite3"
    shutil.copy(migrated(), database)
    log = tmp_path / "worker.log"
    with log.open("wb") as output:
        worker = processes.start(
            [*CELERY, *POOL, "--queues=messages"], env=environment(redis, tmp_path), cwd=ROOT, output=output
        )

    def has_swept():
        with closing(sqlite3.connect(database)) as session:
            return session.execute("SELECT name FROM live_lease ORDER BY name").fetchall() == [
                ("alerts.deliveries",),
                ("alerts.deliveries.others",),
            ]

    try:
        wait_until(has_swept, what="a sweep")
        processes.send(server, signal.SIGKILL)
        server.wait()
        with closing(sqlite3.connect(database)) as session, session:
            session.execute("DELETE FROM live_lease")
        server = redis()
        wait_until(has_swept, what="another sweep")
    finally:
        processes.stop(worker)
