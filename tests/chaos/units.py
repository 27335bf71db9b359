"""The processes of a plant that may be killed at any moment, and are started again with the same data."""

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from factory import processes
from tests import services
from tests.chaos import guard
from tests.chaos.versions import Code
from tests.plant import ROOT, UNLIMITED, plain_environment

# Every process of ours: those that others put work before come first, which is also the order of an upgrade.
OURS = ("messages", "worker", "granian", "serve", "ingest-a", "ingest-b", "beat", "credentials")


class Unit:
    """One program, which is up, down, or waiting to be started again."""

    def __init__(
        self,
        name: str,
        argv: list[str],
        *,
        log: Path,
        env: Mapping[str, str],
        ready: Callable[[], bool] = lambda: True,
        cwd: Path = ROOT,
    ) -> None:
        self.name, self.argv, self.log, self.env, self.cwd = name, argv, log, env, cwd
        self._ready = ready
        self.child: subprocess.Popen[bytes] | None = None
        self.start_at: float | None = None  # when it is due to be started again
        self.is_up = False
        self.is_stopped = False  # on purpose
        self.may_end = False  # by itself: enough of it was killed
        self._log_begins = 0

    def start(self) -> None:
        self.start_at, self.is_up, self.is_stopped, self.may_end = None, False, False, False
        with self.log.open("ab") as output:
            self._log_begins = output.tell()
            self.child = processes.start(self.argv, env=self.env, cwd=self.cwd, output=output)

    def kill(self) -> None:
        """The whole group, at once and without a word."""
        self.is_up = False
        if self.child is not None:
            processes.send(self.child, signal.SIGKILL)
            self.child.wait()

    def stop(self, patience: float = 12.0) -> None:
        self.is_up, self.is_stopped, self.start_at = False, True, None
        if self.child is not None:
            processes.stop(self.child, patience=patience)

    def has_ended(self) -> bool:
        return self.child is not None and self.child.poll() is not None

    def look(self) -> None:
        """Whether it has come up by now."""
        if not self.is_up and self.start_at is None and self.child is not None and self.child.poll() is None:
            self.is_up = self._ready()

    def output(self) -> str:
        """What it has said since it was last started."""
        with self.log.open("rb") as log:
            log.seek(self._log_begins)
            return log.read().decode(errors="replace")

    def last_word(self, *words: str) -> str:
        """Which of these events it told of last."""
        told = self.output()
        return max(words, key=lambda word: told.rfind(f" {word} "))

    def child_processes(self) -> list[int]:
        """Those that it has started itself."""
        found = []
        for stat in Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):
                fields = stat.read_text().rpartition(")")[2].split()
                if self.child is not None and int(fields[1]) == self.child.pid:
                    found.append(int(stat.parent.name))
        return found


