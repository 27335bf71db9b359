"""`python guard.py MARK`: when our standard input ends, everything with MARK in its environment is killed.

The processes we start die with us; those that they start in turn (granian's workers) would outlive a test that is
killed itself. Imports nothing of ours.
"""

import contextlib
import os
import signal
import sys
from pathlib import Path


def marked(mark: bytes) -> list[int]:
    """Processes that were started with this in their environment."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if mark in (entry / "environ").read_bytes().split(b"\0"):
                found.append(int(entry.name))
    return found


def main(mark: bytes) -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    sys.stdin.buffer.read()
    for _ in range(3):  # one of them may just have started another one
        for process in marked(mark):
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)


if __name__ == "__main__":
    main(sys.argv[1].encode())
