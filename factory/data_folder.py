"""The data folder belongs to one server, or to one restore, at a time."""

import fcntl
import os
from pathlib import Path
from typing import IO

from django.core.management.base import CommandError


def take_folder(folder: Path) -> IO[str]:
    """Make the data folder ours for as long as the answer is open. Two servers on one folder would fight."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if folder.stat().st_uid == os.getuid():
            folder.chmod(0o700)
        lock = (folder / "up.lock").open("a+")
    except OSError as reason:
        raise CommandError(
            f"FACTORY_DATA={str(folder)!r} cannot be used: {reason.strerror}.", returncode=2
        ) from None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        with lock:
            lock.seek(0)
            owner = lock.read().strip() or "unknown"
        raise CommandError(
            f"FACTORY_DATA={str(folder)!r} is in use by another server (process {owner}).", returncode=2
        ) from None
    lock.truncate(0)
    lock.write(str(os.getpid()))
    lock.flush()
    return lock
