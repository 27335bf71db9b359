"""`manage.py serve`: HTTP, event streams and WebSockets in one process."""

import resource
import socket
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from factory.listening import listen


class Command(BaseCommand):
    help = "Serve HTTP and WebSockets on HOST:PORT until SIGTERM or SIGINT; then drain and go."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--fd", type=int, help="a listening socket that the parent process opened")
        parser.add_argument(
            "--drain-seconds", type=float, default=8.0, help="for requests under way at the end"
        )

    def handle(self, *, fd: int | None, drain_seconds: float, **options: Any) -> None:
        listener = listen(settings.HOST, settings.PORT) if fd is None else socket.socket(fileno=fd)
        allow_many_connections()
        from factory.asgi import application  # noqa: PLC0415 -- only the process that serves loads it all
        from factory.serving import Server  # noqa: PLC0415 -- installs Twisted's reactor

        Server(application, listener, drain_seconds=drain_seconds).run()


def allow_many_connections() -> None:
    """Every connection is an open file, and the usual limit is 1,024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 65_536 if hard == resource.RLIM_INFINITY else min(hard, 65_536)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
