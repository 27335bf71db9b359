"""Our processes on a cluster: granian at haproxy's address or at that of one node, and commands."""

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from factory import processes
from tests import services
from tests.chaos.versions import Code
from tests.galera.cluster import Cluster
from tests.plant import MANAGE, ROOT, UNLIMITED, plain_environment

DEVICES = 8  # of each scenario


@dataclass(frozen=True)
class Web:
    """A running granian."""

    url: str
    log: Path

    def retries(self) -> int:
        """How often a transaction was given up by the database and done again."""
        return self.log.read_text(errors="replace").count("database.retry")


class Plant:
    """What stands on the cluster. `devices` are those that no scenario has taken yet."""

    def __init__(self, cluster: Cluster, folder: Path, redis: str) -> None:
        self.cluster, self.folder, self._redis = cluster, folder, redis
        self.devices: list[dict] = []

    def populate(self, scenarios: int) -> None:
        self.run(*MANAGE, "migrate", "-v0")
        told = self.run(sys.executable, "-m", "tests.chaos.populate", str(scenarios * DEVICES))
        self.devices = json.loads(told)["devices"]

    def some_devices(self) -> list[dict]:
        taken, self.devices = self.devices[:DEVICES], self.devices[DEVICES:]
        return taken

    def run(self, *argv: str, database: str | None = None) -> str:
        """A command to its end."""
        done = subprocess.run(
            argv, env=self._env(database), cwd=ROOT, capture_output=True, text=True, timeout=300, check=False
        )
        if done.returncode:
            raise RuntimeError(f"{argv}:\n{done.stdout}{done.stderr}"[-3000:])
        return done.stdout

    @contextlib.contextmanager
    def web(self, name: str, *, database: str | None = None, workers: int = 1) -> Iterator[Web]:
        port, log = services.free_port(), self.folder / f"{name}.log"
        env = self._env(database, PORT=str(port), WEB_WORKERS=str(workers))
        argv = ["/bin/sh", "-c", f"exec env {Code().line_of('web')}"]
        with log.open("wb") as output:
            child = processes.start(argv, env=env, cwd=ROOT, output=output)
        try:
            services.wait_until(lambda: services.listens(port), what=f"granian {name}", seconds=60)
            yield Web(f"http://127.0.0.1:{port}", log)
        finally:
            processes.stop(child, patience=12)

    @contextlib.contextmanager
    def web_at_each_node(self) -> Iterator[list[Web]]:
        """Past haproxy: three that write to three nodes."""
        with contextlib.ExitStack() as stack:
            yield [
                stack.enter_context(self.web(f"web-{node.name}", database=node.url))
                for node in self.cluster.nodes
            ]

    def _env(self, database: str | None, **chosen: Any) -> dict[str, str]:
        return plain_environment(
            DJANGO_SETTINGS_MODULE="factory.settings",
            DATABASE_URL=database or self.cluster.url,
            REDIS_URL=self._redis,
            MQTT_BROKER="none",
            FACTORY_DATA=str(self.folder / "data"),
            FACTORY_DEMO="0",
            **UNLIMITED,
            **chosen,
        )
