"""`manage.py simulate`: the demo plant comes to life."""

import asyncio
import logging
import os
import signal
import threading
from collections.abc import Sequence
from datetime import datetime
from functools import partial
from itertools import islice
from random import Random
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError
from django.utils import timezone

from devices.models import Device
from factory.demo.crew import are_followed, explain_stops, unexplained
from factory.demo.history import Machine, catch_up, plant_time
from factory.demo.machines import Plant
from factory.demo.obeying import Obedience
from factory.demo.seeding import known_machines
from factory.demo.server import TemporaryTokens, close_connections, own_url
from factory.demo.simulator import Simulator
from factory.demo.talker import Switchboard, Talker
from factory.demo.updating import FAILURES, Updating, read_failures
from factory.live.mqtt_address import broker_address, broker_url
from telemetry.queries import latest_values

SHORTEST_INTERVAL = 1.0  # a device may send 100 requests a minute
PATIENCE_SECONDS = 1.8  # at the end, for revoking tokens; those that remain run out
LOOK_SECONDS, LOOKS = (
    5.0,
    120,
)  # the crew looks so often, and so many times, whether the workers know the past

logger = logging.getLogger(__name__)


class Command(BaseCommand):
    help = "Let the devices of seed_demo measure and send, until SIGTERM or SIGINT."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--url", default=own_url(), help="the server (default: %(default)s)")
        parser.add_argument("--devices", type=int, help="only the first so many")
        parser.add_argument("--interval", type=float, default=2.0, help="seconds between two readings")
        parser.add_argument("--seed", type=int, default=7, help="of what goes wrong with the machines")
        parser.add_argument("--speed", type=float, default=1.0, help="how fast the machines live")
        parser.add_argument(
            "--mqtt", action="store_true", help="all of them speak MQTT, to the broker set up"
        )
        parser.add_argument(
            "--mqtt-share", type=float, default=0.0, help="this part of them does, 0 to 1 (default: none)"
        )
        parser.add_argument(
            "--command-failures", type=float, default=0.0, help="this part of all commands fails, 0 to 1"
        )
        parser.add_argument(
            "--ota-failures",
            default="",
            help=f"how updates fail, and which part, as in bad-checksum=0.1,silent=0.02; of {', '.join(FAILURES)}",
        )
        parser.add_argument(
            "--ota-public-key",
            action="append",
            default=[],
            help="take only versions signed by this key, Ed25519 in base64; may be given several times",
        )

    def handle(
        self,
        *,
        url: str,
        devices: int | None,
        interval: float,
        seed: int,
        speed: float,
        mqtt: bool,
        mqtt_share: float,
        command_failures: float,
        ota_failures: str = "",
        ota_public_key: Sequence[str] = (),
        **options: Any,
    ) -> None:
        if not SHORTEST_INTERVAL <= interval <= 3600:
            raise CommandError(f"--interval {interval:g} is not between {SHORTEST_INTERVAL:g} and 3600 s.")
        if not 0 < speed <= 1000:
            raise CommandError(f"--speed {speed:g} is not between 0 and 1000.")
        if devices is not None and devices < 1:
            raise CommandError(f"--devices {devices} is not a number of devices.")
        share = 1.0 if mqtt else mqtt_share
        if not 0 <= share <= 1:
            raise CommandError(f"--mqtt-share {share:g} is not between 0 and 1.")
        if not 0 <= command_failures <= 1:
            raise CommandError(f"--command-failures {command_failures:g} is not between 0 and 1.")
        if share and not settings.MQTT_ENABLED:
            raise CommandError("There is no MQTT broker: MQTT_BROKER is none and MQTT_URL is not set.")
        try:
            shares = read_failures(ota_failures)
        except ValueError as error:
            raise CommandError(f"--ota-failures: {error}.") from None
        logging.getLogger("httpx").setLevel(logging.WARNING)  # or it tells of every request
        try:
            machines = list(islice(known_machines(), devices))
            if not machines:
                raise CommandError("There are no devices to simulate. Run manage.py seed_demo first.")
            chosen = [device for device, _ in machines]
            if speed == 1:  # otherwise nobody knows how far they are
                catch_up(machines, at=timezone.now())
            reported = latest_values(device_ids=[device.pk for device in chosen])
            tokens = TemporaryTokens(chosen, label="simulator")
            tokens.issue(at=timezone.now())
        except DatabaseError as error:
            raise CommandError(f"The database is not ready ({error}). Try manage.py migrate first.") from None
        obedience = {
            device.pk: Obedience(failures=command_failures, rng=Random(f"{seed} {device.external_id}"))
            for device in chosen
        }
        updating = {
            device.pk: Updating(
                device.firmware_version or "1.0.0",
                failures=shares,
                public_keys=ota_public_key,
                rng=Random(f"{seed} update of {device.external_id}"),
            )
            for device in chosen
        }
        talkers = _talkers(chosen, tokens, obedience, updating, share=share)
        words = f", {len(talkers)} of them over MQTT to {broker_url()}" if talkers else ""
        self.stdout.write(f"{len(chosen)} devices report every {interval:g} s to {url}{words}")
        self.stdout.flush()
        now = plant_time(timezone.now())
        plant = Plant(
            [schedule for _, schedule in machines],
            at=now,
            rng=Random(seed),
            reported=[_values(reported.get(device.pk, {})) for device in chosen],
        )
        try:
            with Switchboard(talkers.values()), Crew(machines):
                asyncio.run(
                    _live(
                        chosen,
                        tokens,
                        plant=plant,
                        began=now,
                        url=url,
                        interval=interval,
                        speed=speed,
                        talkers=talkers,
                        obedience={pk: one for pk, one in obedience.items() if pk not in talkers},
                        updating=updating,
                    )
                )
        finally:
            _revoke(tokens)


