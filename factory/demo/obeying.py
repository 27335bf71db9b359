"""What a simulated device does when it is told to: it says so, takes its time, and says how it went."""

from collections import OrderedDict
from collections.abc import Mapping
from random import Random
from typing import Any

RESTART = "restart"
RESTART_SECONDS = 3.0
USUAL_SECONDS = 0.5
REMEMBERED = 200  # commands; one that comes again is not done again
FAILURES = ("the motor did not start", "the door is open", "no pressure", "timed out")

Answer = dict[str, Any]


class Obedience:
    """One device's; it outlives its connections."""

    def __init__(self, *, failures: float = 0.0, rng: Random) -> None:
        self._failures = failures
        self._rng = rng
        self._words: OrderedDict[int, Answer] = OrderedDict()  # the last word on each command
        self._doing: list[
            tuple[float, int, bool]
        ] = []  # when it is over, the command, whether it is a restart

    def take(self, command: Mapping[str, Any], *, now: float) -> Answer:
        """What is said of a command that has just come, maybe not for the first time."""
        number = command["id"]
        known = self._words.get(number)
        if known is not None:
            return known
        is_restart = command["name"] == RESTART
        self._doing.append((now + (RESTART_SECONDS if is_restart else USUAL_SECONDS), number, is_restart))
        return self._say({"id": number, "status": "acknowledged"})

    def due(self, now: float) -> list[Answer]:
        """What is said of commands that are over by now."""
        over = [doing for doing in self._doing if doing[0] <= now]
        self._doing = [doing for doing in self._doing if doing[0] > now]
        return [self._end(number) for _, number, _ in over]

    def is_restarting(self) -> bool:
        return any(is_restart for _, _, is_restart in self._doing)

    def _end(self, number: int) -> Answer:
        if self._rng.random() < self._failures:
            error = self._rng.choice(FAILURES)
            return self._say({"id": number, "status": "failed", "result": {"error": error}})
        return self._say({"id": number, "status": "succeeded"})

    def _say(self, word: Answer) -> Answer:
        self._words[word["id"]] = word
        self._words.move_to_end(word["id"])
        while len(self._words) > REMEMBERED:
            self._words.popitem(last=False)
        return word
