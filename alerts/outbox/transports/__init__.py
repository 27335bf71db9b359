"""The ways a message goes out, one module each. What they share is in `base`; the services only know `TRANSPORTS`."""

from alerts.outbox.transports import apprise, email, webhook
from alerts.outbox.transports.base import MAIL_SECONDS, SECONDS, Lines, Transport, TransportError, within

MAIL = email.WAY  # all mail goes one way; of the others each config has its own

_by_apprise = Transport(
    problem=apprise.problem, shown=apprise.shown, way=apprise.way, send=apprise.send, is_machine=False
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