def _values(latest: dict[str, tuple[float, int]]) -> dict[str, float]:
    return {metric: value for metric, (value, _) in latest.items()}


def _talkers(
    devices: list[Device],
    tokens: TemporaryTokens,
    obedience: dict[int, Obedience],
    updating: dict[int, Updating],
    *,
    share: float,
) -> dict[int, Talker]:
    """Those that speak MQTT, evenly spread over all."""
    chosen = [device for place, device in enumerate(devices) if int((place + 1) * share) > int(place * share)]
    return {
        device.pk: Talker(
            device.external_id,
            broker=broker_address(),
            token=partial(tokens.__getitem__, device.pk),
            obedience=obedience[device.pk],
            updating=updating[device.pk],
        )
        for device in chosen
    }


async def _live(
    devices: list[Device],
    tokens: TemporaryTokens,
    *,
    plant: Plant,
    began: datetime,
    url: str,
    interval: float,
    speed: float,
    talkers: dict[int, Talker],
    obedience: dict[int, Obedience],
    updating: dict[int, Updating],
) -> None:
    simulator = Simulator(
        devices,
        plant=plant,
        tokens=tokens,
        url=url,
        interval=interval,
        speed=speed,
        began=began,
        talkers=talkers,
        obedience=obedience,
        updating=updating,
    )
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, _end, simulator)
    await simulator.run()


class Crew:
    """The thread on which people say why machines stood, once the workers know when they did."""

    def __init__(self, machines: Sequence[Machine]) -> None:
        self._machines = machines
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="crew", daemon=True)

    def __enter__(self) -> "Crew":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(PATIENCE_SECONDS)

    def _run(self) -> None:
        at = timezone.now()
        try:
            open_ = unexplained(self._machines, at=at)
            for _ in range(LOOKS if open_ else 0):
                if are_followed(open_, at=at):
                    explain_stops(open_, at=at, is_over=self._stop.is_set)
                    return
                if self._stop.wait(LOOK_SECONDS):
                    return
        except DatabaseError as error:
            logger.warning("simulate.stops_not_explained", extra={"error": str(error)})
        finally:
            close_connections()


def _end(simulator: Simulator) -> None:
    last_resort = threading.Timer(PATIENCE_SECONDS, os._exit, [0])  # a database that is away may hold us up
    last_resort.daemon = True
    last_resort.start()
    simulator.stop.set()


def _revoke(tokens: TemporaryTokens) -> None:
    try:
        tokens.revoke(at=timezone.now())
    except DatabaseError as error:
        logging.getLogger(__name__).warning("simulate.tokens_not_revoked", extra={"error": str(error)})
