"""A worker outlives its Redis, also when that goes in the middle of a task."""

import signal
import sys
from pathlib import Path

import pytest
from celery import Celery

from factory import processes
from tests.plant import ROOT, plain_environment
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


def test_a_redis_that_goes_while_a_task_runs_does_not_end_the_worker(redis, tmp_path):
    server = redis()
    env = plain_environment(
        REDIS_URL=redis.url, FACTORY_DATA=str(tmp_path), FACTORY_DEMO="0", MQTT_BROKER="none"
    )
    log = tmp_path / "worker.log"
    argv = [sys.executable, "-W", "ignore", "-m", "celery", "--app=factory.celery", "--quiet", "worker"]
    pool = ["--pool=threads", "--concurrency=4", "--without-gossip", "--without-mingle"]
    with log.open("wb") as output:
        worker = processes.start(
            [*argv, *pool, "--include=tests.factory.slow_task"], env=env, cwd=ROOT, output=output
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
