"""`python -m tests.conformance PORT`: serve the procedures until told to stop. No database, no Redis."""

import signal
import sys

import django
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler


def main(port: int) -> None:
    settings.configure(
        ALLOWED_HOSTS=["*"],
        MIDDLEWARE=[],
        REQUEST_BODY_MAX=5 * 1024 * 1024,
        DATA_UPLOAD_MAX_MEMORY_SIZE=5 * 1024 * 1024,
        ROOT_URLCONF="tests.conformance.urls",
        SECRET_KEY="nothing is signed here",
        USE_TZ=True,
    )
    django.setup()
    from tests.conformance.server import Server

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, frame: sys.exit(0))
    with Server(port, WSGIHandler()) as server:
        sys.stdout.write(f"ready: http://127.0.0.1:{server.server_port}/api/trpc\n")
        sys.stdout.flush()
        server.serve_forever(poll_interval=0.1)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 8765)
