"""What a benchmark runs against: a private MariaDB with its safety on, and servers as they run at scale."""

import contextlib
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote
from urllib.request import ProxyHandler, build_opener

from factory import processes
from tests.services import folder, wait_until

ROOT = Path(__file__).resolve().parent.parent
opener = build_opener(ProxyHandler({}))


@dataclass(frozen=True)
class Place:
    """A running service: where it listens, and its process group."""

    port: int
    group: int

    def cpu(self) -> float:
        """Seconds of processor time that the group's living processes have used."""
        ticks = 0
        for stat in Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):
                fields = stat.read_text().rpartition(")")[2].split()
                if int(fields[2]) == self.group:
                    ticks += int(fields[11]) + int(fields[12])
        return ticks / os.sysconf("SC_CLK_TCK")


@contextlib.contextmanager
def mariadb() -> Iterator[tuple[str, Path, Place]]:
    """A MariaDB that forces every commit to the disk. Yields the URL of an empty database, its socket and itself."""
    server = shutil.which("mariadbd", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    install = shutil.which("mariadb-install-db")
    if server is None or install is None:
        raise SystemExit("This needs MariaDB's server programs (mariadbd, mariadb-install-db).")
    with folder("bench-mariadb") as data:
        user = ["--user=root"] if os.getuid() == 0 else []
        subprocess.run(
            [install, "--no-defaults", f"--datadir={data / 'data'}", "--auth-root-authentication-method=normal",
             "--skip-test-db", *user],
            check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        path = data / "sock"
        with (data / "log").open("wb") as log:
            child = processes.start(
                [server, "--no-defaults", f"--datadir={data / 'data'}", f"--socket={path}", "--skip-networking",
                 "--innodb-flush-log-at-trx-commit=1", "--innodb-buffer-pool-size=512M", "--max-connections=1000",
                 *user],
                output=log,
            )  # fmt: skip
        try:
            wait_until(path.exists, what="MariaDB's start")
            import MySQLdb  # noqa: PLC0415 -- compiled on the spot, so it may be missing

            connection = MySQLdb.connect(unix_socket=str(path), user="root")
            connection.cursor().execute("CREATE DATABASE bench CHARACTER SET utf8mb4")
            connection.close()
            yield (
                f"mysql://root@localhost/bench?unix_socket={quote(str(path), safe='')}",
                path,
                Place(0, child.pid),
            )
        finally:
            processes.stop(child, patience=20)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def granian(environment: Mapping[str, str], *, workers: int, threads: int) -> Iterator[Place]:
    """HTTP as at scale: processes of threads that run the WSGI application."""
    port = free_port()
    argv: list[str | Path] = [
        Path(sys.executable).parent / "granian", "factory.wsgi:application", "--interface", "wsgi", "--http", "1",
        "--no-ws", "--host", "127.0.0.1", "--port", str(port), "--workers", str(workers),
        "--blocking-threads", str(threads), "--backpressure", "1024", "--log-level", "error",
    ]  # fmt: skip
    with _running(argv, environment, port) as place:
        yield place


@contextlib.contextmanager
def embedded(environment: Mapping[str, str]) -> Iterator[Place]:
    """HTTP as in the one-process server: daphne with a2wsgi."""
    port = free_port()
    argv: list[str | Path] = [sys.executable, ROOT / "manage.py", "serve"]
    with _running(argv, {**environment, "PORT": str(port)}, port) as place:
        yield place


@contextlib.contextmanager
def _running(argv: list[str | Path], environment: Mapping[str, str], port: int) -> Iterator[Place]:
    child = processes.start(argv, env=environment, cwd=ROOT)
    try:
        wait_until(lambda: _is_ready(port), what=f"the start of {Path(argv[0]).name}")
        yield Place(port, child.pid)
    finally:
        processes.stop(child, patience=12)


def _is_ready(port: int) -> bool:
    try:
        with opener.open(f"http://127.0.0.1:{port}/health/ready", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
