"""WSGI inside daphne for answers that last: they are made no faster than they are read, and not for nobody."""

import time
from collections.abc import Iterable
from typing import Any, cast

from a2wsgi import WSGIMiddleware
from a2wsgi.wsgi import WSGIResponder
from a2wsgi.wsgi_typing import Environ, StartResponse

from factory.deadline import ARRIVED


class NobodyReads(ConnectionError):
    """The connection is gone; whoever makes the answer may stop."""


class Responder(WSGIResponder):
    """As a2wsgi's, whose thread would wait for ever to hand on the next piece when nobody takes it any more."""

    is_over = False

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self.is_over = True
            while not self.send_queue.empty():  # and wakes who waits for a place
                self.send_queue.get_nowait()

    def send(self, message: Any) -> None:
        if self.is_over:
            raise NobodyReads
        super().send(message)


class WSGIDoor(WSGIMiddleware):
    """The application in its threads."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await super().__call__(scope, receive, send)
            return
        arrived = time.monotonic()  # it may have to wait for a thread, and its time runs already

        def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
            cast(dict[str, Any], environ)[ARRIVED] = arrived
            return self.app(environ, start_response)

        await Responder(app, self.executor, self.send_queue_size)(scope, receive, send)
