"""Taking the port: by the supervisor for its web child, or by a server that runs alone."""

import errno
import socket

from django.core.management.base import CommandError

BACKLOG = 1024  # connections that wait while everything is busy, or while a crashed server starts anew


def listen(host: str, port: int) -> socket.socket:
    """A listening socket on HOST:PORT, or one clear sentence."""
    try:
        family, kind, _, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except OSError:
        raise CommandError(f"HOST={host!r} is not an address of this machine.", returncode=2) from None
    listener = socket.socket(family, kind)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise CommandError(_sentence(error, host, port), returncode=2) from None
    return listener


def _sentence(error: OSError, host: str, port: int) -> str:
    where = f"{host}:{port}"
    if error.errno == errno.EADDRINUSE:
        return f"{where} is in use by another program. Stop that one, or set PORT to a free port."
    if error.errno == errno.EACCES:
        return f"{where} may not be used by this user. Set PORT to 1024 or above."
    if error.errno == errno.EADDRNOTAVAIL:
        return f"{where} cannot be used: HOST={host!r} is not an address of this machine."
    return f"{where} cannot be used: {error.strerror}."


def url(host: str, port: int) -> str:
    """Where a program on this machine reaches a server that listens on HOST:PORT."""
    reachable = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(host, host)
    return f"http://[{reachable}]:{port}" if ":" in reachable else f"http://{reachable}:{port}"
