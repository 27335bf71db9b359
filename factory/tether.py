"""`python tether.py PARENT command ...`: run a command that dies with the process PARENT, however that one ends.

On Linux the kernel promises it and this program becomes the command. Elsewhere it stays and watches.
It is run by its path and imports nothing of ours, so that it costs a few milliseconds.
"""

import os
import signal
import subprocess
import sys
import time

PR_SET_PDEATHSIG = 1


def become(parent: int, argv: list[str]) -> None:
    import ctypes  # noqa: PLC0415 -- only here

    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it was gone before the promise
        sys.exit(1)
    os.execvp(argv[0], argv)


def watch(parent: int, argv: list[str]) -> int:
    """Signals reach the command directly, as it is in our process group."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
        signal.signal(number, lambda *_: None)  # a handler, not SIG_IGN, which the command would inherit
    command = subprocess.Popen(argv)
    while (status := command.poll()) is None:
        if os.getppid() != parent:
            os.killpg(0, signal.SIGKILL)
        time.sleep(0.2)
    return status if status >= 0 else 128 - status


if __name__ == "__main__":
    if sys.platform == "linux":
        become(int(sys.argv[1]), sys.argv[2:])
    sys.exit(watch(int(sys.argv[1]), sys.argv[2:]))
