"""Services that take connections and answer nobody: each is stopped, named by readiness, and let go on."""

import json
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import httpx
import pytest

from factory import processes
from tests import services
from tests.factory.running import environment, server
from tests.plant import MANAGE, ROOT

pytestmark = [pytest.mark.integration, pytest.mark.django_db(transaction=True)]
PATIENCE = 10  # seconds: of who asks for readiness, or for anything else
LONG = 60  # seconds, which not even a machine at its limit needs to find out that nobody answers


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
def serving_on(database, **chosen):
    """A server that is up; whether it is ready depends on what is in the database."""
    port = services.free_port()
    url = f"http://127.0.0.1:{port}"
    env = {**environment(port), "DATABASE_URL": database, **chosen}
    child = processes.start([*MANAGE, "serve"], env=env, cwd=ROOT)
    try:
        services.wait_until(lambda: services.listens(port), what="the server's start", seconds=60)
        yield url
    finally:
        processes.stop(child, patience=12)


@contextmanager
def private_mariadb(folder):
    pytest.importorskip("MySQLdb")
    port = services.free_port()
    try:
        program = services.mariadb_program(folder / "data", port, folder, durable=False)
    except services.NotInstalled as missing:
        pytest.skip(f"not installed: {missing}")
    with started(program, folder / "log") as process:
        yield process, f"mysql://root@127.0.0.1:{port}/factory"


def test_a_database_that_hangs_is_named(tmp_path):
    with private_mariadb(tmp_path) as (mariadb, address), serving_on(address) as url:
        assert down(url) == ["migrations"]  # it would take long
        with hanging(mariadb, url, "database"):
            pass
        assert down(url) == ["migrations"]


def populated(address):
    """Every table, an admin and a device; what they sign in with."""

    def run(*argv):
        env = {**environment(0), "DATABASE_URL": address, "PORT": ""}
        return subprocess.run(argv, env=env, cwd=ROOT, check=True, capture_output=True, text=True).stdout

    run(*MANAGE, "migrate", "-v0")
    told = json.loads(run(sys.executable, "-m", "tests.chaos.populate", "1"))
    return told["admin"], told["devices"][0]


class Asking:
    """A page, two procedures and a reading, all asked at once; `answers` are (status, Retry-After) by name."""

    def __init__(self, url, admin, device):
        self.url, self.admin, self.device = url, admin, device

    def answers(self):
        bearer = {"authorization": f"Bearer {self.admin}"}
        reading = {"timestamp": time.time_ns() // 1_000_000, "data": {"temperature": 20.0}}
        asked = {
            "page": ("GET", "/overview/now", {"cookies": {"app_session_id": self.admin}}),
            "procedure": ("GET", "/api/trpc/devices.list", {"headers": bearer}),
            "file": ("GET", "/api/firmware/1/file", {"headers": bearer}),
            "reading": (
                "POST",
                "/api/trpc/readings.create",
                {"json": reading, "headers": {"authorization": f"Bearer {self.device['token']}"}},
            ),
        }
        with ThreadPoolExecutor(len(asked)) as pool:
            return dict(zip(asked, pool.map(self._answer, asked.values()), strict=True))

    def _answer(self, asked):
        method, path, options = asked
        response = httpx.request(method, self.url + path, timeout=LONG, trust_env=False, **options)
        return response.status_code, response.headers.get("retry-after")


def test_whoever_asks_while_a_database_hangs_is_told_to_come_again_and_is_served_once_it_goes_on(tmp_path):
    """It still hangs when they are answered, although each statement might take ten minutes."""
    with private_mariadb(tmp_path) as (mariadb, address):
        admin, device = populated(address)
        with serving_on(address, DB_TIMEOUT="600") as url:
            asking = Asking(url, admin, device)
            well = {
                "page": (200, None),
                "procedure": (200, None),
                "file": (404, None),
                "reading": (200, None),
            }
            assert asking.answers() == well

            processes.send(mariadb, signal.SIGSTOP)
            try:
                for _ in range(3):  # the first wait for the database, the others find it known to hang
                    answers = asking.answers()
                    assert {name: status for name, (status, _) in answers.items()} == dict.fromkeys(well, 503)
                    assert None not in {again for _, again in answers.values()}
            finally:
                processes.send(mariadb, signal.SIGCONT)

            services.wait_until(lambda: asking.answers() == well, what="everybody is served again")
