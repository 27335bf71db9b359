"""A line between a device and the server that breaks once, after so many bytes of an answer."""

import contextlib
import socket
import threading
from collections.abc import Iterator


class Line:
    def __init__(self, port: int, *, cut_after: int) -> None:
        self._port = port
        self._cut_after = cut_after
        self.carried = 0  # bytes towards the device, headers included
        self.cuts = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                device, _ = self._listener.accept()
                server = socket.create_connection(("127.0.0.1", self._port))
                threading.Thread(target=self._carry, args=(device, server), daemon=True).start()
                threading.Thread(target=self._bring_back, args=(server, device), daemon=True).start()

    def _carry(self, device: socket.socket, server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := device.recv(65_536):
                server.sendall(data)
            server.shutdown(socket.SHUT_WR)

    def _bring_back(self, server: socket.socket, device: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := server.recv(65_536):
                device.sendall(data)
                self.carried += len(data)
                if not self.cuts and self.carried >= self._cut_after:
                    self.cuts += 1
                    break
        for end in (device, server):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def close(self) -> None:
        self._listener.close()


@contextlib.contextmanager
def line_to(port: int, *, cut_after: int) -> Iterator[Line]:
    line = Line(port, cut_after=cut_after)
    try:
        yield line
    finally:
        line.close()
