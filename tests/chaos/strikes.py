"""Kill -9 at random moments, and how long it took until every device was served again."""

import os
import random
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from tests.chaos.senders import Sender
from tests.chaos.units import Plant

# The first strikes are dealt from these, so that the shortest run has killed each of them; then comes the whole deck.
FIRST = ("web", "active ingest", "active ingest", "mariadb", "mariadb", "redis", "mosquitto", "worker")
DECK = (
    *("granian", "a worker of granian", "serve", "active ingest", "active ingest", "standby ingest"),
    *("mariadb", "mariadb", "redis", "mosquitto", "mosquitto"),
    *("worker", "rollups", "beat", "credentials", "everything"),
)
RECOVERY_SECONDS = 60.0  # after which a plant that is left alone counts as stuck
CRASH_LOOP_SECONDS = 7.0  # granian ends when a worker does that it started less than 5.5 s ago
LONG_OUTAGE_SECONDS = 15.0  # longer than anybody waits for the database


class Stuck(Exception):
    """Nothing is killed any more, and somebody is not served."""


@dataclass
class Strike:
    """What was killed and when; the recovery is None where the next strike came before it."""

    at: float
    names: list[str]
    recovery: float | None = None


@dataclass
class Hand:
    """It strikes. What, and after what pause, follows from the random numbers; the rest is the processes' doing."""

    plant: Plant
    senders: Sequence[Sender]
    rng: random.Random
    say: Callable[[str], None]
    strikes: list[Strike] = field(default_factory=list)
    _began: float = field(default_factory=time.monotonic)
    _deck: list[str] = field(default_factory=list)
    _dealt: int = 0
    _worker_killed_at: float = float("-inf")

    def strike_for(self, seconds: float) -> None:
        self._began = time.monotonic()
        self._deck = self.rng.sample(FIRST, len(FIRST))
        while time.monotonic() - self._began < seconds or self._dealt < len(FIRST):
            strike = self._strike(is_long=seconds >= 120 and self.rng.random() < 0.05)
            if self.rng.random() < 0.3:
                self._wait(self.rng.uniform(0.1, 2.5))
                self._tell(strike, "struck again before it had recovered")
            else:
                self._wait_for_recovery(strike)
                self._wait(self.rng.uniform(0.0, 1.5))

    def _strike(self, *, is_long: bool) -> Strike:
        names = [self._deal() for _ in range(2 if self.rng.random() < 0.2 else 1)]
        strike = Strike(time.monotonic(), [])
        for name in names:
            pause = self.rng.uniform(1.0, LONG_OUTAGE_SECONDS) if is_long else self.rng.uniform(0.1, 1.5)
            strike.names.append(self._kill(name, pause))
        self.strikes.append(strike)
        return strike

    def _deal(self) -> str:
        if not self._deck:
            self._deck = self.rng.sample(DECK, len(DECK))
        self._dealt += 1
        return self._deck.pop()

    def _kill(self, card: str, pause: float) -> str:
        """What exactly was killed."""
        if card == "a worker of granian":
            return self._kill_a_worker()
        if card == "everything":  # and it comes back in any order
            for unit in self.plant.units.values():
                unit.kill()
            for unit in self.plant.units.values():
                unit.start_at = time.monotonic() + self.rng.uniform(0.1, 3.0)
            return card
        if card.endswith(" ingest"):
            unit = self.plant.ingest(active=card == "active ingest")
        else:
            unit = self.plant.units[self.rng.choice(["granian", "serve"]) if card == "web" else card]
        unit.kill()
        unit.start_at = time.monotonic() + pause
        return f"{unit.name} ({card.split()[0]})" if card.endswith(" ingest") else unit.name

    def _kill_a_worker(self) -> str:
        """As when memory is short: its parent is left, and starts another one."""
        unit = self.plant.units["granian"]
        workers = unit.child_processes() if unit.is_up else []
        if not workers:
            return "no worker of granian, for there was none"
        now = time.monotonic()
        unit.may_end = now - self._worker_killed_at < CRASH_LOOP_SECONDS
        self._worker_killed_at = now
        os.kill(self.rng.choice(workers), signal.SIGKILL)
        return "a worker of granian"

    def _wait(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.plant.look_after()
            time.sleep(0.02)

    def _wait_for_recovery(self, strike: Strike) -> None:
        """Until every device has been answered something that it sent after the strike, and all is up again."""
        while True:
            self.plant.look_after()
            unserved = [sender.device.name for sender in self.senders if sender.answered_at <= strike.at]
            down = self.plant.down()
            took = time.monotonic() - strike.at
            if not unserved and strike.recovery is None:
                strike.recovery = took
            if strike.recovery is not None and not down:
                self._tell(strike, f"all served after {strike.recovery:.1f} s, all up after {took:.1f} s")
                return
            if took > RECOVERY_SECONDS:
                self._tell(strike, "no recovery")
                raise Stuck(
                    f"{took:.0f} s after kill -9 of {strike.names} not served: {unserved}, not up: {down}"
                )
            time.sleep(0.02)

    def _tell(self, strike: Strike, outcome: str) -> None:
        stored = sum(len(sender.device.acknowledged) for sender in self.senders)
        sent = sum(len(sender.device.sent) for sender in self.senders)
        what = " + ".join(strike.names)
        self.say(
            f"{strike.at - self._began:7.1f} s  kill -9 {what}: {outcome}; {stored:,} of {sent:,} acknowledged"
        )
