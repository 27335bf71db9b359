"""How the programs of the demo reach the server: where it is, with which credential, and how long to wait."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import httpx
from django.conf import settings
from django.db import connections, transaction

from devices.models import Device
from devices.services import issue_token, revoke_token
from factory import listening

CREATE = "/api/trpc/readings.create"
LIFETIME = timedelta(hours=1)  # of a token, should nobody be there any more to revoke it
ANSWER_SECONDS = 20.0
LONGEST_WAIT = 300.0
TOKENS_AT_ONCE = 200


def own_url() -> str:
    """The server of these settings, as a program on the same machine reaches it."""
    return listening.url(settings.HOST, settings.PORT)


def client_options(url: str, *, connections: int) -> dict:
    """Arguments for an httpx client that speaks to the server as a device does."""
    headers = {"user-agent": "factory-demo"}
    if settings.SECURE and url == own_url():
        headers["x-forwarded-proto"] = "https"  # past the proxy that would have said it
    return {
        "base_url": url,
        "headers": headers,
        "timeout": httpx.Timeout(ANSWER_SECONDS, connect=5.0),
        "limits": httpx.Limits(max_connections=connections, max_keepalive_connections=connections),
        "trust_env": False,  # a proxy of the environment leads away from this machine
    }


def wait_asked_for(response: httpx.Response, *, otherwise: float) -> float:
    """The seconds in Retry-After, given as a number or a date."""
    text = response.headers.get("retry-after", "")
    try:
        seconds = float(text)
    except ValueError:
        try:
            seconds = (parsedate_to_datetime(text) - datetime.now(UTC)).total_seconds()
        except (ValueError, TypeError):
            seconds = otherwise
    return min(max(seconds, 0.0), LONGEST_WAIT) if seconds == seconds else otherwise


def reason_in(response: httpx.Response) -> str:
    """What a refusal says, in one line."""
    try:
        return str(response.json()["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return f"HTTP {response.status_code} {response.reason_phrase}".strip()


class TemporaryTokens:
    """Device tokens of one program: issued when it starts, renewed while it runs, revoked when it ends."""

    def __init__(self, devices: Iterable[Device], *, label: str) -> None:
        self._devices = {device.pk: device for device in devices}
        self._label = label
        self._tokens: dict[int, str] = {}
        self._renew_at = datetime.max.replace(tzinfo=UTC)

    def __getitem__(self, device_id: int) -> str:
        return self._tokens[device_id]

    def is_due(self, *, at: datetime) -> bool:
        return at >= self._renew_at

    def issue(self, *, at: datetime) -> list[int]:
        """A new token for every device; the ones before end. Returns the devices that are gone."""
        gone = self.renew(self._devices, at=at)
        self._renew_at = at + LIFETIME / 2
        return gone

    def renew(self, device_ids: Iterable[int], *, at: datetime) -> list[int]:
        """New tokens for some of the devices; returns those that are gone."""
        ids = list(device_ids)
        gone: list[int] = []
        for start in range(0, len(ids), TOKENS_AT_ONCE):
            part = ids[start : start + TOKENS_AT_ONCE]
            there = set(Device.objects.filter(pk__in=part).values_list("pk", flat=True))
            gone += [pk for pk in part if pk not in there]
            with transaction.atomic():
                fresh = {
                    pk: issue_token(device=self._devices[pk], at=at, lifetime=LIFETIME, label=self._label)
                    for pk in part
                    if pk in there
                }
                for pk in fresh.keys() & self._tokens.keys():
                    revoke_token(token=self._tokens[pk], at=at)
            self._tokens.update(fresh)
        for pk in gone:
            self._devices.pop(pk, None)
        return gone

    def revoke(self, *, at: datetime) -> None:
        """End all of them."""
        with transaction.atomic():
            for token in self._tokens.values():
                revoke_token(token=token, at=at)
        self._tokens.clear()


def close_connections() -> None:
    """In a thread that asked the database and ends now."""
    connections.close_all()
