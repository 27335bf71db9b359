"""`manage.py mqtt_credentials`: Mosquitto's password and ACL files, from the database."""

import signal
import threading
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from factory.broker.files import BrokerFiles
from factory.broker.upkeep import EVERY_SECONDS, Upkeep


class Command(BaseCommand):
    help = "Rebuild the password and ACL files of Mosquitto from the database, and have it read them."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--watch", action="store_true", help="keep them in step until SIGTERM")

    def handle(self, *, watch: bool, **options: Any) -> None:
        files = BrokerFiles(folder())
        if watch:
            keep_in_step(files)
            return
        changed = files.write(timezone.now())
        files.reload()
        state = "rewritten" if changed else "unchanged"
        self.stdout.write(f"{files.devices} devices may connect; {files.folder} is {state}.")


def folder() -> Path:
    """MQTT_FOLDER, or that of the embedded mosquitto where it has run."""
    if settings.MQTT_FOLDER is not None:
        chosen = settings.MQTT_FOLDER
    elif settings.MQTT_EMBEDDED:
        chosen = settings.FACTORY_DATA / "mosquitto"
    else:
        raise CommandError("MQTT_FOLDER is not set: there are no files to keep.", returncode=2)
    if not chosen.is_dir():
        raise CommandError(f"{chosen} is no folder. Make it first, readable by Mosquitto.", returncode=2)
    return chosen


def keep_in_step(files: BrokerFiles) -> None:
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    upkeep = Upkeep(files.write_and_reload)
    upkeep.look()
    while not stop.wait(EVERY_SECONDS):
        upkeep.look()
