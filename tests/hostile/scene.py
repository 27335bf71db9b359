"""The plant that is attacked, and what is counted meanwhile."""

import json
import random
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.hostile import surfaces, talking
from tests.hostile.asking import CLOSED, WAITED, Answer, Ask, Sender, procedure
from tests.hostile.at_work import at_work
from tests.hostile.texts import PRODUCT, drawn
from tests.plant import Plant


@dataclass
class Row:
    """What one kind came to."""

    kind: str
    sent: int = 0
    refused: int = 0
    closed: int = 0
    harmless: int = 0
    failed: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    seconds: float = 0.0


@dataclass
class Report:
    rows: list[Row] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    grown: int = 0  # bytes, the peak of the server's memory
    inert: dict[str, int] = field(
        default_factory=dict
    )  # where texts were found again: how many, all of them inert


class Scene:
    """The plant with its keys, and what is counted while it is attacked."""

    def __init__(
        self, plant: Plant, keys: dict[str, Any], seed: int, count: int | None, say: Callable[[str], None]
    ) -> None:
        self.plant, self.keys, self.seed, self.count = plant, keys, seed, count
        self.sender = Sender(plant.url)
        self.report, self.say = Report(), say
        self.secrets = (keys["secret_key"], keys["password"], "root:x:0:0")

    def attack(self, kind: str, asks: Iterable[Ask]) -> None:
        row, began = Row(kind), time.monotonic()
        for ask in asks:
            self._judge(row, ask, self.sender.send(ask))
        row.seconds = time.monotonic() - began
        self._end(row)

    def _judge(self, row: Row, ask: Ask, answer: Answer) -> None:
        row.sent += 1
        row.statuses[answer.status] += 1
        is_judged = ask.inert and (answer.status < 400 or ask.raw is not None)
        wrong = ask.inert(answer) if is_judged and ask.inert else ""
        if answer.status >= 500:
            row.failed += 1
            wrong = "a failure of ours"
        elif ask.status and answer.status not in ask.status:
            wrong = f"not {ask.status}"
        elif answer.status in (CLOSED, WAITED):
            row.closed += 1
        elif answer.status >= 400 or (ask.says_no and not wrong):
            row.refused += 1
        else:
            row.harmless += 1
        if any(secret in answer.text for secret in self.secrets):
            wrong = "a secret was told"
        if PRODUCT in answer.text:
            wrong = "a template was worked out"
        if "html" in answer.headers.get("Content-Type", ""):
            wrong = wrong or "; ".join(at_work(answer.text))
        if wrong:
            self.blame(
                f"{row.kind}: {ask.surface} {ask.text[:80]!r}: {answer.status}, {wrong}: {answer.text[:300]}"
            )

    def heard(self, kind: str, told: Sequence[talking.Told], seconds: float) -> None:
        refused = [each for each in told if each.refused]
        self._end(Row(kind, len(told), len(refused), seconds=seconds))
        self.blame(*(f"{kind}: {each.name}: {each.how}" for each in told if not each.refused))

    def blame(self, *problems: str) -> None:
        """Said at once: what comes later may not come."""
        self.report.problems += problems
        for problem in problems:
            self.say(f"PROBLEM: {problem}")

    def _end(self, row: Row) -> None:
        self.report.rows.append(row)
        self.say(f"{row.kind}: {row.sent} sent, {dict(sorted(row.statuses.items()))}, {row.seconds:.1f} s")

    def texts(self, pool: Sequence[str], salt: str) -> list[Ask]:
        """Every text that can be put anywhere; or so many of them, of other places with each seed."""
        rng = random.Random(f"{self.seed} {salt}")
        document = json.loads(self.sender.send(Ask("", "/api/schema")).body)
        slots = [*surfaces.procedures(document, self.keys), *surfaces.pages(self.keys)]
        if self.count is not None and self.count < len(slots):
            slots = rng.sample(slots, self.count)
        return [
            _with_judge(slot, text) for slot, text in zip(slots, drawn(pool, rng, len(slots)), strict=True)
        ]

    def rng(self, salt: str) -> random.Random:
        return random.Random(f"{self.seed} {salt}")

    def get(self, path: str) -> Answer:
        return self.sender.send(
            Ask(path, path, headers=(("Cookie", f"app_session_id={self.keys['admin']}"),))
        )

    def call(self, kind: str, path: str, value: Any) -> Any:
        answer = self.sender.send(procedure(kind, path, value, token=self.keys["admin"]))
        assert answer.status == 200, answer.text
        return answer.data


def _with_judge(slot: surfaces.Slot, text: str) -> Ask:
    ask = slot.ask(text)

    def look(answer: Answer) -> str:
        found = answer.data
        if slot.finds and isinstance(found, list) and found:
            return "it found something"
        if isinstance(found, dict) and slot.member in found and isinstance(found[slot.member], str):
            return "" if found[slot.member] == text.strip() else f"kept as {found[slot.member]!r}"
        return ""

    return Ask(ask.surface, ask.path, ask.method, ask.headers, ask.body, text=text, inert=look)


def table(report: Report) -> str:
    lines = [
        "| Kind | Sent | Refused (4xx) | Closed | Taken as harmless text | 5xx | Seconds |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    lines += [
        f"| {r.kind} | {r.sent} | {r.refused} | {r.closed} | {r.harmless} | {r.failed} | {r.seconds:.1f} |"
        for r in report.rows
    ]
    return "\n".join(lines)
