"""Starting child processes that never outlive the one that started them."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

TETHER = Path(__file__).with_name("tether.py")


def start(
    argv: Sequence[str | Path],
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    output: int | IO[bytes] | None = None,
    pass_fds: Sequence[int] = (),
) -> subprocess.Popen[bytes]:
    """Start `argv` in a session of its own: a Ctrl-C in the terminal reaches the caller only.

    Call it from the main thread: to the kernel, the parent of a child is a thread.
    """
    tether = [sys.executable, "-I", "-S", str(TETHER), str(os.getpid())]
    return subprocess.Popen(
        [*tether, *(str(part) for part in argv)],
        env=None if env is None else dict(env),
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=None if output is None else subprocess.STDOUT,
        start_new_session=True,
        pass_fds=pass_fds,
    )


def send(child: subprocess.Popen[bytes], number: int) -> None:
    """Send a signal to the child's whole group, unless it is over: its number may be somebody else's by then."""
    if child.poll() is None:
        try:
            os.killpg(child.pid, number)
        except (ProcessLookupError, PermissionError):
            pass


def stop(child: subprocess.Popen[bytes], *, patience: float = 5.0) -> int:
    """End a child in order, or by force after `patience` seconds."""
    send(child, signal.SIGTERM)
    try:
        return child.wait(patience)
    except subprocess.TimeoutExpired:
        send(child, signal.SIGKILL)
        return child.wait()
