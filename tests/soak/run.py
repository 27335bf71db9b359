"""A whole soak: a plant, its fleet, its onlookers, a sample a minute, and the verdict."""

import contextlib
import json
import os
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import redis

from tests import services
from tests.chaos.units import Plant
from tests.chaos.verdict import Database
from tests.soak.day import FASTER
from tests.soak.fleet import Device, Fleet
from tests.soak.onlookers import Onlookers
from tests.soak.sampling import Samples, held_by_group, problems, table

Say = Callable[[str], None]
OURS = ("granian", "serve", "ingest-a", "ingest-b", "worker", "messages", "beat", "credentials")
THEIRS = ("mariadb", "redis", "mosquitto")
PRESENT = 20  # devices that live in the present: their alerts are told of at once
HOT_EVERY = 300  # readings from one alert of a device to its next; twice as many for those that live the day
HOME_SECONDS = 90.0
QUEUED = 500  # tasks, or messages to people, that may wait at any sample


@dataclass
class Outcome:
    """Without problems it held."""

    samples: Samples = field(default_factory=Samples)
    backlog: list[dict[str, float]] = field(default_factory=list)
    acknowledged: int = 0
    problems: list[str] = field(default_factory=list)


def run(*, minutes: float, devices: int, every: float, say: Say) -> Outcome:
    outcome = Outcome()
    folder = Path(tempfile.mkdtemp(prefix="factory-soak-"))
    try:
        with services.smtp() as mailbox:
            plant = Plant(folder, random.Random(), EMAIL_URL=mailbox.url)
            try:
                _live(plant, mailbox, outcome, minutes=minutes, devices=devices, every=every, say=say)
            except Exception:
                say(plant.last_words(*plant.units))
                raise
            finally:
                plant.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return outcome


def _live(
    plant: Plant,
    mailbox: services.Mailbox,
    outcome: Outcome,
    *,
    minutes: float,
    devices: int,
    every: float,
    say: Say,
) -> None:
    del plant.units["rollups"]  # the worker's are enough
    plant.units["beat"].argv = [
        *(sys.executable, "-m", "celery", "--app=tests.soak.day", "--quiet", "beat", "--pidfile="),
        f"--schedule={plant.folder / 'data' / 'celerybeat-schedule'}",
    ]
    told = json.loads(plant.start(devices, "tests.soak.populate"))
    fleet = Fleet(_devices(told["devices"], minutes), plant.urls, plant.mqtt_port)
    live = plant.urls[1].replace("http", "ws") + "/ws"
    onlookers = Onlookers(plant.urls, live, told["admin"], [each["id"] for each in told["devices"]])
    database = Database(plant.db_port)
    fleet.start()
    onlookers.start()
    say(f"up with {devices} devices; {minutes:g} minutes, in which {minutes * FASTER / 60:.1f} hours pass")
    began = time.monotonic()
    with contextlib.closing(database):
        while (now := time.monotonic() - began) < minutes * 60:
            due = len(outcome.samples.rows) * every
            if now >= due:
                _sample(plant, database, fleet, mailbox, outcome, now, say)
            plant.look_after()
            time.sleep(0.2)
        fleet.bring_home(HOME_SECONDS)
        onlookers.stop()
        say(f"onlookers: {dict(onlookers.answers)}")
        outcome.problems += [*plant.complaints, *fleet.complaints, *onlookers.complaints[:10]]
        _wait_for_the_backlog(plant, database, outcome, say)
        outcome.problems += _verdict(database, fleet, outcome, mailbox, say)


def _devices(told: list[dict], minutes: float) -> list[Device]:
    """Most begin as long ago as the run will let pass, so that they arrive in the present at its end."""
    now = time.time_ns() // 1_000_000
    past = now - int(minutes * 60_000 * FASTER)
    hot_every = min(HOT_EVERY, int(minutes * 60 / 3))
    return [
        Device(
            **each,
            begin=now if (present := number < PRESENT) else past,
            step=1000 if present else 1000 * FASTER,
            hot_every=hot_every if present else 2 * hot_every + number,
        )
        for number, each in enumerate(told)
    ]


