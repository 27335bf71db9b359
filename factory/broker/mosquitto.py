"""A local mosquitto as the embedded broker: its folder, its configuration, and how it is started and ended."""

import os
import pwd
import shutil
import subprocess
import threading
from pathlib import Path

from django.conf import settings
from django.core.management.base import CommandError

from factory import processes
from factory.broker.choice import answers, mosquitto_program
from factory.broker.files import ACL, PASSWORDS, PID, BrokerFiles, replace
from factory.broker.upkeep import EVERY_SECONDS, Upkeep

CONFIGURATION = "mosquitto.conf"
START_SECONDS = 10.0
ACCOUNT = "mosquitto"  # the system's account for it


def rules(folder: Path | None = None) -> list[str]:
    """Lines that every Mosquitto of ours needs, embedded or not. See docs/mqtt.md for the reasons."""
    place = f"{folder}/" if folder else ""  # relative to where it was started
    return [
        "allow_anonymous false",
        f"password_file {place}{PASSWORDS}",
        f"acl_file {place}{ACL}",
        "use_username_as_clientid true",
        # As good as no limit. With 0, which means none, 2.0.11 ends whoever publishes where it may not.
        "max_queued_messages 1000000",
        "max_inflight_messages 1000",
        f"max_packet_size {settings.REQUEST_BODY_MAX}",
        "persistent_client_expiration 14d",
    ]


def configuration(*, host: str, port: int) -> str:
    """The whole file of the embedded one. Paths are relative: it may not be allowed to see the data folder."""
    lines = [
        "# Made by manage.py; changes are overwritten.",
        f"listener {port} {host}",
        *rules(),
        f"user {current_user()}",  # only heeded when it starts as root
        "persistence true",
        "persistence_location ./",
        "autosave_interval 30",
        f"pid_file {PID}",
        "set_tcp_nodelay true",
        "log_dest stderr",
        "log_type error",
        "log_type warning",
        "log_timestamp false",
    ]
    return "\n".join(lines) + "\n"


def current_user() -> str:
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())


def lesser_account() -> pwd.struct_passwd | None:
    """Whom it runs as when we are root: the system's mosquitto, where there is one."""
    if os.geteuid() != 0 or shutil.which("setpriv") is None:
        return None
    try:
        return pwd.getpwnam(ACCOUNT)
    except KeyError:
        return None


def prepare(folder: Path, *, host: str, port: int) -> None:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    folder.chmod(0o700)
    account = lesser_account()
    owner = (account.pw_uid, account.pw_gid) if account else (os.geteuid(), os.getegid())
    for path in [folder, *folder.iterdir()]:
        os.chown(path, *owner, follow_symlinks=False)
    replace(folder / CONFIGURATION, configuration(host=host, port=port))


def start(folder: Path) -> subprocess.Popen[bytes]:
    program = mosquitto_program()
    if program is None:
        raise CommandError("There is no program mosquitto here.")
    argv = [program, "-c", CONFIGURATION]
    account = lesser_account()
    if account is not None:
        # It could give up root by itself, but a process that changes its user is no longer ended with its
        # parent. So that is said again afterwards.
        argv = [
            *("setpriv", f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", "--clear-groups"),
            *("--pdeathsig=KILL", "--", *argv),
        ]
    return processes.start(argv, cwd=folder)


def run(stop: threading.Event) -> None:
    """Serve until `stop`, with passwords that follow the database."""
    folder = settings.FACTORY_DATA / "mosquitto"
    prepare(folder, host=settings.HOST, port=settings.MQTT_PORT)
    files = BrokerFiles(folder)
    upkeep = Upkeep(files.write_and_reload)
    while not (upkeep.look() or (folder / PASSWORDS).exists()):  # yesterday's passwords are better than none
        if stop.wait(EVERY_SECONDS):
            return
    server = start(folder)
    try:
        if not _starts(server, stop):
            return
        while not stop.wait(EVERY_SECONDS):
            if server.poll() is not None:
                raise CommandError(f"mosquitto ended with {server.returncode}.")
            upkeep.look()
    finally:
        processes.stop(server)


def _starts(server: subprocess.Popen[bytes], stop: threading.Event) -> bool:
    """Wait until it answers. A reload before that would end it."""
    rounds = int(START_SECONDS / 0.05)
    for _ in range(rounds):
        if server.poll() is not None:
            raise CommandError(f"mosquitto ended with {server.returncode} at its start.")
        if answers(settings.MQTT_HOST, settings.MQTT_PORT):
            return True
        if stop.wait(0.05):
            return False
    raise CommandError(f"mosquitto did not start within {START_SECONDS:.0f} s.")
