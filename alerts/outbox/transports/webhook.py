"""A POST of JSON, signed as Standard Webhooks has it."""

import base64
import hmac
import secrets
import ssl
from datetime import datetime, timedelta
from functools import cache
from http import HTTPStatus

import certifi
import httpx
import orjson
from django.utils.translation import gettext

from alerts.outbox.messages import Message
from alerts.outbox.transports.base import Lines, TransportError
from alerts.outbox.transports.hosts import HostRefused, addresses_of, problem_with_host

PREFIX = "whsec_"
SECONDS = 10.0
LONGEST_WAIT = 3600
NOT_NOW = {408, 425, 429}


def new_secret() -> str:
    return PREFIX + base64.b64encode(secrets.token_bytes(24)).decode()


def signature(secret: str, *, id: str, timestamp: int, body: bytes) -> str:
    key = base64.b64decode(secret.removeprefix(PREFIX))
    signed = hmac.digest(key, f"{id}.{timestamp}.".encode() + body, "sha256")
    return "v1," + base64.b64encode(signed).decode()


def problem(recipient: str) -> str | None:
    url = _parsed(recipient)
    if url is None:
        return gettext("is no URL such as https://host/path")
    return problem_with_host(_host(url), _port(url))


def shown(recipient: str) -> str:
    url = _parsed(recipient)
    return f"{url.scheme}://{url.netloc.decode()}/…"[:190] if url else "…"


def way(recipient: str, config_id: int) -> str:
    """By config: what is wrong with one path of a host need not be wrong with its others."""
    url = _parsed(recipient)
    return f"webhook:{_host(url)[:140]}:{_port(url)}#{config_id}" if url else f"webhook:#{config_id}"


def send(message: Message, *, recipient: str, secret: str, lines: Lines) -> None:
    """Post the message; 2xx is success. Redirects are not followed, and nobody is shown what was answered."""
    url = _parsed(recipient)
    if url is None:
        raise TransportError("The address is no URL.", permanent=True)
    try:
        addresses = addresses_of(_host(url), _port(url))
    except HostRefused as refusal:
        raise TransportError(f"{refusal}.", permanent=True) from None
    body = orjson.dumps(message.payload)
    timestamp = int(message.at.timestamp())
    headers = {
        "Host": url.netloc.decode(),
        "Content-Type": "application/json",
        "User-Agent": "Smart-Factory-IoT",
        "webhook-id": message.id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": signature(secret, id=message.id, timestamp=timestamp, body=body),
    }
    response = _post(url, addresses, headers, body)
    if not response.is_success:
        raise _refusal(response, message.at)


def _post(url: httpx.URL, addresses: list[str], headers: dict[str, str], body: bytes) -> httpx.Response:
    """To the addresses that were checked and not to the name, which may mean another one by now."""
    auth = (url.username, url.password) if url.userinfo else None
    trouble = "The connection failed."
    with httpx.Client(verify=_certificates(), timeout=SECONDS, trust_env=False) as client:
        for address in addresses:
            request = client.build_request(
                "POST",
                url.copy_with(host=f"[{address}]" if ":" in address else address, userinfo=b""),
                headers=headers,
                content=body,
                extensions={"sni_hostname": _host(url)},
            )
            try:
                response = client.send(request, auth=auth, stream=True, follow_redirects=False)
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                trouble = f"The connection failed: {error or type(error).__name__}"
                continue
            except httpx.TimeoutException:
                raise TransportError(f"No answer within {SECONDS:g} seconds.", down=True) from None
            except httpx.HTTPError as error:
                raise TransportError(f"The connection broke: {type(error).__name__}", down=True) from None
            response.close()
            return response
    raise TransportError(trouble, down=True)


def _refusal(response: httpx.Response, at: datetime) -> TransportError:
    status = response.status_code
    try:
        words = f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        words = str(status)
    if 300 <= status < 400:
        words += ". Redirects are not followed"
    return TransportError(
        words,
        permanent=300 <= status < 500 and status not in NOT_NOW,
        down=status >= 500,
        answered=True,
        wait=_wait(response.headers.get("retry-after", "")),
    )


def _wait(text: str) -> timedelta | None:
    return timedelta(seconds=min(int(text), LONGEST_WAIT)) if text.isascii() and text.isdigit() else None


def _parsed(recipient: str) -> httpx.URL | None:
    try:
        url = httpx.URL(recipient)
        is_meant = url.scheme in {"http", "https"} and bool(url.host) and not url.fragment
    except (httpx.InvalidURL, UnicodeError, ValueError):
        return None
    if url.port is not None and not 0 < url.port < 65536:
        return None
    return url if is_meant and not any(c.isspace() for c in recipient) else None


def _host(url: httpx.URL) -> str:
    return url.raw_host.decode("ascii")  # as it is looked up, umlauts and all


def _port(url: httpx.URL) -> int:
    return url.port or (443 if url.scheme == "https" else 80)


@cache
def _certificates() -> ssl.SSLContext:
    """The machine's own, so that a plant's authority counts, and the public ones where it has none."""
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    return context
