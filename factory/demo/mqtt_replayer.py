"""Sending a recording over MQTT as its device would, until every row has been answered."""

import threading
import time
from collections.abc import Sequence
from typing import Any

from django.utils import timezone

from devices.models import Device
from factory.demo.recording import Row
from factory.demo.replayer import PATIENCE_SECONDS, ReplayFailed, Tally
from factory.demo.server import TemporaryTokens
from factory.demo.talker import WINDOW, Reading, Switchboard, Talker, listens
from factory.live.mqtt_address import broker_address

EVERYTHING = 10**9  # readings that may wait: nothing of a recording is dropped


class MqttReplayer:
    """As `Replayer`, but what is sent is answered later: `finish` waits for all of it."""

    def __init__(
        self, *, device: Device, metric: str, tokens: TemporaryTokens, shift: int, batch: int
    ) -> None:
        self._metric = metric
        self._tokens = tokens
        self._shift = shift
        self._room = WINDOW * batch
        self._rows: dict[int, Row] = {}  # not answered yet, by the identity of their reading
        self._answered = threading.Condition()
        self._heard_at = time.monotonic()
        self._talker = Talker(
            device.external_id,
            broker=broker_address(),
            token=lambda: tokens[device.pk],
            told=self._hear,
            most_kept=EVERYTHING,
            batch=batch,
        )
        self._board = Switchboard([self._talker])
        self.tally = Tally()

    def __enter__(self) -> "MqttReplayer":
        if not listens(broker_address()):
            raise ReplayFailed("does not answer")
        self._board.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._board.__exit__()

    def send(self, rows: Sequence[Row]) -> None:
        """Hand over a batch; waits while too much is unanswered."""
        if self._tokens.is_due(at=timezone.now()):
            self._tokens.issue(at=timezone.now())
        readings = [self._reading(row) for row in rows]
        with self._answered:
            self._rows.update({id(reading): row for reading, row in zip(readings, rows, strict=True)})
        self._talker.hand_in(readings)
        self._wait_until_at_most(self._room)

    def finish(self) -> None:
        self._wait_until_at_most(0)

    def _reading(self, row: Row) -> Reading:
        return {"timestamp": row.timestamp + self._shift, "data": {self._metric: row.value}}

    def _wait_until_at_most(self, unanswered: int) -> None:
        self._heard_at = max(self._heard_at, time.monotonic() - 1.0)
        with self._answered:
            while len(self._rows) > unanswered:
                self._answered.wait(1.0)
                if time.monotonic() - self._heard_at > PATIENCE_SECONDS:
                    trouble = self._talker.trouble
                    why = f"does not let us in ({trouble})" if trouble else "has brought no answer"
                    raise ReplayFailed(f"{why}; given up after {PATIENCE_SECONDS:.0f} s")

    def _hear(self, readings: Sequence[Reading], answer: dict[str, Any]) -> None:
        with self._answered:
            rows = [self._rows.pop(id(reading)) for reading in readings]
            self.tally.sent += len(rows)
            self.tally.accepted += answer["accepted"]
            self.tally.duplicates += answer["duplicates"]
            for rejection in answer["rejected"]:
                self.tally.reject(rows[rejection["index"]], rejection["reason"])
            self._heard_at = time.monotonic()
            self._answered.notify_all()
