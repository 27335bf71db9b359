"""`python -m tests.conformance PORT [REQUEST_TIMEOUT]`: serve the procedures until told to stop. No database, no Redis.

HTTP and event streams at `/api/trpc`, WebSockets at `/ws-trpc`, by the same server that runs the plant.
"""

import signal
import sys

import django
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler

FIVE_MB = 5 * 1024 * 1024


def main(port: int, timeout: int = 30) -> None:
    settings.configure(
        ALLOWED_HOSTS=["*"],
        MIDDLEWARE=[],
        REQUEST_BODY_MAX=FIVE_MB,
        UPLOAD_FORM_MAX=FIVE_MB,
        DATA_UPLOAD_MAX_MEMORY_SIZE=FIVE_MB,
        REQUEST_TIMEOUT=timeout,
        WS_TIMEOUT=60,
        ROOT_URLCONF="tests.conformance.urls",
        SECRET_KEY="nothing is signed here",
        USE_TZ=True,
    )
    django.setup()
    from factory import draining
    from factory.listening import listen
    from factory.serving import Server
    from factory.streaming import WSGIDoor
    from factory.trpc.socket import TrpcSocket
    from factory.trpc.sse import EventStreams
    from factory.ways_in import ways_in
    from tests.conformance.urls import gateway

    streams = EventStreams(gateway, prefixes=("/api/trpc/",), ping_seconds=1.0)
    socket = TrpcSocket(gateway)
    draining.on_drain(socket.say_goodbye)
    application = ways_in(
        http=WSGIDoor(WSGIHandler(), workers=64), streams=streams, sockets={"/ws-trpc": socket}
    )
    for number in (signal.SIGTERM, signal.SIGINT):  # until the server has its own
        signal.signal(number, lambda number, frame: sys.exit(0))
    listener = listen("127.0.0.1", port)
    sys.stdout.write(f"ready: http://127.0.0.1:{listener.getsockname()[1]}/api/trpc\n")
    sys.stdout.flush()
    Server(application, listener, drain_seconds=2.0).run()


if __name__ == "__main__":
    main(*(int(each) for each in sys.argv[1:] or ("8765",)))
