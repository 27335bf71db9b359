"""Starting child processes that never outlive the one that started them."""

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO

PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def dies_with(parent: int) -> Callable[[], None] | None:
    """What a child does before exec so that the kernel kills it when `parent` is gone; Linux only."""
    if LIBC is None:
        return None
    libc = LIBC  # loaded before the fork: after it, only plain system calls are safe

    def promise() -> None:
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it died between the fork and the promise
            os._exit(1)

    return promise


def start(
    argv: Sequence[str | Path],
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    output: int | IO[bytes] | None = None,
) -> subprocess.Popen[bytes]:
    """Start `argv` in a session of its own: a Ctrl-C in the terminal reaches the caller only.

    Call it from the main thread: to the kernel, the parent of a child is a thread.
    """
    return subprocess.Popen(
        [str(part) for part in argv],
        env=None if env is None else dict(env),
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=None if output is None else subprocess.STDOUT,
        start_new_session=True,
        preexec_fn=dies_with(os.getpid()),
    )


def send(child: subprocess.Popen[bytes], number: int) -> None:
    """Send a signal to the child's whole group; it may be gone already."""
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