class Plant:
    """MariaDB, Redis, Mosquitto and every process of ours, on a folder of its own and ports of its own."""

    def __init__(self, folder: Path, rng: random.Random, *, code: Code | None = None, **chosen: str) -> None:
        self.folder = folder
        self.code = code or Code()  # what commands run, and what processes are made of from now on
        self._rng = rng
        self._ports: set[int] = set()
        for name in ("data", "data/mosquitto", "mariadb", "mariadb-run", "redis", "broker", "logs"):
            (folder / name).mkdir()
        self.db_port, redis_port = self._port(), self._port()
        self.mqtt_port, self._web_port, self._granian_port = self._port(), self._port(), self._port()
        self.env = plain_environment(
            DJANGO_SETTINGS_MODULE="factory.settings",
            DATABASE_URL=f"mysql://root@127.0.0.1:{self.db_port}/factory",
            REDIS_URL=f"redis://127.0.0.1:{redis_port}/0",
            MQTT_URL=f"mqtt://127.0.0.1:{self.mqtt_port}",
            MQTT_FOLDER=str(folder / "data" / "mosquitto"),
            FACTORY_DATA=str(folder / "data"),
            FACTORY_DEMO="0",
            **UNLIMITED,
            PYTHONWARNINGS="ignore:You're running the worker with superuser",
            PORT=str(self._web_port),
            **chosen,
        )
        self.urls = [f"http://127.0.0.1:{port}" for port in (self._granian_port, self._web_port)]
        self.units: dict[str, Unit] = {}
        self.complaints: list[str] = []
        self._add_services(redis_port)
        self._add_ours()
        self._guard = subprocess.Popen(
            [sys.executable, "-I", "-S", guard.__file__, f"FACTORY_DATA={folder / 'data'}"],
            stdin=subprocess.PIPE,
            start_new_session=True,
        )

    def _port(self) -> int:
        """A free one that no outgoing connection is ever given: who tries to reach a dead service there would
        once in a while be connected to itself, and keep the service from coming back."""
        while True:
            port = self._rng.randrange(18_000, 30_000)
            if port not in self._ports and not services.listens(port):
                self._ports.add(port)
                return port

    # What there is

    def _add(
        self,
        name: str,
        argv: list[str],
        ready: Callable[[], bool] = lambda: True,
        *,
        code: Code | None = None,
    ) -> None:
        code = code or Code()
        self.units[name] = Unit(
            name,
            argv,
            log=self.folder / "logs" / f"{name}.log",
            env={**self.env, **code.env},
            ready=ready,
            cwd=code.tree,
        )

    def _add_services(self, redis_port: int) -> None:
        folder = self.folder
        database = services.mariadb_program(folder / "mariadb", self.db_port, folder / "mariadb-run")
        self._add("mariadb", database.argv, database.ready)
        redis = services.redis_program(redis_port, folder / "redis")
        self._add("redis", redis.argv, redis.ready)
        lines = (
            *services.our_rules(folder / "data" / "mosquitto"),
            "persistence true",
            f"persistence_location {folder / 'broker'}/",
            "autosave_interval 5",
            "set_tcp_nodelay true",
        )
        broker = services.mosquitto_program(self.mqtt_port, folder / "broker", lines)
        self._add("mosquitto", broker.argv, broker.ready)

    def _add_ours(self) -> None:
        for name in (*OURS, "rollups"):
            self._add(name, self._argv_of(name), partial(self._is_ready, name), code=self.code)

    def _argv_of(self, name: str) -> list[str]:
        code = self.code
        match name:
            case "granian":
                port = f"HOST=127.0.0.1 PORT={self._granian_port}"
                return ["/bin/sh", "-c", f"{port}; exec {code.line_of('web')}"]
            case "serve":
                return [*code.manage, "serve"]
            case "ingest-a" | "ingest-b":
                return [*code.manage, "ingest_mqtt"]
            case "credentials":
                return [*code.manage, "mqtt_credentials", "--watch"]
            case "rollups":
                return [sys.executable, "-m", "tests.chaos.rolling"]
        return ["/bin/sh", "-c", f"exec {code.line_of(name)}"]

    def renew(self, name: str) -> None:
        """From its next start on it runs the code that the plant has now."""
        unit = self.units[name]
        unit.argv, unit.cwd, unit.env = self._argv_of(name), self.code.tree, {**self.env, **self.code.env}

    def _is_ready(self, name: str) -> bool:
        match name:
            case "granian":
                return services.listens(self._granian_port)
            case "serve":
                return services.listens(self._web_port)
            case "ingest-a" | "ingest-b":
                return self._has_a_role(name)
        return True

    def _has_a_role(self, name: str) -> bool:
        return " mqtt.active " in (told := self.units[name].output()) or " mqtt.standby " in told

    def ingest(self, *, active: bool) -> Unit:
        """The one that takes messages in, or the one that stands by; while they change over, either."""
        one, other = self.units["ingest-a"], self.units["ingest-b"]
        words = ("mqtt.active", "mqtt.standby", "mqtt.lost")
        is_active = one.is_up and one.last_word(*words) == "mqtt.active"
        return one if is_active == active else other

    # Coming and going

    def start(self, device_count: int, populate: str = "tests.chaos.populate") -> str:
        """Bring everything up; what `populate` has told."""
        self._start_and_wait("mariadb", "redis")
        self.manage("migrate", "-v0")
        told = self.run(sys.executable, "-m", populate, str(device_count))
        self.manage("mqtt_credentials")
        self._start_and_wait("mosquitto")
        self._start_and_wait(*self.down())
        return told

    def _start_and_wait(self, *names: str, seconds: float = 240.0) -> None:
        for name in names:
            self.units[name].start()
        self.wait_up(*names, seconds=seconds)

    def wait_up(self, *names: str, seconds: float = 60.0) -> None:
        end = time.monotonic() + seconds
        while not all(self.units[name].is_up for name in names):
            self.look_after()
            if time.monotonic() > end:
                raise TimeoutError(f"not up after {seconds:.0f} s:\n{self.last_words(*self.down())}")
            time.sleep(0.02)

    def look_after(self) -> None:
        """Start again what is due, and notice what ended without being asked."""
        now = time.monotonic()
        for unit in self.units.values():
            if unit.start_at is not None:
                if now >= unit.start_at:
                    unit.start()
            elif unit.has_ended() and not unit.is_stopped:
                if not unit.may_end:
                    self.complaints.append(f"ended by itself:\n{self.last_words(unit.name)}")
                unit.start_at = now + 1.0
            unit.look()

    def down(self) -> list[str]:
        return [name for name, unit in self.units.items() if not unit.is_up]

    def manage(self, *arguments: str) -> str:
        return self.run(*self.code.manage, *arguments)

    def run(self, *argv: str) -> str:
        """A command with the plant's environment, to its end."""
        done = subprocess.run(
            argv,
            env={**self.env, **self.code.env},
            cwd=self.code.tree,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"{argv} ended with {done.returncode}:\n{done.stdout}{done.stderr}"[-4000:])
        return done.stdout

    def last_words(self, *names: str) -> str:
        return "\n".join(
            f"--- {name}\n{self.units[name].log.read_text(errors='replace')[-1500:]}"
            for name in names
            if self.units[name].log.exists()
        )

    def close(self) -> None:
        """End everything, the services last, and see to it that nothing is left."""
        for unit in reversed(self.units.values()):
            unit.stop()
        assert self._guard.stdin is not None
        self._guard.stdin.close()
        self._guard.wait(10)


def left_over(folder: Path) -> list[int]:
    return [pid for pid in guard.marked(f"FACTORY_DATA={folder / 'data'}".encode()) if pid != os.getpid()]
