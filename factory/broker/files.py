"""Mosquitto's password and ACL files: made from the database, replaced as a whole, and only when they change."""

import logging
import os
import signal
import tempfile
from datetime import datetime
from pathlib import Path

from devices.mqtt_identity import password_lines
from devices.mqtt_rights import acl_text
from devices.queries import broker_passwords

logger = logging.getLogger(__name__)
PASSWORDS, ACL, PID = "passwd", "acl", "mosquitto.pid"


class BrokerFiles:
    """What a Mosquitto needs to know about devices, in one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.devices = 0

    def write(self, at: datetime) -> bool:
        """Bring the files to what the database says. Says whether they changed."""
        passwords = broker_passwords(at=at)
        self.devices = len(passwords)
        texts = {PASSWORDS: password_lines(passwords=passwords), ACL: acl_text()}
        changed = [replace(self.folder / name, text) for name, text in texts.items()]
        return any(changed)

    def write_and_reload(self, at: datetime) -> None:
        if self.write(at):
            self.reload()

    def reload(self) -> None:
        """Have the Mosquitto of this folder read the files. It ends who may no longer be connected."""
        number = process_in(self.folder / PID)
        if number is None:
            return
        try:
            os.kill(number, signal.SIGHUP)
        except ProcessLookupError:
            pass
        except PermissionError:
            logger.warning("mqtt.reload_refused", extra={"pid": number})


def replace(path: Path, text: str) -> bool:
    """Write a file unless it says this already; nobody sees half of it.

    It belongs to whom the folder belongs, and is the group's to read if the folder is: a Mosquitto that is not
    ours runs as somebody else.
    """
    if path.exists() and path.read_text() == text:
        return False
    about = path.parent.stat()
    with tempfile.NamedTemporaryFile("w", dir=path.parent, prefix=f".{path.name}-", delete=False) as draft:
        draft.write(text)
    try:
        Path(draft.name).chmod(0o600 | about.st_mode & 0o040)
        if os.geteuid() == 0 or about.st_gid in os.getgroups():
            os.chown(draft.name, about.st_uid if os.geteuid() == 0 else -1, about.st_gid)
        os.replace(draft.name, path)
    except OSError:
        os.unlink(draft.name)
        raise
    return True


def process_in(path: Path) -> int | None:
    """The number in a pid file, unless it is by now some other program's."""
    try:
        number = int(path.read_text())
    except (OSError, ValueError):
        return None
    command = Path(f"/proc/{number}/cmdline")
    if Path("/proc/self").exists() and not (command.exists() and b"mosquitto" in command.read_bytes()):
        return None
    return number
