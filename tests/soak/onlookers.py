"""People: a few sockets that follow what a dashboard follows, and pages that are looked at all the time."""

import json
import threading
import time
import traceback
from collections import Counter
from collections.abc import Sequence

import httpx
from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

SOCKETS = 5
PAUSE_SECONDS = 2.0
PAGES = ("/", "/overview/now", "/alerts/", "/devices/", "/health/ready", "/devices/{id}/")


class Onlookers:
    """`answers` counts what they were told."""

    def __init__(self, urls: Sequence[str], live: str, session: str, device_ids: Sequence[int]) -> None:
        self._urls, self._live, self._ids = urls, live, device_ids
        self._headers = {"Authorization": f"Bearer {session}"}
        self._session = session
        self._stop = threading.Event()
        self.answers: Counter[str] = Counter()
        self.complaints: list[str] = []
        works = [self._look, *[self._listen] * SOCKETS]
        self._threads = [threading.Thread(target=self._run, args=(work,), daemon=True) for work in works]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(40)

    def _run(self, work) -> None:
        try:
            work()
        except Exception:
            self.complaints.append(traceback.format_exc())

    def _look(self) -> None:
        cookies = {"app_session_id": self._session}
        with httpx.Client(timeout=35, trust_env=False, cookies=cookies) as client:
            turn = 0
            while not self._stop.wait(PAUSE_SECONDS):
                page = PAGES[turn % len(PAGES)].format(id=self._ids[turn % len(self._ids)])
                url = self._urls[turn % len(self._urls)]
                turn += 1
                try:
                    status = client.get(url + page).status_code
                except httpx.HTTPError as error:
                    self.answers[f"page {type(error).__name__}"] += 1
                    continue
                self.answers[f"page {status}"] += 1
                if status not in (200, 503):
                    self.complaints.append(f"{page}: {status}")

    def _listen(self) -> None:
        channels = ["alerts", "devices", "readings"]
        while not self._stop.is_set():
            try:
                with connect(self._live, additional_headers=self._headers, proxy=None) as socket:
                    socket.send(json.dumps({"type": "subscribe", "channels": channels, "batch": True}))
                    self._hear(socket)
            except (OSError, WebSocketException, TimeoutError) as error:
                self.answers[f"socket {type(error).__name__}"] += 1
                time.sleep(1)

    def _hear(self, socket) -> None:
        while not self._stop.is_set():
            try:
                self.answers[json.loads(socket.recv(timeout=5))["type"]] += 1
            except TimeoutError:
                self.answers["socket silent for 5 s"] += 1
