"""Services that take connections and answer nobody: each is stopped, named by readiness, and let go on."""

import signal
from contextlib import contextmanager

import httpx
import pytest

from factory import processes
from tests import services
from tests.factory.running import environment, server
from tests.plant import MANAGE, ROOT

pytestmark = [pytest.mark.integration, pytest.mark.django_db(transaction=True)]
PATIENCE = 10  # seconds: of who asks for readiness, or for anything else


@contextmanager
def started(program, log):
    with services.running(program.argv, log, program.ready, seconds=60) as process:
        yield process


def down(url):
    return httpx.get(f"{url}/health/ready", timeout=PATIENCE, trust_env=False).json()["down"]


@contextmanager
def hanging(process, url, name):
    processes.send(process, signal.SIGSTOP)
    try:
        services.wait_until(lambda: name in down(url), what=f"{name} is named")
        yield
    finally:
        processes.send(process, signal.SIGCONT)
    services.wait_until(lambda: name not in down(url), what=f"{name} is well again")


def test_redis_or_a_storage_that_hangs_is_named_and_the_rest_goes_on(tmp_path, monkeypatch):
    port = services.free_port()
    with (
        started(services.redis_program(port, tmp_path), tmp_path / "log") as redis,
        services.s3() as bucket,
    ):
        monkeypatch.setenv("REDIS_URL", f"redis://127.0.0.1:{port}")
        monkeypatch.setenv("STORAGE_URL", bucket.url)
        with server() as url:
            wrong = {"email": "nobody@example.com", "password": "wrong"}
            for process, name in ((redis, "redis"), (bucket.process, "storage")):
                with hanging(process, url, name):
                    answer = httpx.post(
                        f"{url}/api/trpc/auth.login", json=wrong, timeout=PATIENCE, trust_env=False
                    )
                    assert answer.status_code == 401


@contextmanager
def serving_on(database):
    """A server that is up and not ready: nothing is migrated there, which would take long."""
    port = services.free_port()
    url = f"http://127.0.0.1:{port}"
    child = processes.start([*MANAGE, "serve"], env={**environment(port), "DATABASE_URL": database}, cwd=ROOT)
    try:
        services.wait_until(lambda: services.listens(port), what="the server's start", seconds=60)
        yield url
    finally:
        processes.stop(child, patience=12)


def test_a_database_that_hangs_is_named(tmp_path, monkeypatch):
    pytest.importorskip("MySQLdb")
    port = services.free_port()
    try:
        program = services.mariadb_program(tmp_path / "data", port, tmp_path, durable=False)
    except services.NotInstalled as missing:
        pytest.skip(f"not installed: {missing}")
    address = f"mysql://root@127.0.0.1:{port}/factory"
    with started(program, tmp_path / "log") as mariadb, serving_on(address) as url:
        assert down(url) == ["migrations"]
        with hanging(mariadb, url, "database"):
            pass
        assert down(url) == ["migrations"]
