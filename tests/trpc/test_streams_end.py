"""How streams end on a real server: with the process, and with a reader who reads no more."""

import json
import socket
import time

import httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from tests.trpc.test_clients import start_server, stop_server

pytestmark = pytest.mark.integration


def test_streams_end_and_sockets_are_asked_to_move_over_when_the_server_does():
    server, url = start_server()
    socket_url = url.replace("http", "ws").replace("/api/trpc", "/ws-trpc")
    with httpx.stream("GET", f"{url}/quiet", timeout=20) as stream, connect(socket_url) as client:
        lines = stream.iter_lines()
        assert next(lines) == "event: connected"
        client.send(json.dumps({"id": 1, "method": "query", "params": {"path": "noInput"}}))
        client.recv(timeout=10)

        assert stop_server(server) == 0
        with pytest.raises(httpx.RemoteProtocolError):  # cut off, so that an event source comes back
            list(lines)
        assert json.loads(client.recv(timeout=10)) == {"id": None, "method": "reconnect"}
        with pytest.raises(ConnectionClosed) as closed:
            client.recv(timeout=10)
        assert closed.value.rcvd.code == 1012


def test_a_reader_who_takes_nothing_any_more_is_cut_off_and_its_generator_ends():
    server, url = start_server("0", "1")
    try:
        port = int(url.split(":")[2].split("/")[0])
        with socket.create_connection(("127.0.0.1", port)) as idle:
            idle.sendall(b"GET /api/trpc/flood HTTP/1.1\r\nHost: x\r\n\r\n")
            wait_for(url, 1)
            wait_for(url, 0)
    finally:
        stop_server(server)


def wait_for(url, count):
    for _ in range(200):
        if httpx.get(f"{url}/openStreams").json()["result"]["data"] == count:
            return
        time.sleep(0.1)
    pytest.fail(f"There were never {count} streams.")
