"""The link in a message by which its reader acknowledges the alert without signing in. It names the delivery."""

from datetime import datetime, timedelta

from django.conf import settings
from django.core.signing import BadSignature, Signer

LIFETIME = timedelta(days=7)
_signer = Signer(salt="alerts.acknowledge")


class LinkForged(Exception):
    """We never made this link."""


class LinkExpired(Exception):
    """It was good once."""


def link_for(delivery_id: int, at: datetime) -> str:
    """Where the alert of this delivery can be acknowledged, for a while from now on."""
    until = int((at + LIFETIME).timestamp())
    token = _signer.sign_object({"delivery": delivery_id, "until": until})
    return f"{settings.PUBLIC_URL}/ack/{token}/"


def delivery_of(token: str, at: datetime) -> int:
    """The delivery that a link names; refuses one that is not ours, or not good any more."""
    try:
        named = _signer.unsign_object(token)
        delivery_id, until = int(named["delivery"]), int(named["until"])
    except (BadSignature, ValueError, KeyError, TypeError):
        raise LinkForged from None
    if at.timestamp() >= until:
        raise LinkExpired
    return delivery_id
