"""The load generator for MQTT: its own process, raw sockets, one loop. It must cost little, for it shares the cores.

Reads a pickled job from stdin, (port, connections, root, messages, last); publishes all messages, (device, payload),
at QoS 1, and waits for the answer to the last one, which goes when the broker has all the others. Prints
{seconds, cpu} as JSON.
"""

import json
import pickle
import select
import socket
import struct
import sys
import time
from collections import deque

WINDOW = 100  # publications a connection has under way


def packet(kind: int, body: bytes) -> bytes:
    length, size = bytearray(), len(body)
    while True:
        size, digit = divmod(size, 128)
        length.append(digit | (128 if size else 0))
        if not size:
            return bytes([kind]) + bytes(length) + body


def text(words: str) -> bytes:
    encoded = words.encode()
    return struct.pack("!H", len(encoded)) + encoded


def publication(topic: str, payload: bytes, number: int) -> bytes:
    return packet(0x32, text(topic) + struct.pack("!H", number) + payload)


class Connection:
    """One client with up to `WINDOW` publications that the broker has not taken yet."""

    def __init__(self, port: int, name: str) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connect = text("MQTT") + bytes([4, 2]) + struct.pack("!H", 0) + text(name)
        self.socket.sendall(packet(0x10, connect))
        if self.read(4)[3] != 0:
            raise ConnectionError("the broker turned us away")
        self.left: deque[bytes] = deque()
        self.under_way = 0
        self.rest = b""

    def fileno(self) -> int:
        return self.socket.fileno()

    def read(self, size: int) -> bytes:
        found = b""
        while len(found) < size:
            data = self.socket.recv(size - len(found))
            if not data:
                raise ConnectionError("the broker closed the connection")
            found += data
        return found

    def subscribe(self, topic: str) -> None:
        self.socket.sendall(packet(0x82, struct.pack("!H", 1) + text(topic) + b"\x01"))
        self.read(5)

    def give(self, topic: str, payload: bytes) -> None:
        self.left.append(publication(topic, payload, len(self.left) % 65_535 + 1))

    def publish(self) -> None:
        room = min(WINDOW - self.under_way, len(self.left))
        if room:
            self.socket.sendall(b"".join(self.left.popleft() for _ in range(room)))
            self.under_way += room

    def receive(self) -> int:
        """How many publications the broker has taken now."""
        data = self.rest + self.socket.recv(65536)
        taken, self.rest = len(data) // 4, data[len(data) // 4 * 4 :]
        self.under_way -= taken
        return taken

    def is_over(self) -> bool:
        return not self.left and not self.under_way


def run(
    port: int, connections: int, root: str, messages: list[tuple[str, bytes]], last: tuple[str, bytes]
) -> dict[str, float]:
    opened = [Connection(port, f"load-{number}") for number in range(connections)]
    end = Connection(port, "load-end")
    end.subscribe(f"{root}/{last[0]}/readings/ack")
    # A device always speaks through the same connection, so that its messages keep their order.
    places = {device: place for place, device in enumerate(dict.fromkeys(device for device, _ in messages))}
    for device, payload in messages:
        opened[places[device] % connections].give(f"{root}/{device}/readings", payload)
    end.give(f"{root}/{last[0]}/readings", last[1])
    cpu, began = time.process_time(), time.perf_counter()
    for connection in opened:
        connection.publish()
    busy = [connection for connection in opened if not connection.is_over()]
    while busy:
        for connection in select.select(busy, [], [])[0]:
            if connection.receive():
                connection.publish()
        busy = [connection for connection in busy if not connection.is_over()]
    end.publish()
    while b"readings/ack" not in end.rest:
        end.rest += end.socket.recv(65536)
    return {"seconds": time.perf_counter() - began, "cpu": time.process_time() - cpu}


if __name__ == "__main__":
    json.dump(run(*pickle.load(sys.stdin.buffer)), sys.stdout)
