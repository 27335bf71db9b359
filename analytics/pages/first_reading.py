"""How a device is connected: lines to copy, and its first reading as it arrives."""

import shlex
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from analytics.pages.doors import for_people, page
from analytics.queries.first_reading import heard_since
from analytics.selection import read_number
from devices.models import Device
from devices.queries import get_device
from factory.accounts.models import User

PATIENCE_MS = 15_000  # after which what may be wrong is said
EXAMPLE = '{"data": {"temperature": 21.5}}'
ANYWHERE = {"0.0.0.0", "::"}


def connecting(request: HttpRequest, device: Device, token: str) -> dict[str, Any]:
    """What a page says about connecting a device that has just been given a token."""
    return {
        "curl": _curl_line(request, token),
        "mqtt": _mqtt_line(request, device, token),
        "mqtt_is_local": settings.MQTT_ENABLED and _is_loopback(_mqtt_host(request)),
        **_waiting(device, since=_now_ms()),
    }


def _curl_line(request: HttpRequest, token: str) -> str:
    url = request.build_absolute_uri("/api/trpc/readings.create")
    return (
        f"curl -X POST {shlex.quote(url)} -H 'Authorization: Bearer {token}'"
        f" -H 'Content-Type: application/json' -d '{EXAMPLE}'"
    )


def _mqtt_line(request: HttpRequest, device: Device, token: str) -> str:
    """Empty where no broker is, or where the device's name cannot be one on ours."""
    if not settings.MQTT_ENABLED or ":" in device.external_id:
        return ""
    secure = " --capath /etc/ssl/certs" if settings.MQTT_TLS else ""
    name = device.external_id
    return (
        f"mosquitto_pub -h {shlex.quote(_mqtt_host(request))} -p {settings.MQTT_PORT}{secure} -i {name} -u {name}"
        f" -P '{token}' -q 1 -t factory/{name}/readings -m '{EXAMPLE}'"
    )


def _mqtt_host(request: HttpRequest) -> str:
    """The broker's; of the embedded one that listens everywhere, the name by which this page was reached."""
    if settings.MQTT_EMBEDDED and settings.HOST in ANYWHERE:
        return urlsplit(request.build_absolute_uri("/")).hostname or settings.MQTT_HOST
    return settings.MQTT_HOST


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _now_ms() -> int:
    return int(timezone.now().timestamp() * 1000)


def _waiting(device: Device, *, since: int) -> dict[str, Any]:
    return {
        "device": device,
        "since": since,
        "heard": heard_since(device=device, since=since),
        "is_late": _now_ms() > since + PATIENCE_MS,
    }


@for_people(User.Role.TECHNICIAN)
def first_reading(request: HttpRequest, device_id: int) -> HttpResponse:
    """Whether a reading has come since the token was shown; asked again until one has."""
    since = read_number(request.GET.get("since", "")) or _now_ms()
    return page(request, "analytics/_first_reading.html", _waiting(get_device(device_id), since=since))
