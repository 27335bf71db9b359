"""`manage.py replay`: a real recording, sent again as if a device were measuring it."""

import logging
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError
from django.utils import timezone
from tqdm import tqdm

from devices.models import Device
from devices.queries import find_device
from factory.demo.mqtt_replayer import MqttReplayer
from factory.demo.recording import BadRow, NotARecording, Row, read_recording, shift_to_end_before
from factory.demo.replayer import Replayer, ReplayFailed, Tally, in_batches, in_their_time
from factory.demo.server import TemporaryTokens, client_options, own_url
from factory.live.mqtt_address import broker_url
from telemetry.door import READINGS_LIMIT
from telemetry.metrics import METRIC_NAME
from telemetry.models import Reading

BAD_ROWS_SHOWN = 20
INTERRUPTED = 130
MQTT = "mqtt"


class Command(BaseCommand):
    help = "Send a recording (CSV with timestamp,value) as readings of a device, in the order of the file."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--device", required=True, help="its string device id, or its integer id")
        parser.add_argument("--metric", required=True, help="for example temperature")
        parser.add_argument("--speed", type=float, help="times real time (default: as fast as it goes)")
        parser.add_argument(
            "--at",
            choices=["shifted", "original"],
            default="shifted",
            help="shifted: by whole days, to end before today 00:00 UTC; original: keep the times of the file",
        )
        parser.add_argument("--url", default=own_url(), help="the server (default: %(default)s)")
        parser.add_argument("--batch", type=int, default=1000, help="readings in one request (default: 1000)")
        parser.add_argument("--mqtt", action="store_true", help="over MQTT, to the broker set up")

    def handle(
        self,
        *,
        file: Path,
        device: str,
        metric: str,
        speed: float | None,
        at: str,
        url: str,
        batch: int,
        mqtt: bool = False,
        **_: Any,
    ) -> None:
        if not METRIC_NAME.match(metric):
            raise CommandError(f"--metric {metric!r} is no metric name: a-z first, then a-z, 0-9 and _.")
        if speed is not None and not 0 < speed < float("inf"):
            raise CommandError(f"--speed {speed:g} is not above 0.")
        if not 1 <= batch <= READINGS_LIMIT:
            raise CommandError(f"--batch {batch} is not between 1 and {READINGS_LIMIT}.")
        if mqtt and not settings.MQTT_ENABLED:
            raise CommandError("There is no MQTT broker: MQTT_BROKER is none and MQTT_URL is not set.")
        logging.getLogger("httpx").setLevel(logging.WARNING)  # or it tells of every request
        rows = self._read(file)
        midnight = timezone.now().astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        shift = shift_to_end_before(rows, midnight) if at == "shifted" else 0
        before = signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C
        try:
            way = MQTT if mqtt else url
            self._replay_as(_find(device), rows, metric, way=way, shift=shift, speed=speed, batch=batch)
        except DatabaseError as error:
            raise CommandError(f"The database is not ready: {error}") from None
        except KeyboardInterrupt:
            raise CommandError("Stopped.", returncode=INTERRUPTED) from None
        finally:
            signal.signal(signal.SIGTERM, before)

    def _read(self, file: Path) -> list[Row]:
        rows: list[Row] = []
        bad: list[BadRow] = []
        try:
            with file.open(encoding="utf-8-sig", errors="replace", newline="") as lines:
                for row in read_recording(lines):
                    if isinstance(row, BadRow):
                        bad.append(row)
                    else:
                        rows.append(row)
        except OSError as error:
            raise CommandError(f"{file} cannot be read: {error.strerror}.") from None
        except NotARecording as refusal:
            raise CommandError(f"{file} is no recording: {refusal}.") from None
        for row in bad[:BAD_ROWS_SHOWN]:
            self.stderr.write(f"{file}, line {row.line}: {row.reason}; left out")
        if len(bad) > BAD_ROWS_SHOWN:
            self.stderr.write(f"{file}: {len(bad) - BAD_ROWS_SHOWN} more lines left out")
        if not rows:
            raise CommandError(f"{file} holds no reading.")
        return rows

    def _replay_as(
        self,
        device: Device,
        rows: list[Row],
        metric: str,
        *,
        way: str,
        shift: int,
        speed: float | None,
        batch: int,
    ) -> None:
        """Sign in as the device for as long as it takes, send everything, and say what came of it."""
        tokens = TemporaryTokens([device], label="replay")
        batches = in_batches(rows, batch) if speed is None else in_their_time(rows, batch, speed=speed)
        tally = Tally()
        try:
            tokens.issue(at=timezone.now())
            with _replayer(
                way, device=device, metric=metric, tokens=tokens, shift=shift, batch=batch
            ) as replayer:
                tally = replayer.tally
                with tqdm(total=len(rows), unit=" readings", unit_scale=True, disable=None) as bar:
                    for part in batches:
                        replayer.send(part)
                        bar.update(len(part))
                    replayer.finish()
        except ReplayFailed as failure:
            where = f"broker at {broker_url()}" if way == MQTT else f"server at {way}"
            raise CommandError(f"The {where} {failure}.") from None
        finally:
            tokens.revoke(at=timezone.now())
            self._sum_up(tally, rows, device, shift)
        if tally.rejected == tally.sent:
            raise CommandError("The server took none of the readings.")

    def _sum_up(self, tally: Tally, rows: list[Row], device: Device, shift: int) -> None:
        if not tally.sent:
            return
        first = min(row.timestamp for row in rows) + shift
        last = max(row.timestamp for row in rows) + shift
        stored = Reading.objects.filter(device_id=device.pk, timestamp__range=(first, last)).count()
        self.stdout.write(
            f"Sent {tally.sent:,}: accepted {tally.accepted:,}, duplicates {tally.duplicates:,},"
            f" rejected {tally.rejected:,}."
        )
        for line, reason in tally.reasons:
            self.stdout.write(f"  line {line}: {reason}")
        if tally.rejected > len(tally.reasons):
            self.stdout.write(f"  and {tally.rejected - len(tally.reasons):,} more")
        self.stdout.write(
            f"{stored:,} readings of {device.external_id} are stored from {_words(first)} to {_words(last)} UTC."
        )


@contextmanager
def _replayer(way: str, *, batch: int, **what: Any) -> Iterator[Replayer | MqttReplayer]:
    """Over MQTT, or over HTTP to the server at `way`."""
    if way == MQTT:
        with MqttReplayer(batch=batch, **what) as replayer:
            yield replayer
    else:
        with httpx.Client(**client_options(way, connections=1)) as client:
            yield Replayer(client, **what)


def _find(reference: str) -> Device:
    found = find_device(reference)
    if found is None and reference.isascii() and reference.isdigit() and len(reference) < 19:
        found = find_device(int(reference))
    if found is None:
        raise CommandError(f"There is no device {reference!r}.")
    return found


def _words(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
