"""Private real services for tests: each on a temporary folder and a free port, gone when the test process is.

`python -m tests.services mariadb redis -- command ...` runs a command with them. Needs no Django settings.
"""

import contextlib
import getpass
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from factory import processes
from factory import valkey as embedded


class NotInstalled(Exception):
    """The program of a service is not on this machine."""


def program(*names: str) -> str:
    """The first of these programs that is there."""
    for name in names:
        for path in (shutil.which(name), f"/usr/sbin/{name}", f"/usr/local/sbin/{name}"):
            if path and os.access(path, os.X_OK):
                return path
    raise NotInstalled(" or ".join(names))


def wait_until(ready: Callable[[], bool], *, what: str, seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > end:
            raise TimeoutError(f"{what} did not happen within {seconds:.0f} s")
        time.sleep(0.02)


def free_port() -> int:
    """Below those that the system gives to connections, one of which could have it before its server does."""
    while True:
        port = random.randrange(12_000, 32_000)
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


def listens(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def memory_of(pid: int, name: str) -> int:
    """Bytes that a process has (`VmRSS`), or had at most (`VmHWM`)."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(name))


@contextlib.contextmanager
def folder(name: str) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix=f"factory-{name}-", ignore_cleanup_errors=True) as path:
        yield Path(path)


@dataclass(frozen=True)
class Program:
    """A service's command line, and whether it answers: for tests that start and kill it themselves."""

    argv: list[str]
    ready: Callable[[], bool]


@contextlib.contextmanager
def running(
    argv: list[str], log: Path, ready: Callable[[], bool], *, seconds: float = 30.0
) -> Iterator[subprocess.Popen[bytes]]:
    """A program from the moment it is ready; what it printed is told when it never was."""
    with log.open("wb") as output:
        server = processes.start(argv, output=output)
    try:
        try:
            wait_until(
                lambda: ready() or server.poll() is not None, what=f"the start of {argv[0]}", seconds=seconds
            )
            if server.poll() is not None:
                raise RuntimeError(f"{argv[0]} ended with {server.returncode}:\n{log.read_text()[-2000:]}")
        except TimeoutError as late:
            raise TimeoutError(f"{late}:\n{log.read_text()[-2000:]}") from None
        yield server
    finally:
        processes.stop(server, patience=20)


@contextlib.contextmanager
def valkey(place: Path | None = None) -> Iterator[str]:
    """A Valkey on a private socket, keeping nothing. Yields its URL."""
    with folder("valkey") as data:
        place = place or data / "valkey.sock"
        place.parent.mkdir(parents=True, exist_ok=True)
        argv = embedded.arguments(place, data, durable=False)
        with running(argv, data / "log", lambda: embedded.answers(place)):
            yield f"unix://{place}"


@contextlib.contextmanager
def redis_server(port: int | None = None) -> Iterator[str]:
    """A Redis or Valkey over TCP, keeping nothing. Yields its URL."""
    port = port or free_port()
    with folder("redis") as data:
        server = redis_program(port, data)
        with running(server.argv, data / "log", server.ready):
            yield f"redis://127.0.0.1:{port}"


def redis_program(port: int, data: Path) -> Program:
    server = program("redis-server", "valkey-server")
    argv = [server, "--port", str(port), "--bind", "127.0.0.1", "--dir", str(data), "--save", ""]
    return Program(argv, lambda: listens(port))


@contextlib.contextmanager
def mariadb(*, durable: bool = True, data: Path | None = None, port: int | None = None) -> Iterator[str]:
    """A MariaDB with an empty database `factory`. Yields its URL.

    `durable=False` lets it be faster and lose the last second at a crash: for tests that crash nothing.
    With `data`, what is in that folder stays there and is used again.
    """
    port = port or free_port()
    with folder("mariadb") as private:
        server = mariadb_program(data or private / "data", port, private, durable=durable)
        with running(server.argv, private / "log", server.ready, seconds=60):
            yield f"mysql://root@127.0.0.1:{port}/factory"


def mariadb_program(data: Path, port: int, private: Path, *, durable: bool = True) -> Program:
    """A MariaDB on a folder, which is filled first where it is empty. `private` is for what it need not keep."""
    server, install = program("mariadbd", "mysqld"), program("mariadb-install-db", "mysql_install_db")
    user = f"--user={getpass.getuser()}"  # as root it wants to be told so
    if not (data / "mysql").exists():
        made = subprocess.run(
            [
                *(install, "--no-defaults", f"--datadir={data}", user, "--skip-test-db"),
                *("--skip-name-resolve", "--auth-root-authentication-method=normal"),
            ],
            capture_output=True,
            text=True,
            check=False,
        )
        if made.returncode:
            raise RuntimeError(f"{install} failed:\n{made.stdout[-1000:]}{made.stderr[-1000:]}")
    argv = [
        *(server, "--no-defaults", f"--datadir={data}", f"--socket={private / 'sock'}", user),
        *(f"--port={port}", "--bind-address=127.0.0.1", f"--pid-file={private / 'pid'}"),
        *("--skip-name-resolve", "--skip-log-bin", "--innodb-buffer-pool-size=256M"),
        *("--innodb-log-file-size=128M", "--max-connections=400"),
        f"--innodb-flush-log-at-trx-commit={1 if durable else 2}",
    ]
    import MySQLdb  # absent where it could not be compiled

    def ready() -> bool:
        try:
            with contextlib.closing(MySQLdb.connect(host="127.0.0.1", port=port, user="root")) as session:
                session.query("CREATE DATABASE IF NOT EXISTS factory CHARACTER SET utf8mb4")
        except MySQLdb.Error:
            return False
        return True

    return Program(argv, ready)


@contextlib.contextmanager
def mosquitto(
    port: int | None = None, *, lines: tuple[str, ...] = ("allow_anonymous true",)
) -> Iterator[str]:
    """A Mosquitto with these lines of configuration. Yields its URL."""
    port = port or free_port()
    with folder("mosquitto") as data:
        server = mosquitto_program(port, data, lines)
        with running(server.argv, data / "log", server.ready):
            yield f"mqtt://127.0.0.1:{port}"


def mosquitto_program(port: int, data: Path, lines: tuple[str, ...]) -> Program:
    server, settings = program("mosquitto"), data / "mosquitto.conf"
    settings.write_text("\n".join([f"user {getpass.getuser()}", f"listener {port} 127.0.0.1", *lines, ""]))
    return Program([server, "-c", str(settings)], lambda: listens(port))


@contextlib.contextmanager
def mosquitto_with_our_files(folder: Path, port: int | None = None) -> Iterator[str]:
    """A Mosquitto that is not ours, but goes by the password and ACL files in this folder. Yields its URL."""
    with mosquitto(port, lines=our_rules(folder)) as url:
        yield url


def our_rules(folder: Path) -> tuple[str, ...]:
    """What a Mosquitto that goes by our files has in its configuration."""
    from factory.broker.files import PID  # needs the settings
    from factory.broker.mosquitto import rules

    return (*rules(folder), f"pid_file {folder / PID}")


@dataclass(frozen=True)
class Mailbox:
    """Where a private SMTP server listens, and the folder in which each message becomes a file."""

    url: str
    folder: Path
    process: subprocess.Popen[bytes]

    def messages(self) -> list[str]:
        return [path.read_text() for path in sorted(self.folder.glob("*.eml"))]


MAIL_SERVER = """
import asyncio, itertools, sys, time
from pathlib import Path
from aiosmtpd.controller import Controller

class Keep:
    number = itertools.count()
    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("gone"):
            return "550 5.1.1 No such person here"
        if address.startswith("sign-in"):
            return "530 5.7.0 Authentication required"
        if address.startswith("later"):
            return "451 4.7.1 Greylisted, come again"
        if address.startswith("busy"):
            return "421 4.3.2 Too many connections for this mailbox"
        if address.startswith("hang-up"):
            server.transport.close()
            return "250 OK"
        envelope.rcpt_tos.append(address)
        return "250 OK"
    async def handle_DATA(self, server, session, envelope):
        path = Path(sys.argv[2]) / f"{time.time_ns()}-{next(self.number):06}"
        head = f"X-Envelope-From: {envelope.mail_from}\\nX-Envelope-To: {', '.join(envelope.rcpt_tos)}\\n"
        head += f"X-Connection: {session.peer[1]}\\n"
        path.write_bytes(head.encode() + envelope.original_content)
        path.rename(path.with_suffix(".eml"))
        if envelope.rcpt_tos[0].startswith("slow"):
            await asyncio.sleep(1)
        return "250 kept"

Controller(Keep(), hostname="127.0.0.1", port=int(sys.argv[1])).start()
while True:
    time.sleep(3600)
"""


@contextlib.contextmanager
def smtp(port: int | None = None) -> Iterator[Mailbox]:
    """A mail server that keeps every message in a folder.

    Nobody there is called `gone…`; who is called `later…` is not taken yet, and for `sign-in…` one has to sign in.
    It says goodbye to `busy…`, hangs up on `hang-up…`, and thinks for a second about what `slow…` gets.
    """
    port = port or free_port()
    with folder("smtp") as data:
        argv = [sys.executable, "-c", MAIL_SERVER, str(port), str(data)]
        with running(argv, data / "log", lambda: listens(port)) as process:
            yield Mailbox(f"smtp://127.0.0.1:{port}", data, process)


@dataclass(frozen=True)
class Receiver:
    """Where a private HTTP server listens, and the folder in which each request to it becomes a file."""

    url: str
    folder: Path
    process: subprocess.Popen[bytes]

    def requests(self) -> list[dict[str, Any]]:
        """{path, headers (lower case), body}, in order."""
        return [json.loads(path.read_text()) for path in sorted(self.folder.glob("*.json"))]


HTTP_RECEIVER = """
import itertools, json, sys, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

number = itertools.count()

class Keep(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0))).decode()
        path = Path(sys.argv[2]) / f"{time.time_ns()}-{next(number):06}"
        headers = {name.lower(): value for name, value in self.headers.items()}
        path.write_text(json.dumps({"path": self.path, "headers": headers, "body": body}))
        path.rename(path.with_suffix(".json"))
        status = next((int(p) for p in self.path.split("/") if p.isdigit()), 200)
        if "drip" in self.path:
            for _ in range(600):
                time.sleep(0.1)
                self.wfile.write(b"H")
        self.send_response(status)
        self.send_header("Location", "http://169.254.169.254/")
        self.send_header("Retry-After", "90")
        self.end_headers()
        self.wfile.write(b'{"secret": "of the receiver"}')
    def log_message(self, *words): pass

ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Keep).serve_forever()
"""


@contextlib.contextmanager
def http_receiver(port: int | None = None) -> Iterator[Receiver]:
    """A web server that keeps every POST in a folder; a number in the path is the status it answers with."""
    port = port or free_port()
    with folder("receiver") as data:
        argv = [sys.executable, "-c", HTTP_RECEIVER, str(port), str(data)]
        with running(argv, data / "log", lambda: listens(port)) as process:
            yield Receiver(f"http://127.0.0.1:{port}", data, process)


@dataclass(frozen=True)
class Bucket:
    """A bucket on a private S3 server, and the server's process."""

    url: str
    endpoint: str
    process: subprocess.Popen[bytes]


@contextlib.contextmanager
def s3(port: int | None = None) -> Iterator[Bucket]:
    """An S3 server with an empty bucket `plant`, keeping nothing."""
    port = port or free_port()
    endpoint = f"http://127.0.0.1:{port}"
    with folder("s3") as data:
        argv = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
        with running(argv, data / "log", lambda: listens(port)) as process:
            with httpx.Client(trust_env=False) as client:
                client.put(f"{endpoint}/plant").raise_for_status()
            yield Bucket(f"s3://key:secret@127.0.0.1:{port}/plant?region=us-east-1&tls=0", endpoint, process)


# Name on the command line -> what the URL is called, how it is started
SERVICES: dict[str, tuple[str, Callable[[], contextlib.AbstractContextManager[str]]]] = {
    "mariadb": ("DATABASE_URL", lambda: mariadb(durable=False)),
    "redis": ("REDIS_URL", redis_server),
    "valkey": ("REDIS_URL", valkey),
    "mosquitto": ("MQTT_URL", mosquitto),
}


def main(arguments: list[str]) -> int:
    names, command = arguments[: arguments.index("--")], arguments[arguments.index("--") + 1 :]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    os.environ.pop("DJANGO_SETTINGS_MODULE", None)  # set by importing `factory`; the command has its own
    with contextlib.ExitStack() as services:
        for name in names:
            variable, start = SERVICES[name]
            os.environ[variable] = services.enter_context(start())
        return subprocess.run(command, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
