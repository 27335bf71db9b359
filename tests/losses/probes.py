"""What people and devices do all the while, each in a thread of its own: how often it worked, and how long it took."""

import io
import json
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import httpx
from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

PATIENCE = 40.0  # longer than any answer of ours may take
PAUSE = 1.0


@dataclass
class Tries:
    """(began, took, whether it worked), in order, and what was said when it did not."""

    rows: list[tuple[float, float, bool]] = field(default_factory=list)
    words: list[tuple[float, str]] = field(default_factory=list)

    def between(self, begin: float, end: float) -> list[tuple[float, float, bool]]:
        return [row for row in self.rows if begin <= row[0] < end]

    def told(self, begin: float, end: float) -> str:
        """'58 of 60, at most 0.3 s' for what was begun in that time."""
        rows = self.between(begin, end)
        if not rows:
            return "not tried"
        worked, longest = sum(ok for _, _, ok in rows), max(took for _, took, _ in rows)
        return f"{worked} of {len(rows)}, at most {longest:.1f} s"


class Probe:
    """Does one thing again and again until it is stopped. `work` raises, or says what was wrong."""

    def __init__(self, name: str, work: Callable[[httpx.Client], str]) -> None:
        self.name, self._work = name, work
        self.tries = Tries()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(PATIENCE + 5)

    def _run(self) -> None:
        with httpx.Client(timeout=PATIENCE, trust_env=False) as client:
            while not self._stop.wait(PAUSE):
                began = time.monotonic()
                try:
                    wrong = self._work(client)
                except httpx.HTTPError as error:
                    wrong = type(error).__name__
                self.tries.rows.append((began, time.monotonic() - began, not wrong))
                if wrong:
                    self.tries.words.append((began, wrong))


def things_done(url: str, admin: str, device_ids: Sequence[int]) -> list[Probe]:
    """As the admin, at the server of processes."""
    bearer = {"authorization": f"Bearer {admin}"}

    def wrong(response: httpx.Response) -> str:
        return "" if response.status_code == 200 else str(response.status_code)

    def sign_in(client: httpx.Client) -> str:
        client.cookies.clear()  # with a session of before, the browser would have to say its origin
        return post(client, "auth.login", who, {})

    def post(client: httpx.Client, procedure: str, body: dict, headers: dict[str, str] = bearer) -> str:
        return wrong(client.post(f"{url}/api/trpc/{procedure}", json=body, headers=headers))

    def export(client: httpx.Client) -> str:
        now = int(time.time() * 1000)
        asked = {"deviceId": device_ids[0], "startTime": now - 60_000, "endTime": now}
        return wrong(
            client.get(
                f"{url}/api/trpc/readings.exportCsv", params={"input": json.dumps(asked)}, headers=bearer
            )
        )

    def firmware(client: httpx.Client) -> str:
        answer = client.get(f"{url}/api/firmware/1/file", headers=bearer, follow_redirects=True)
        return wrong(answer) or ("" if len(answer.content) == 8 * 8192 else "cut short")

    def upload(client: httpx.Client) -> str:
        number = time.time_ns() // 1_000_000
        fields = {"version": f"1.{number // 100_000}.{number % 100_000}", "deviceType": "sensor"}
        file = {"file": ("firmware.bin", io.BytesIO(str(number).encode() * 100), "application/octet-stream")}
        return wrong(client.post(f"{url}/api/trpc/firmware.create", data=fields, files=file, headers=bearer))

    who = {"email": "boss@example.com", "password": "seven wooden ladders"}
    return [
        Probe("pages", lambda c: wrong(c.get(f"{url}/overview/now", cookies={"app_session_id": admin}))),
        Probe("sign-in", sign_in),
        Probe("export", export),
        Probe("firmware down", firmware),
        Probe("firmware up", upload),
        Probe(
            "commands",
            lambda c: post(
                c, "commands.send", {"deviceId": device_ids[0], "name": "restart", "parameters": {}}
            ),
        ),
    ]


class Ready:
    """Asks for readiness twice a second. `said` is (when, took, status, names)."""

    def __init__(self, url: str) -> None:
        self._url = f"{url}/health/ready"
        self.said: list[tuple[float, float, str, tuple[str, ...]]] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="ready", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(PATIENCE + 5)

    def is_ok(self) -> bool:
        return bool(self.said) and self.said[-1][2] == "200 ok"

    def _run(self) -> None:
        with httpx.Client(timeout=PATIENCE, trust_env=False) as client:
            while not self._stop.wait(0.5):
                began = time.monotonic()
                try:
                    answer = client.get(self._url)
                    status, down = answer.json()["status"], tuple(answer.json()["down"])
                    told = f"{answer.status_code} {status}"
                except (httpx.HTTPError, ValueError) as error:
                    told, down = type(error).__name__, ()
                self.said.append((began, time.monotonic() - began, told, down))


class Listening:
    """A dashboard's socket, which comes back when it is closed. `heard` is (when, type)."""

    def __init__(self, url: str, admin: str) -> None:
        self._url = url.replace("http", "ws") + "/ws"
        self._headers = {"Authorization": f"Bearer {admin}"}
        self.heard: list[tuple[float, str]] = []
        self.broken: list[tuple[float, str]] = []
        self.alerts: set[int] = set()  # the numbers of the steps that were told
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="socket", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(20)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                with connect(self._url, additional_headers=self._headers, proxy=None) as socket:
                    socket.send(json.dumps({"type": "subscribe", "channels": ["alerts", "readings"]}))
                    self._hear(socket)
            except (OSError, WebSocketException) as error:
                self.broken.append((time.monotonic(), type(error).__name__))
                self._stop.wait(1)

    def _hear(self, socket) -> None:
        while not self._stop.is_set():
            try:
                message = json.loads(socket.recv(timeout=1))
            except TimeoutError:
                continue
            self.heard.append((time.monotonic(), message["type"]))
            if message["type"] == "alert":
                self.alerts.add(message["data"]["seq"])

    def told(self, begin: float, end: float) -> str:
        count = sum(begin <= at < end for at, _ in self.heard)
        broken = sum(begin <= at < end for at, _ in self.broken)
        return f"{count} messages" + (f", broken {broken} x" if broken else "")
