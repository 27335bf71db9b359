"""Looking hosts up, and refusing those that are this server's own."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_network
from typing import Any

from django.conf import settings
from django.utils.translation import gettext

from alerts.outbox.addresses import meant, why_port_refused, why_refused
from alerts.outbox.transports.base import TransportError, within

LOOK_UP_SECONDS = 5.0


class HostRefused(Exception):
    """A host that nobody may have us send to; the text says why."""


def addresses_of(host: str, port: int) -> list[str]:
    """The IP addresses behind a host, each checked, so that one may connect to them and to no other."""
    if why := why_port_refused(port):
        raise _refused(host, why)
    try:
        found = within(LOOK_UP_SECONDS, lambda: socket.getaddrinfo(host, port, proto=socket.IPPROTO_TCP))
    except (OSError, UnicodeError):
        raise TransportError(f"The host {host} was not found.", down=True) from None
    addresses = list(dict.fromkeys(str(info[4][0]) for info in found))
    for address in addresses:
        problem = problem_with_address(address)
        if problem:
            raise _refused(host, problem)
    return addresses


def _refused(host: str, problem: str) -> HostRefused:
    return HostRefused(
        gettext("%(host)s %(problem)s, to which nothing is sent") % {"host": host, "problem": problem}
    )


def problem_with_host(host: str, port: int) -> str | None:
    """Why nothing may be sent to this host. One that is not found may be tomorrow."""
    try:
        addresses_of(host, port)
    except HostRefused as refusal:
        return str(refusal)
    except TransportError:
        return None
    return None


def problem_with_address(address: str) -> str | None:
    """Why nothing may be sent to this IP address of some host."""
    is_ours = _is_ours(address)
    networks = list(settings.NOTIFY_NETWORKS)
    if is_ours and settings.NOTIFY_LOCAL:
        networks.append(ip_network(str(meant(address))))
    problem = why_refused(address, local=settings.NOTIFY_LOCAL, networks=networks)
    return gettext("is this server itself") if is_ours and not settings.NOTIFY_LOCAL else problem


def _is_ours(address: str) -> bool:
    """Whether the kernel would speak to this address from the very same one. Nothing is sent to find out."""
    target = meant(address)
    family = socket.AF_INET if target.version == 4 else socket.AF_INET6
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            _connect(probe, (str(target), 9))
            return meant(probe.getsockname()[0]) == target
    except OSError:  # no way there: not us
        return False


class AddressRefused(OSError):
    """An OSError, so that HTTP clients tidy up behind it as behind any connection that failed."""


class _Watch(threading.local):
    refused: list[str] | None = None  # None: nobody watches this thread


_watch = _Watch()
_connect = socket.socket.connect


@contextmanager
def watched() -> Iterator[list[str]]:
    """Meanwhile this thread can connect to nothing that is refused; the list says why it could not.

    For code that looks its hosts up itself: whatever it was told, led to, or finds behind a name by then, this
    is where it has to pass.
    """
    refused: list[str] = []
    _watch.refused = refused
    try:
        yield refused
    finally:
        _watch.refused = None


def _watched_connect(self: socket.socket, address: Any, /) -> None:
    if _watch.refused is not None:
        _let_pass(address, _watch.refused)
    _connect(self, address)


def _let_pass(address: Any, refused: list[str]) -> None:
    try:
        problem = problem_with_address(address[0]) or why_port_refused(address[1])
    except (ValueError, TypeError, AttributeError):
        problem = gettext("is no IP address")  # a name, or a socket of this machine
    if problem:
        refused.append(problem)
        raise AddressRefused(f"This address {problem}.")


socket.socket.connect = _watched_connect  # type: ignore[assignment, method-assign]
