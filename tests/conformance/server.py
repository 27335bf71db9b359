"""A small threaded HTTP/1.1 server: keep-alive, chunked bodies, nothing buffered twice."""

import io
import socketserver
from collections.abc import Callable
from typing import Any

from django.core.servers.basehttp import ServerHandler, ThreadedWSGIServer, WSGIRequestHandler

LONGEST_LINE = 65_536
TOO_MUCH = 16 * 1024 * 1024


class Handler(WSGIRequestHandler):
    disable_nagle_algorithm = True  # headers and body leave in two writes

    def log_message(self, format: str, *args: Any) -> None:
        """Tests read what they sent; nobody reads a log of it."""

    def handle_one_request(self) -> None:
        self.raw_requestline = self.rfile.readline(LONGEST_LINE + 1)
        if len(self.raw_requestline) > LONGEST_LINE:
            self.requestline = self.request_version = self.command = ""
            self.send_error(414)
            self.close_connection = True
            return
        if not self.parse_request():
            return
        environ, body = self.get_environ(), self.rfile
        environ["CONTENT_TYPE"] = self.headers.get("content-type", "")  # wsgiref makes up text/plain
        if "chunked" in self.headers.get("transfer-encoding", "").lower():
            try:
                whole = self.read_chunks()
            except ValueError:
                self.send_error(400)
                self.close_connection = True
                return
            environ["CONTENT_LENGTH"], body = str(len(whole)), io.BytesIO(whole)
        answer = ServerHandler(body, self.wfile, self.get_stderr(), environ)
        answer.request_handler = self  # type: ignore[attr-defined]
        answer.run(self.server.get_app())  # type: ignore[attr-defined]

    def read_chunks(self) -> bytes:
        body = bytearray()
        while size := int(self.rfile.readline(LONGEST_LINE).partition(b";")[0], 16):
            if size < 0 or len(body) + size > TOO_MUCH:
                raise ValueError("too much")
            body += self.rfile.read(size)
            self.rfile.readline(LONGEST_LINE)
        while self.rfile.readline(LONGEST_LINE).strip():
            pass
        return bytes(body)


class Server(ThreadedWSGIServer):
    request_queue_size = 128

    def __init__(self, port: int, application: Callable[..., Any]) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.set_app(application)

    def server_bind(self) -> None:
        socketserver.TCPServer.server_bind(self)  # without asking DNS for the host's name
        self.server_name, self.server_port = "127.0.0.1", self.server_address[1]
        self.setup_environ()
