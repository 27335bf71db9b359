"""A plant under load that loses one service at a time, and gets it back."""

import contextlib
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from factory import processes
from tests import services
from tests.chaos import verdict
from tests.chaos.measured import Device
from tests.chaos.senders import OverHttp, OverMqtt, Sender, now_ms
from tests.chaos.units import Plant, Unit
from tests.losses import forward
from tests.losses.probes import Listening, Probe, Ready, things_done

Say = Callable[[str], None]
SERVICES = {"redis": "redis", "broker": "mosquitto", "smtp": "smtp", "s3": "s3", "database": "mariadb"}
KINDS = ("killed", "hangs")
HEALED_SECONDS = 120.0
CALM_SECONDS = 8.0  # before each loss
DEVICES, RATE = 8, 10.0


@dataclass
class Loss:
    """What one loss did."""

    name: str
    kind: str
    seconds: float
    did: dict[str, str] = field(default_factory=dict)  # what: how it went while it was away
    readiness: str = ""
    ready_after: float | None = None  # seconds from the return until ready was ok
    served_after: float | None = None  # until every device was answered, and no message was due


@dataclass
class Report:
    losses: list[Loss] = field(default_factory=list)
    acknowledged: int = 0
    problems: list[str] = field(default_factory=list)


class Scene:
    """The plant, its devices and the probes."""

    def __init__(self, folder: Path, say: Say) -> None:
        self.say = say
        self.mails = folder / "mails"
        self.mails.mkdir()
        smtp, s3, behind = (services.free_port() for _ in range(3))
        self._behind = behind
        self.plant = plant = Plant(
            folder,
            random.Random(),
            EMAIL_URL=f"smtp://127.0.0.1:{smtp}",
            STORAGE_URL=f"s3://key:secret@127.0.0.1:{s3}/plant?region=us-east-1&tls=0",
            UPLOAD_DAY_MB="10000",
        )
        del plant.units["rollups"]
        self._first("s3", [sys.executable, "-I", forward.__file__, str(s3), str(behind)], s3)
        mail = [sys.executable, "-c", services.MAIL_SERVER, str(smtp), str(self.mails)]
        self._first("smtp", mail, smtp)

    def _first(self, name: str, argv: list[str], port: int) -> None:
        """A service, which is ended after ours."""
        unit = Unit(
            name,
            argv,
            log=self.plant.folder / "logs" / f"{name}.log",
            env=self.plant.env,
            ready=lambda: services.listens(port),
        )
        self.plant.units = {name: unit, **self.plant.units}

    @contextlib.contextmanager
    def running(self):
        plant = self.plant
        with services.s3(self._behind):
            try:
                for name in ("s3", "smtp"):
                    plant.units[name].start()
                plant.wait_up("s3", "smtp")
                told = json.loads(plant.start(DEVICES, "tests.losses.populate"))
                self._begin(told)
                yield told
            except BaseException:
                self.say(plant.last_words(*plant.units))
                raise
            finally:
                plant.close()

    def _begin(self, told: dict) -> None:
        plant, admin = self.plant, told["admin"]
        ids = [each["id"] for each in told["devices"]]
        self.senders: list[Sender] = []
        for number, each in enumerate(told["devices"]):
            device = Device(**each, rate=RATE, seed=number, now=now_ms())
            self.senders.append(
                OverMqtt(device, plant.mqtt_port) if number % 2 else OverHttp(device, plant.urls)
            )
        self.probes: list[Probe] = things_done(plant.urls[0], admin, ids)
        self.ready, self.socket = Ready(plant.urls[0]), Listening(plant.urls[1], admin)
        for each in (*self.senders, *self.probes, self.ready, self.socket):
            each.start()

    def wait(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.plant.look_after()
            time.sleep(0.05)

    def acknowledged(self, kind: type[Sender]) -> int:
        return sum(len(s.device.acknowledged) for s in self.senders if isinstance(s, kind))

    def messages_due(self) -> int:
        """To people; those that wait for quiet or for a retry count once they are due."""
        with contextlib.closing(verdict.Database(self.plant.db_port)) as database:
            ((due,),) = database.rows(
                "SELECT COUNT(*) FROM alerts_delivery"
                " WHERE status IN ('pending', 'sending') AND (held_for='' OR due_at<UTC_TIMESTAMP())"
            )
        return due

    def stop(self) -> None:
        for each in (*self.probes, self.ready, self.socket):
            each.stop()


def run(
    *, seconds: float, hang_seconds: float, only: Sequence[str], kinds: Sequence[str], say: Say
) -> Report:
    report = Report()
    folder = Path(tempfile.mkdtemp(prefix="factory-losses-"))
    try:
        scene = Scene(folder, say)
        with scene.running() as told:
            scene.wait(CALM_SECONDS)
            for name in only:
                for kind in kinds:
                    length = seconds if kind == "killed" else hang_seconds
                    report.losses.append(_lose(scene, Loss(name, kind, length), report))
            _judge(scene, told["admin"], report)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return report


def _lose(scene: Scene, loss: Loss, report: Report) -> Loss:
    scene.wait(CALM_SECONDS)
    unit = scene.plant.units[SERVICES[loss.name]]
    before = {kind: scene.acknowledged(kind) for kind in (OverHttp, OverMqtt)}
    mails = len(list(scene.mails.glob("*.eml")))
    began = time.monotonic()
    wall = time.time()
    _take_away(unit, loss.kind)
    scene.wait(loss.seconds)
    back = time.monotonic()
    loss.did = {
        "readings over HTTP": f"{scene.acknowledged(OverHttp) - before[OverHttp]}",
        "readings over MQTT": f"{scene.acknowledged(OverMqtt) - before[OverMqtt]}",
        "mails": f"{len(list(scene.mails.glob('*.eml'))) - mails}",
        "live socket": scene.socket.told(began, back),
    }
    _give_back(unit, loss.kind)
    _wait_until_healed(scene, loss, back, report)
    for probe in scene.probes:  # by now what was begun meanwhile has an answer
        loss.did[probe.name] = probe.tries.told(began, back)
    loss.readiness = _readiness(scene.ready, began, back)
    with contextlib.closing(verdict.Database(scene.plant.db_port)) as database:
        ((raised,),) = database.rows(
            "SELECT COUNT(*) FROM alerts_alertevent"
            " WHERE kind='opened' AND at BETWEEN FROM_UNIXTIME(%s) AND FROM_UNIXTIME(%s)",
            wall,
            wall + loss.seconds,
        )
    loss.did["alerts raised"] = str(raised)
    wrong = {word for probe in scene.probes for at, word in probe.tries.words if began <= at < back}
    scene.say(f"{loss.name} {loss.kind} {loss.seconds:.0f} s: {loss.did}; refusals {sorted(wrong)}")
    scene.say(f"   readiness after the return: {_readiness(scene.ready, back, time.monotonic())}")
    scene.say(f"   readiness: {loss.readiness}; ok {loss.ready_after}, healed {loss.served_after} s after")
    return loss


def _take_away(unit: Unit, kind: str) -> None:
    if kind == "killed":
        unit.kill()
        unit.is_stopped = True
    else:
        assert unit.child is not None
        processes.send(unit.child, signal.SIGSTOP)


def _give_back(unit: Unit, kind: str) -> None:
    if kind == "killed":
        unit.start()
    else:
        assert unit.child is not None
        processes.send(unit.child, signal.SIGCONT)


def _wait_until_healed(scene: Scene, loss: Loss, back: float, report: Report) -> None:
    scene.plant.wait_up(SERVICES[loss.name])
    while (took := time.monotonic() - back) < HEALED_SECONDS:
        scene.plant.look_after()
        if loss.ready_after is None and scene.ready.is_ok() and scene.ready.said[-1][0] > back:
            loss.ready_after = round(took, 1)
        served = all(sender.answered_at > back for sender in scene.senders)
        if loss.served_after is None and served and not scene.messages_due():
            loss.served_after = round(took, 1)
        if loss.ready_after is not None and loss.served_after is not None:
            return
        time.sleep(0.1)
    unserved = [s.device.name for s in scene.senders if s.answered_at <= back]
    report.problems.append(
        f"{loss.name} {loss.kind}: not healed after {HEALED_SECONDS:.0f} s; readiness {scene.ready.said[-1][2:]},"
        f" unserved {unserved}, {scene.messages_due()} messages due"
    )


def _readiness(ready: Ready, began: float, back: float) -> str:
    """What it said that was not `ok`, each with the seconds after which it was said first."""
    first: dict[str, float] = {}
    rows = [row for row in ready.said if began <= row[0] < back]
    for at, took, told, down in rows:
        words = f"{told} {', '.join(down)}".strip()
        if told != "200 ok":
            first.setdefault(words, at + took - began)
    said = "; ".join(f"`{words}` after {at:.1f} s" for words, at in first.items()) or "`200 ok` all the while"
    return (
        f"{said}; {len(rows)} answers, the slowest {max((took for _, took, _, _ in rows), default=0):.1f} s"
    )


def _judge(scene: Scene, admin: str, report: Report) -> None:
    """Nothing acknowledged is lost; every alert has its message, and the socket was told each step."""
    for sender in scene.senders:
        sender.finish()
    end = time.monotonic() + 90
    while not all(s.is_done() for s in scene.senders) and time.monotonic() < end:
        scene.plant.look_after()
        time.sleep(0.1)
    scene.wait(40)  # a heartbeat of the socket fills what it missed; the sweepers come by
    scene.stop()
    for sender in scene.senders:
        sender.stop()
    devices = [sender.device for sender in scene.senders]
    report.acknowledged = sum(len(device.acknowledged) for device in devices)
    with contextlib.closing(verdict.Database(scene.plant.db_port)) as database:
        report.problems += verdict.problems_with_readings(database, devices)
        report.problems += verdict.problems_with_alerts(database, devices)
        untold = database.rows(
            "SELECT d.status, COUNT(*) FROM alerts_alertevent AS e"
            " LEFT JOIN alerts_delivery AS d ON d.event_id=e.id"
            " WHERE e.kind='opened' GROUP BY d.status"
        )
        steps = {number for (number,) in database.rows("SELECT id FROM alerts_alertevent")}
    scene.say(f"messages of opened alerts: {dict(untold)}; steps of alerts {len(steps)}")
    report.problems += [
        f"{count} opened alerts have their message {status or 'nowhere'}"
        for status, count in untold
        if status not in {"sent", "skipped"}
    ]
    if missed := steps - scene.socket.alerts:
        scene.say(f"steps the socket was not told: {len(missed)}")
    report.problems += scene.plant.complaints
    report.problems += [complaint for sender in scene.senders for complaint in sender.complaints]


def table(report: Report) -> str:
    """Markdown: a table for each kind, a column for each service."""
    found = [[loss for loss in report.losses if loss.kind == kind] for kind in KINDS]
    return "\n\n".join(_table_of(losses) for losses in found if losses)


def _table_of(losses: list[Loss]) -> str:
    rows = list(dict.fromkeys(what for loss in losses for what in loss.did))
    heads = [f"{loss.name} {loss.kind}, {loss.seconds:.0f} s" for loss in losses]
    lines = ["| | " + " | ".join(heads) + " |", "| --- |" + " --- |" * len(heads)]
    for what in rows:
        lines.append(f"| {what} | " + " | ".join(loss.did.get(what, "") for loss in losses) + " |")
    lines.append("| readiness | " + " | ".join(loss.readiness for loss in losses) + " |")
    for what, value in (("ready again", "ready_after"), ("no backlog", "served_after")):
        cells = [getattr(loss, value) for loss in losses]
        lines.append(f"| {what} | " + " | ".join("NEVER" if c is None else f"{c} s" for c in cells) + " |")
    return "\n".join(lines)


def load() -> str:
    return " ".join(f"{each:.1f}" for each in os.getloadavg())