def _backlog(plant: Plant, database: Database) -> dict[str, float]:
    with redis.Redis.from_url(plant.env["REDIS_URL"]) as client:
        queued = {f"queue {name}": client.llen(name) for name in ("celery", "messages")}
        used = client.info("memory")["used_memory"] / 1e6
    (dirty,) = database.rows("SELECT COUNT(*) FROM telemetry_dirty")[0]
    (pending,) = database.rows(
        "SELECT COUNT(*) FROM alerts_delivery WHERE status IN ('pending', 'sending') AND due_at < UTC_TIMESTAMP()"
    )[0]
    return {**queued, "redis MB": used, "dirty quarters": dirty, "deliveries due": pending}


def _sample(
    plant: Plant,
    database: Database,
    fleet: Fleet,
    mailbox: services.Mailbox,
    outcome: Outcome,
    now: float,
    say: Say,
) -> None:
    held = {
        name: held_by_group(unit.child.pid)
        for name, unit in plant.units.items()
        if unit.child is not None and unit.child.poll() is None
    }
    outcome.samples.rows.append((now, held))
    backlog = {**_backlog(plant, database), "unanswered": fleet.pending}
    outcome.backlog.append(backlog)
    acknowledged = sum(device.acknowledged for device in fleet.devices)
    say(
        f"{now / 60:5.1f} min  load {os.getloadavg()[0]:.1f}  {acknowledged:,} acked, late {fleet.lag:.1f} s,"
        f" {fleet.tries_again} again, {len(list(mailbox.folder.glob('*.eml')))} mails  "
        + " ".join(f"{name}={each.mb:.0f}/{each.threads}/{each.files}" for name, each in held.items())
        + "  "
        + " ".join(f"{name}: {value:.0f}" for name, value in backlog.items())
    )


def _wait_for_the_backlog(plant: Plant, database: Database, outcome: Outcome, say: Say) -> None:
    """Once nothing more comes in, everything that waits is done."""
    began = time.monotonic()
    while time.monotonic() - began < HOME_SECONDS:
        rest = {name: value for name, value in _backlog(plant, database).items() if name != "redis MB"}
        if not any(rest.values()):
            say(f"no backlog any more after {time.monotonic() - began:.0f} s")
            return
        plant.look_after()
        time.sleep(1)
    outcome.problems.append(f"left undone after {HOME_SECONDS:.0f} s: {rest}")


def _verdict(
    database: Database, fleet: Fleet, outcome: Outcome, mailbox: services.Mailbox, say: Say
) -> list[str]:
    found = [*_wrong_readings(database, fleet), *problems(outcome.samples, (*OURS,))]
    outcome.acknowledged = sum(device.acknowledged for device in fleet.devices)
    highest = {name: max(row[name] for row in outcome.backlog) for name in outcome.backlog[0]}
    found += [
        f"{name}: {highest[name]:.0f} at once; {QUEUED} would be bounded"
        for name in ("queue celery", "queue messages", "deliveries due")
        if highest[name] > QUEUED
    ]
    if fleet.pending:
        found.append(f"{fleet.pending} messages were never answered")
    kinds = dict(database.rows("SELECT kind, COUNT(*) FROM alerts_alertevent GROUP BY kind"))
    deliveries = dict(database.rows("SELECT status, COUNT(*) FROM alerts_delivery GROUP BY status"))
    say(table(outcome.samples, (*OURS, *THEIRS)))
    say("highest: " + ", ".join(f"{name} {value:.0f}" for name, value in highest.items()))
    say(f"{outcome.acknowledged:,} readings acknowledged; steps of alerts {kinds}; deliveries {deliveries};")
    say(f"{len(mailbox.messages())} mails; {fleet.tries_again} messages sent again")
    if not kinds.get("opened") or not kinds.get("resolved"):
        found.append("no alert opened and ended: the test is not what it was meant to be")
    return found


def _wrong_readings(database: Database, fleet: Fleet) -> list[str]:
    """Every reading is there once: by device, how many there are and the sum of their times."""
    stored = {
        device_id: (count, int(times))
        for device_id, count, times in database.rows(
            "SELECT device_id, COUNT(*), SUM(timestamp) FROM telemetry_reading GROUP BY device_id"
        )
    }
    wrong = []
    for device in fleet.devices:
        sent = device.measured, sum(device.at(number) for number in range(device.measured))
        if stored.get(device.id) != sent:
            wrong.append(f"{device.name}: stored {stored.get(device.id)}, sent {sent}")
    return wrong[:10]
