"""A whole server as `script/server` starts it: real processes on a free port and a folder of its own."""

import atexit
import contextlib
import functools
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx

from tests.declared import assert_declared
from tests.services import free_port

ADMIN = {"email": "boss@example.com", "password": "seven wooden ladders"}
ADMIN_SETTINGS = {"FACTORY_ADMIN_EMAIL": ADMIN["email"], "FACTORY_ADMIN_PASSWORD": ADMIN["password"]}
# Tests ask more often than people and devices do; those that are about limits set them.
UNLIMITED = dict.fromkeys(("RATE_USER", "RATE_DEVICE", "RATE_ADDRESS", "RATE_LOGIN"), "off")
ROOT = Path(__file__).resolve().parent.parent
MANAGE = [sys.executable, str(ROOT / "manage.py")]


def setting_names() -> set[str]:
    return set(re.findall(r"^(?:# )?([A-Z][A-Z0-9_]*)=", (ROOT / ".env.example").read_text(), re.MULTILINE))


def plain_environment(**chosen: str) -> dict[str, str]:
    """This process's environment without any setting of ours but the chosen ones."""
    ours = setting_names() | {"DJANGO_SETTINGS_MODULE"}
    kept = {name: value for name, value in os.environ.items() if name not in ours}
    return {**kept, "PYTHONWARNINGS": "default", **chosen}


def alive_with(mark: str) -> dict[int, str]:
    """Processes whose environment holds `mark`: every descendant of a server has its data folder there."""
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                if mark.encode() in (entry / "environ").read_bytes() and (entry / "cmdline").read_bytes():
                    found[int(entry.name)] = (entry / "cmdline").read_text().replace("\0", " ")
    return found


@functools.cache
def migrated() -> Path:
    """A database with every table and nothing of a plant in it: made once, since each start of a test would need it."""
    folder = Path(tempfile.mkdtemp(prefix="factory-migrated-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    environment = plain_environment(FACTORY_DATA=str(folder))
    subprocess.run([*MANAGE, "migrate", "-v0"], env=environment, check=True)
    return folder / "factory.sqlite3"


class Plant:
    """A running `manage.py up`, its output and its processes."""

    def __init__(self, folder: Path, command: str = "up", *, empty: bool = False, **chosen: str) -> None:
        database = folder / "factory.sqlite3"
        if not (empty or database.exists() or "DATABASE_URL" in chosen):
            folder.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(migrated(), database)
        self.mark = f"FACTORY_DATA={folder}"
        self.port = int(chosen.get("PORT") or free_port())
        self.url = f"http://127.0.0.1:{self.port}"
        quiet = {"FACTORY_DEMO": "0", "MQTT_PORT": str(free_port()), **UNLIMITED}
        chosen = {**quiet, **chosen, "FACTORY_DATA": str(folder), "PORT": str(self.port)}
        self.process = subprocess.Popen(
            [*MANAGE, *command.split()],
            env=plain_environment(**chosen),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.lines: list[str] = []
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as output:
            self.lines.extend(line.rstrip("\n") for line in output)

    @property
    def output(self) -> str:
        return "\n".join(self.lines)

    def wait_for(self, text: str, seconds: float = 60.0) -> None:
        end = time.monotonic() + seconds
        while text not in self.output:
            if self.process.poll() is not None:
                self.reader.join(2)
                raise AssertionError(f"ended with {self.process.returncode} before {text!r}:\n{self.output}")
            assert time.monotonic() < end, f"no {text!r} within {seconds} s:\n{self.output}"
            time.sleep(0.02)

    def wait_ready(self) -> "Plant":
        self.wait_for(f"ready: {self.url}")
        return self

    def processes(self) -> dict[int, str]:
        """Those it started, by id, with their command lines."""
        return {pid: line for pid, line in alive_with(self.mark).items() if pid != self.process.pid}

    def pid_of(self, words: str) -> int:
        return next(pid for pid, line in self.processes().items() if words in line)

    def get(self, path: str, **options: object) -> httpx.Response:
        return httpx.get(self.url + path, timeout=20, **options)  # type: ignore[arg-type]

    def end(self, number: int = signal.SIGTERM, seconds: float = 15.0) -> float:
        """Send a signal and wait; how long it took."""
        began = time.monotonic()
        self.process.send_signal(number)
        self.process.wait(seconds)
        took = time.monotonic() - began
        self.reader.join(2)
        return took


class Api:
    """The procedures of a running plant, as a person or a device."""

    def __init__(self, plant: Plant, token: str = "") -> None:
        self.base = f"{plant.url}/api/trpc/"
        self.headers = {"content-type": "application/json"}
        if token:
            self.headers["authorization"] = f"Bearer {token}"

    def post(self, path: str, content: bytes) -> httpx.Response:
        return httpx.post(
            self.base + path, content=content, headers=self.headers, timeout=20, trust_env=False
        )

    def data(self, path: str, input: object = None) -> Any:
        response = self.post(path, json.dumps(input).encode())
        assert response.status_code == 200, response.text
        data = response.json()["result"]["data"]
        assert_declared(f"/api/trpc/{path}", data)
        return data

    def ask(self, path: str, input: object = None) -> Any:
        """A query, as `data` is a mutation."""
        given = {} if input is None else {"input": json.dumps(input)}
        response = httpx.get(
            self.base + path, params=given, headers=self.headers, timeout=20, trust_env=False
        )
        assert response.status_code == 200, response.text
        data = response.json()["result"]["data"]
        assert_declared(f"/api/trpc/{path}", data)
        return data


def as_admin(plant: Plant) -> Api:
    """Signed in as the admin whom `ADMIN` names; start the plant with `ADMIN_SETTINGS`."""
    return Api(plant, Api(plant).data("auth.login", ADMIN)["token"])


@contextlib.contextmanager
def running(folder: Path, command: str = "up", *, empty: bool = False, **chosen: str) -> Iterator[Plant]:
    """A plant until the end of the block. `empty` lets it make its own tables, as at a first start."""
    plant = Plant(folder, command, empty=empty, **chosen)
    try:
        yield plant
    finally:
        if plant.process.poll() is None:
            plant.process.kill()
            plant.process.wait()
        plant.reader.join(2)
