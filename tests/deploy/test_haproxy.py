"""Two machines' haproxy with the delivered configuration: both send to the same node, whatever was started anew.

The nodes are stand-ins that say their name and hang up; `python -m tests.galera` has real ones.
"""

import contextlib
import socket
import sys
import time

import pytest

from factory import processes
from tests import services
from tests.galera.cluster import Proxy

pytestmark = pytest.mark.integration
NODE = """
import socketserver, sys
class Say(socketserver.BaseRequestHandler):
    def handle(self): self.request.sendall(sys.argv[2].encode())
socketserver.ThreadingTCPServer.allow_reuse_address = True
socketserver.ThreadingTCPServer(("127.0.0.1", int(sys.argv[1])), Say).serve_forever()
"""
IS_THERE = "#!/bin/bash\nexec 3<>/dev/tcp/$3/$4\n"


class StandIn:
    def __init__(self, name, folder):
        self.name, self.port, self.log = name, services.free_port(), folder / f"{name}.log"

    def start(self):
        argv = [sys.executable, "-I", "-c", NODE, str(self.port), self.name]
        with self.log.open("ab") as output:
            self.child = processes.start(argv, output=output)
        services.wait_until(lambda: services.listens(self.port), what=self.name)

    def stop(self):
        processes.stop(self.child, patience=5)


def answer_of(proxy):
    """The name of the node behind it, or nothing."""
    with (
        contextlib.suppress(OSError),
        socket.create_connection(("127.0.0.1", proxy.port), timeout=10) as connection,
    ):
        return connection.recv(100).decode()
    return ""


def answers_of(proxies):
    return [answer_of(proxy) for proxy in proxies]


@pytest.fixture
def place():
    with services.folder("haproxy") as place:
        yield place


@pytest.fixture
def nodes(place):
    nodes = [StandIn(name, place) for name in ("db1", "db2", "db3")]
    try:
        for node in nodes:
            node.start()
        yield nodes
    finally:
        for node in nodes:
            node.stop()


@pytest.fixture
def proxies(place, nodes):
    try:
        services.program("haproxy")
    except services.NotInstalled:
        pytest.skip("haproxy is not installed")
    check = place / "check"
    check.write_text(IS_THERE)
    check.chmod(0o755)
    proxies = [Proxy(name, place, check=check) for name in ("app1", "app2")]
    try:
        for proxy in proxies:
            proxy.start(nodes, proxies)
        yield proxies
    finally:
        for proxy in proxies:
            proxy.stop()


def test_a_haproxy_that_starts_anew_goes_where_the_others_are(nodes, proxies):
    first = nodes[0]
    assert answers_of(proxies) == ["db1", "db1"]
    first.stop()
    services.wait_until(lambda: answers_of(proxies) == ["db2", "db2"], what="both at the second node")
    first.start()
    time.sleep(5)  # in which both find it good again, and stay where they are
    assert answers_of(proxies) == ["db2", "db2"]

    proxies[0].stop()
    proxies[0].start(nodes, proxies)

    said = []
    for _ in range(50):
        said.append(answers_of(proxies))
        time.sleep(0.05)
    assert said == [["db2", "db2"]] * 50
