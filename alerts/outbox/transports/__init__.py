"""The ways a message goes out, one module each. What they share is in `base`; the services only know `TRANSPORTS`."""

from importlib import import_module
from typing import Any

from alerts.outbox.transports import email, webhook
from alerts.outbox.transports.base import MAIL_SECONDS, SECONDS, Lines, Transport, TransportError, within

MAIL = email.WAY  # all mail goes one way; of the others each config has its own


def _of_apprise(name: str) -> Any:
    """Loaded at the first use: it is a fifth of what a process takes to start, and most processes never send."""

    def call(*args: Any, **options: Any) -> Any:
        return getattr(import_module("alerts.outbox.transports.apprise"), name)(*args, **options)

    return call


_by_apprise = Transport(
    problem=_of_apprise("problem"),
    shown=_of_apprise("shown"),
    way=_of_apprise("way"),
    send=_of_apprise("send"),
    is_machine=False,
)

TRANSPORTS: dict[str, Transport] = {
    "email": Transport(
        problem=email.problem,
        shown=email.shown,
        way=email.way,
        send=email.send,
        is_machine=False,
        seconds=MAIL_SECONDS,
    ),
    "sms": _by_apprise,
    "push": _by_apprise,
    "webhook": Transport(
        problem=webhook.problem, shown=webhook.shown, way=webhook.way, send=webhook.send, is_machine=True
    ),
}

__all__ = ["MAIL", "MAIL_SECONDS", "SECONDS", "TRANSPORTS", "Lines", "Transport", "TransportError", "within"]
