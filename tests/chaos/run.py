"""A whole run: a plant, its devices, the strikes, and the verdict."""

import contextlib
import random
import re
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from json import loads
from pathlib import Path
from statistics import median

from tests.chaos import verdict
from tests.chaos.measured import Device
from tests.chaos.senders import OverHttp, OverMqtt, Sender, now_ms
from tests.chaos.strikes import Hand, Strike, Stuck
from tests.chaos.units import Plant, left_over
from tests.chaos.watcher import Watcher

FINISH_SECONDS = 90.0


@dataclass
class Report:
    """What came of it. Without problems everything held."""

    seed: int
    strikes: list[Strike] = field(default_factory=list)
    acknowledged: int = 0
    answers: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)

    def killed(self) -> Counter[str]:
        return Counter(name for strike in self.strikes for name in strike.names)

    def recoveries(self) -> str:
        """For each kind that was killed alone: how often, and the median and the longest recovery."""
        times: dict[str, list[float]] = {}
        for strike in self.strikes:
            if strike.recovery is not None:
                kind = re.sub(r"ingest-. \((\w+)\)", r"\1 ingest", " + ".join(strike.names))
                times.setdefault(kind if len(strike.names) == 1 else "two at once", []).append(
                    strike.recovery
                )
        return "; ".join(
            f"{kind} {len(took)} x, {median(took):.1f} s, at most {max(took):.1f} s"
            for kind, took in sorted(times.items())
        )


def run(
    *, seed: int, seconds: float, devices: int, rate: float, say: Callable[[str], None], keep: bool = False
) -> Report:
    """Everything is decided by `seed` but what the machine's own clock decides."""
    report = Report(seed)
    rng = random.Random(seed)
    say(
        f"seed {seed}: {devices} devices of {rate:g} readings a second, half over MQTT; {seconds:.0f} s of kills"
    )
    with _folder(keep, say) as folder:
        began = time.monotonic()
        plant = Plant(folder, rng)
        try:
            told = loads(plant.start(devices))
            say(f"the plant is up after {time.monotonic() - began:.1f} s")
            _suffer(plant, told, rng, report, seconds=seconds, rate=rate, say=say)
        except Exception:
            say(plant.last_words(*plant.units))
            raise
        finally:
            plant.close()
            rest = left_over(folder)
            if rest:
                report.problems.append(f"processes were left: {rest}")
        tell_of_surprises(folder, say)
    return report


@contextlib.contextmanager
def _folder(keep: bool, say: Callable[[str], None]) -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="factory-chaos-"))
    try:
        yield path
    finally:
        if keep:
            say(f"kept: {path}")
        else:
            shutil.rmtree(path, ignore_errors=True)


def _suffer(
    plant: Plant,
    told: dict,
    rng: random.Random,
    report: Report,
    *,
    seconds: float,
    rate: float,
    say: Callable[[str], None],
) -> None:
    began = time.monotonic()
    senders: list[Sender] = []
    for number, each in enumerate(told["devices"]):
        device = Device(**each, rate=rate, seed=rng.randrange(2**32), now=now_ms())
        senders.append(OverMqtt(device, plant.mqtt_port) if number % 2 else OverHttp(device, plant.urls))
    watcher = Watcher(plant.urls, told["admin"], [s.device for s in senders], rng.randrange(2**32))
    hand = Hand(plant, senders, rng, say, strikes=report.strikes)
    try:
        watcher.start()
        for sender in senders:
            sender.start()
        hand.strike_for(seconds)
        bring_home(plant, senders, say)
    except Stuck as stuck:
        say(plant.last_words(*plant.units))
        report.problems.append(str(stuck))
    finally:
        for sender in senders:
            sender.stop()
        watcher.stop()
        for each in (*senders, watcher):
            report.answers += each.answers
            report.problems += each.complaints
        report.problems += plant.complaints
    report.acknowledged = sum(len(sender.device.acknowledged) for sender in senders)
    took = time.monotonic() - began
    say(f"{report.acknowledged:,} readings acknowledged, {report.acknowledged / took:.0f} a second")
    report.problems += judge(plant, told["admin"], [sender.device for sender in senders], say)


def bring_home(plant: Plant, senders: list[Sender], say: Callable[[str], None]) -> None:
    """Nothing is killed any more; all that is unanswered is sent until it is answered."""
    began = time.monotonic()
    plant.wait_up(*plant.units)
    # So that the last readings are not rolled up yet.
    for name in {"beat", "worker", "rollups"} & plant.units.keys():
        plant.units[name].stop()
    for sender in senders:
        sender.finish()
    while not all(sender.is_done() for sender in senders):
        plant.look_after()
        if time.monotonic() - began > FINISH_SECONDS:
            late = [(s.device.name, len(s.device.sent) - len(s.device.acknowledged)) for s in senders]
            raise Stuck(f"not everything was acknowledged within {FINISH_SECONDS:.0f} s: {late}")
        time.sleep(0.02)
    say(f"the rest was acknowledged within {time.monotonic() - began:.1f} s")


def judge(plant: Plant, admin: str, devices: list[Device], say: Callable[[str], None]) -> list[str]:
    """The problems, each in words."""
    began = time.monotonic()
    plant.wait_up(*(name for name in plant.units if not plant.units[name].is_stopped))
    with (
        contextlib.closing(verdict.Database(plant.db_port)) as database,
        contextlib.closing(verdict.Asking(plant.urls[0], admin)) as asking,
    ):
        problems = [
            *verdict.problems_with_readings(database, devices),
            *verdict.problems_with_the_latest(database, devices, asking),
            *verdict.problems_with_alerts(database, devices),
        ]
        slow = verdict.Slow(devices)
        dirty, behind = verdict.has_tail(database)
        say(f"asked with {dirty} dirty quarters, {behind} devices past their watermarks")
        if not dirty or not behind:
            problems.append("there was nothing dirty to ask about: the test is not what it was meant to be")
        problems += verdict.problems_with_aggregates(asking, slow, "with a dirty tail")
        plant.units["worker"].start()
        verdict.drain(plant, database)
        problems += verdict.problems_with_rollups(database, slow)
        problems += verdict.problems_with_aggregates(asking, slow, "rolled up")
    say(f"judged in {time.monotonic() - began:.1f} s")
    return problems


def tell_of_surprises(folder: Path, say: Callable[[str], None]) -> None:
    """What the processes called errors, for a look: with so much dying, most of it is to be expected."""
    for log in sorted((folder / "logs").glob("*.log")):
        text = log.read_text(errors="replace")
        errors = Counter(re.findall(r" ERROR +\S+ (\S+)", text))
        last_lines = Counter(
            re.findall(r"^(?:[a-zA-Z_]+\.)*[A-Z]\w*(?:Error|Exception|Refused)\b.{0,90}", text, re.M)
        )
        if errors or last_lines:
            say(f"{log.stem}: {dict(errors)} {dict(last_lines.most_common(8))}")
