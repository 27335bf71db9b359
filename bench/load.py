"""The load generator: its own process, raw sockets, one loop. It must cost little, for it shares the cores.

Reads a pickled job from stdin, (port, connections, requests, per_second); prints {seconds, cpu, bad, p50, p95, p99}
as JSON. Without `per_second` each connection sends its next request when the last was answered; with it requests go
out at that pace, and a wait counts from when the request was due.
"""

import json
import pickle
import select
import socket
import sys
import time

GOOD = b"HTTP/1.1 200"


class Connection:
    """One keep-alive connection with one request under way."""

    __slots__ = ("began", "buffer", "needed", "socket")

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""
        self.needed = 0
        self.began = 0.0

    def send(self, request: bytes, due: float | None = None) -> None:
        self.began = time.perf_counter() if due is None else due
        self.socket.sendall(request)

    def receive(self) -> bytes | None:
        """The whole answer, once it is there."""
        data = self.socket.recv(65536)
        if not data:
            raise ConnectionError("the server closed the connection")
        self.buffer += data
        if not self.needed:
            head = self.buffer.find(b"\r\n\r\n")
            if head < 0:
                return None
            headers = self.buffer[:head].lower()
            length = headers.index(b"content-length:") + 15
            self.needed = head + 4 + int(headers[length:].split(b"\r\n", 1)[0])
        if len(self.buffer) < self.needed:
            return None
        answer, self.buffer, self.needed = self.buffer, b"", 0
        return answer


def run(
    port: int, connections: int, requests: list[bytes], per_second: float | None = None
) -> dict[str, float]:
    poll = select.epoll()
    by_file = {}
    for _ in range(min(connections, len(requests))):
        connection = Connection(port)
        by_file[connection.socket.fileno()] = connection
        poll.register(connection.socket.fileno(), select.EPOLLIN)
    idle = list(by_file.values())
    left, sent = iter(requests), 0
    waits, bad = [], 0
    cpu, began = time.process_time(), time.perf_counter()
    while len(waits) < len(requests):
        pause = -1.0
        while idle and sent < len(requests):
            due = began + sent / per_second if per_second else None
            if due is not None and (pause := due - time.perf_counter()) > 0:
                break
            idle.pop().send(next(left), due)
            sent += 1
            pause = -1.0
        for file, _ in poll.poll(pause):
            connection = by_file[file]
            answer = connection.receive()
            if answer is None:
                continue
            waits.append(time.perf_counter() - connection.began)
            bad += not (answer.startswith(GOOD) and b'"rejected":[]' in answer)
            idle.append(connection)
    seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
    waits.sort()
    shares = {f"p{share}": waits[len(waits) * share // 100] for share in (50, 95, 99)}
    return {"seconds": seconds, "cpu": cpu, "bad": bad, **shares}


if __name__ == "__main__":
    json.dump(run(*pickle.load(sys.stdin.buffer)), sys.stdout)
