"""Private real services for tests: each on a temporary folder and a free port, gone when the test process is.

`python -m tests.services mariadb redis -- command ...` runs a command with them.
"""

import contextlib
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from factory import processes
from factory import valkey as embedded


def wait_until(ready: Callable[[], bool], *, what: str, seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > end:
            raise TimeoutError(f"{what} did not happen within {seconds:.0f} s")
        time.sleep(0.02)


@contextlib.contextmanager
def folder(name: str) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix=f"factory-{name}-", ignore_cleanup_errors=True) as path:
        yield Path(path)


@contextlib.contextmanager
def valkey(socket: Path | None = None) -> Iterator[str]:
    """A Valkey on a private socket, keeping nothing. Yields its URL."""
    with folder("valkey") as data:
        socket = socket or data / "valkey.sock"
        socket.parent.mkdir(parents=True, exist_ok=True)
        with (data / "log").open("wb") as log:
            server = processes.start(embedded.arguments(socket, data, durable=False), output=log)
        try:
            wait_until(lambda: embedded.answers(socket), what="Valkey's start")
            yield f"unix://{socket}"
        finally:
            processes.stop(server)
