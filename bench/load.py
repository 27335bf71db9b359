"""The load generator: its own process, raw sockets, one loop. It must cost little, for it shares the cores.

Reads a pickled job from stdin, (port, connections, requests); prints {seconds, cpu, bad, p50, p99} as JSON.
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

    def send(self, request: bytes) -> None:
        self.began = time.perf_counter()
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


def run(port: int, connections: int, requests: list[bytes]) -> dict[str, float]:
    poll = select.epoll()
    by_file = {}
    for _ in range(min(connections, len(requests))):
        connection = Connection(port)
        by_file[connection.socket.fileno()] = connection
        poll.register(connection.socket.fileno(), select.EPOLLIN)
    left = iter(requests)
    waits, bad = [], 0
    cpu, began = time.process_time(), time.perf_counter()
    for connection in by_file.values():
        connection.send(next(left))
    unanswered = len(requests)
    while unanswered:
        for file, _ in poll.poll():
            connection = by_file[file]
            answer = connection.receive()
            if answer is None:
                continue
            waits.append(time.perf_counter() - connection.began)
            bad += not (answer.startswith(GOOD) and b'"rejected":[]' in answer)
            unanswered -= 1
            request = next(left, None)
            if request is not None:
                connection.send(request)
    seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
    waits.sort()
    return {
        "seconds": seconds,
        "cpu": cpu,
        "bad": bad,
        "p50": waits[len(waits) // 2],
        "p99": waits[len(waits) * 99 // 100],
    }


if __name__ == "__main__":
    json.dump(run(*pickle.load(sys.stdin.buffer)), sys.stdout)
