"""One hostile request, and how it is sent: as it stands, since a client that tidies up would take the point away."""

import contextlib
import http.client
import json
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlsplit

CLOSED = 0  # instead of a status: the server ended the connection without a word
WAITED = 1  # it had nothing to say until the client was done: what was sent is no whole request
PATIENCE = 20.0
QUIET = 0.3


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", "replace")

    @property
    def data(self) -> Any:
        """What a procedure answered; None for whatever is no answer of one."""
        try:
            return json.loads(self.body)["result"]["data"]
        except (ValueError, KeyError, TypeError):
            return None


@dataclass(frozen=True)
class Ask:
    """`status`: the only right answers; without, a refusal or a harmless 2xx or 3xx, which `inert` judges."""

    surface: str
    path: str = "/"
    method: str = "GET"
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None
    raw: bytes | None = None  # all of the request; the rest is not looked at then
    status: tuple[int, ...] = ()
    text: str = ""  # what is hostile about it
    says_no: bool = False  # a 2xx that `inert` lets pass has refused what was in it, row by row
    inert: Callable[[Answer], str] | None = None  # what is wrong with a harmless answer, or nothing


def procedure(kind: str, path: str, value: Any, *, token: str = "", surface: str = "", **about: Any) -> Ask:
    """A call of a procedure."""
    headers = (("Authorization", f"Bearer {token}"),) if token else ()
    sent = json.dumps(value)
    if kind == "query":
        return Ask(surface or path, f"/api/trpc/{path}?input={quote(sent)}", headers=headers, **about)
    headers = (*headers, ("Content-Type", "application/json"))
    return Ask(surface or path, f"/api/trpc/{path}", "POST", headers, sent.encode(), **about)


class Sender:
    """Keeps one connection for what is HTTP, and opens one for each that only pretends to be."""

    def __init__(self, url: str) -> None:
        self.host, self.port = urlsplit(url).hostname or "", urlsplit(url).port or 80
        self.line = http.client.HTTPConnection(self.host, self.port, timeout=PATIENCE)

    def close(self) -> None:
        self.line.close()

    def send(self, ask: Ask) -> Answer:
        if ask.raw is not None:
            return self.send_raw(ask.raw)
        try:
            return self._once(ask)
        except (http.client.RemoteDisconnected, ConnectionError):
            self.line.close()  # the last refusal has closed it
        try:
            return self._once(ask)
        except (http.client.RemoteDisconnected, ConnectionError):
            self.line.close()
            return Answer(CLOSED)

    def _once(self, ask: Ask) -> Answer:
        line = self.line
        own_host = any(name.lower() == "host" for name, _ in ask.headers)
        line.putrequest(ask.method, ask.path, skip_host=own_host, skip_accept_encoding=True)
        for name, value in ask.headers:
            line.putheader(name, value.encode())
        if ask.method != "GET" or ask.body is not None:
            line.putheader("Content-Length", str(len(ask.body or b"")))
        line.endheaders()
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # the refusal is there to be read
            if ask.body:
                line.send(ask.body)
        with line.getresponse() as response:
            answer = Answer(response.status, response.read(), dict(response.getheaders()))
        if answer.headers.get("Connection") == "close":
            line.close()
        return answer

    def send_raw(self, raw: bytes) -> Answer:
        """All that was answered until the server closed, or had nothing to say for a while."""
        told, silent = b"", CLOSED
        with socket.create_connection((self.host, self.port), timeout=3 * QUIET) as line:
            with contextlib.suppress(ConnectionError):
                line.sendall(raw)
            try:
                told = self._read(line, told)
            except TimeoutError:  # it waits for what was announced: there is no more
                silent = WAITED
                line.settimeout(PATIENCE)
                with contextlib.suppress(OSError):
                    line.shutdown(socket.SHUT_WR)
                told = self._read(line, told)
        return Answer(int(told.split(None, 2)[1]) if told.startswith(b"HTTP/1.") else silent, told)

    def _read(self, line: socket.socket, told: bytes) -> bytes:
        """Until the server closes, or has answered and says no more for a while."""
        try:
            while piece := line.recv(65536):
                told += piece
                line.settimeout(QUIET)
        except TimeoutError:
            if not told:
                raise
        except ConnectionError:
            pass
        return told
