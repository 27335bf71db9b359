"""Sending a recording through `readings.create`, in the order of the file, until every row has an answer."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx
from django.utils import timezone

from devices.models import Device
from factory.demo.recording import Row
from factory.demo.server import CREATE, TemporaryTokens, reason_in, wait_asked_for

PATIENCE_SECONDS = 120.0  # without an answer; what has been acknowledged until then stays
FIRST_WAIT, LONGEST_WAIT = 1.0, 10.0
SHORTEST_GAP = 1.0  # between two requests of a paced replay: a device may send 100 a minute
REASONS_KEPT = 10


class ReplayFailed(Exception):
    """It cannot go on; the message says why."""


@dataclass(slots=True)
class Tally:
    """What became of the rows so far."""

    sent: int = 0
    accepted: int = 0
    duplicates: int = 0
    rejected: int = 0
    reasons: list[tuple[int, str]] = field(default_factory=list)  # the first few: line and why

    def reject(self, row: Row, reason: str) -> None:
        self.rejected += 1
        if len(self.reasons) < REASONS_KEPT:
            self.reasons.append((row.line, reason))


class Replayer:
    """Sends batches of rows as readings of one device and keeps the tally."""

    def __init__(
        self, client: httpx.Client, *, device: Device, metric: str, tokens: TemporaryTokens, shift: int
    ) -> None:
        self._client = client
        self._device = device
        self._metric = metric
        self._tokens = tokens
        self._shift = shift
        self.tally = Tally()

    def send(self, rows: Sequence[Row]) -> None:
        """Send one batch and wait for its answer, however often the server says "not now"."""
        body = {"readings": [self._reading(row) for row in rows]}
        give_up, wait, refused = time.monotonic() + PATIENCE_SECONDS, FIRST_WAIT, False
        while True:
            if self._tokens.is_due(at=timezone.now()):
                self._tokens.issue(at=timezone.now())
            bearer = {"authorization": f"Bearer {self._tokens[self._device.pk]}"}
            asked = 0.0
            try:
                response = self._client.post(CREATE, json=body, headers=bearer)
            except httpx.HTTPError as error:
                why = f"does not answer ({error or type(error).__name__})"
                if not self.tally.sent:
                    raise ReplayFailed(why) from None
            else:
                if response.status_code in {200, 400}:
                    self._count(rows, response)
                    return
                why = f"refuses: {reason_in(response)}"
                if response.status_code == 401 and not refused:
                    refused = True
                    if self._tokens.issue(at=timezone.now()):
                        raise ReplayFailed("refuses: the device has been deleted")
                    continue
                if response.status_code != 429 and response.status_code < 500:
                    raise ReplayFailed(why)
                asked = wait_asked_for(response, otherwise=0.0)
            pause = max(asked, wait)
            if time.monotonic() + pause > give_up:
                raise ReplayFailed(f"{why}; given up after {PATIENCE_SECONDS:.0f} s")
            time.sleep(pause)
            wait = min(wait * 2, LONGEST_WAIT)

    def finish(self) -> None:
        """Everything that was sent has been answered already."""

    def _reading(self, row: Row) -> dict[str, Any]:
        return {"timestamp": row.timestamp + self._shift, "data": {self._metric: row.value}}

    def _count(self, rows: Sequence[Row], response: httpx.Response) -> None:
        self.tally.sent += len(rows)
        if response.status_code == 200:
            answer = response.json()["result"]["data"]
            self.tally.accepted += answer["accepted"]
            self.tally.duplicates += answer["duplicates"]
            for rejection in answer["rejected"]:
                self.tally.reject(rows[rejection["index"]], rejection["reason"])
            return
        told = response.json()["error"]["data"].get("fieldErrors", {})
        for place, row in enumerate(rows):
            reasons = told.get(f"readings.{place}") or [reason_in(response)]
            self.tally.reject(row, reasons[0])


def in_batches(rows: Sequence[Row], size: int) -> Iterator[Sequence[Row]]:
    """As fast as it goes."""
    for start in range(0, len(rows), size):
        yield rows[start : start + size]


def in_their_time(
    rows: Sequence[Row],
    size: int,
    *,
    speed: float,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], object] = time.sleep,
) -> Iterator[Sequence[Row]]:
    """Each row when its time has come, `speed` times as fast as it was measured.

    Rows that come due within a second go together; one whose clock stepped back is due at once.
    """
    began, first = clock(), rows[0].timestamp
    start = 0
    while start < len(rows):
        due = began + (rows[start].timestamp - first) / 1000 / speed
        if due > clock():
            sleep(due - clock())
        horizon = clock() + SHORTEST_GAP
        end = start + 1
        while (
            end < len(rows)
            and end - start < size
            and began + (rows[end].timestamp - first) / 1000 / speed <= horizon
        ):
            end += 1
        sent_at = clock()
        yield rows[start:end]
        if end < len(rows) and clock() - sent_at < SHORTEST_GAP:
            sleep(SHORTEST_GAP - (clock() - sent_at))
        start = end
