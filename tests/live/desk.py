"""A desk without a connection: it remembers what it was told, and time passes when the test says so."""

from collections import deque
from heapq import heappop, heappush
from itertools import count

import orjson

from factory.live.topics import Message
from tests.services import wait_until


class Counter:
    def __init__(self):
        self.connection = 1
        self.finished, self.refused, self.said = [], [], []
        self.kept = {}
        self.connected = self.takes = True  # whether a broker is there, and acknowledges what it is told
        self.calls, self.timers, self.numbers = deque(), [], count(1)

    def message(self, device, body, *, topic="readings", retained=False):
        payload = body if isinstance(body, bytes) else orjson.dumps(body)
        return Message(device, topic, payload, retained, next(self.numbers), self.connection)

    # What a desk does

    def call(self, work):
        self.calls.append(work)

    def later(self, seconds, work):
        heappush(self.timers, (seconds, next(self.numbers), work))

    def is_current(self, message):
        return message.connection == self.connection

    def finish(self, messages):
        self.finished += messages

    def refuse(self, message, reason):
        self.refused.append((message, reason))

    def publish(self, device, topic, payload, *, retain=False):
        self.said.append((device, topic, orjson.loads(payload) if payload else None))
        if retain:
            self.kept[device, topic] = payload

    def is_connected(self):
        return self.connected

    def when_taken(self, work):
        if self.takes:
            work()

    # What a test does

    def turn(self):
        """Do what was asked for; whether there was anything."""
        had = bool(self.calls)
        while self.calls:
            self.calls.popleft()()
        return had

    def pass_time(self):
        """The next timer is due."""
        heappop(self.timers)[2]()

    def work_until(self, is_enough, what="the end"):
        def look():
            self.turn()
            return is_enough()

        wait_until(look, what=what)

    def settle(self, messages):
        """Work until every one of these is finished or refused."""
        known = {id(message) for message in messages}
        self.work_until(
            lambda: known <= {id(message) for message in [*self.finished, *(m for m, _ in self.refused)]},
            what="an end for every message",
        )

    def answers(self, device):
        return [answer for name, topic, answer in self.said if name == device and topic == "readings/ack"]
