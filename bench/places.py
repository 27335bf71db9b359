"""What a benchmark runs against: the server as it runs at scale, and as one process."""

import contextlib
import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.request import ProxyHandler, build_opener

from factory import processes
from tests.services import free_port, wait_until

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
