"""SMS, push and chat: whatever service Apprise knows how to speak to by one URL."""

import logging
import re
import threading
from http import HTTPStatus
from typing import Any

from apprise import Apprise, AppriseAsset, AppriseAttachment, NotifyBase, NotifyFormat, NotifyType
from apprise.conversion.format import convert_between
from django.utils.translation import gettext, gettext_noop

from alerts.outbox.messages import Message
from alerts.outbox.transports.base import Lines, TransportError
from alerts.outbox.transports.hosts import problem_with_host, watched

CONNECT_SECONDS, READ_SECONDS = 5.0, 10.0
NOT_NOW = {408, 425, 429}
STATUS = re.compile(r"error=(\d{3})\b")
# Many services take a topic or a token where others take a host: those are looked up by nobody.
LIKE_A_HOST = re.compile(r"[.:]|^localhost$")
CONNECTION = re.compile(r"connection error|i/o error|timed? ?out", re.IGNORECASE)
TYPES = {0: NotifyType.FAILURE, 1: NotifyType.WARNING, 2: NotifyType.INFO}

MARKED_TITLES = {"workflows"}  # rendered like the rest, though they stand apart
# By the module of Apprise, which covers every spelling of a schema.
REFUSED = {
    # act on this machine
    **dict.fromkeys(
        ("blink1", "dbus", "glib", "gnome", "macosx", "syslog", "windows"),
        gettext_noop("would be shown on this server itself"),
    ),
    # ways of our own, which sign, mask and count
    **dict.fromkeys(("email",), gettext_noop("is e-mail: register it as type email")),
    **dict.fromkeys(
        ("custom_json", "custom_xml", "custom_form"), gettext_noop("is a web request: register a webhook")
    ),
    # read their keys from files of this machine
    **dict.fromkeys(("fcm", "vapid"), gettext_noop("reads files of this server")),
    # do not speak HTTP: no time limit would hold them
    **dict.fromkeys(
        ("amqp", "aprs", "deltachat", "growl", "irc", "mqtt", "nostr", "rsyslog", "smpp", "xmpp"),
        gettext_noop("is no service that is reached over HTTP"),
    ),
}

# What it logs names topics, tokens and addresses in full: read here, and kept out of our own logs.
_log = logging.getLogger("apprise")
_log.propagate = False
_log.setLevel(logging.WARNING)
_log.addHandler(logging.NullHandler())
_asset = AppriseAsset(app_id="Smart Factory IoT", app_desc="Smart Factory IoT", http_redirects=False)


def problem(recipient: str) -> str | None:
    service = None if any(c.isspace() for c in recipient) else _service(recipient)
    if service is None:
        return gettext("is no URL that Apprise understands, such as ntfys://host/topic")
    refused = REFUSED.get(_module(service))
    if refused:
        why = {"service": service.service_name, "why": gettext(refused)}
        return gettext("cannot be used: %(service)s %(why)s") % why
    # Templates and key files: it would send what it reads.
    if any(isinstance(value, AppriseAttachment) and len(value) for value in vars(service).values()):
        return gettext("must not name a file")
    host = _host(service)
    return problem_with_host(host, service.port or 443) if LIKE_A_HOST.search(host) else None


def shown(recipient: str) -> str:
    service = _service(recipient)
    return f"{_schema(service)}://…" if service else "…"


def way(recipient: str, config_id: int) -> str:
    """By config: what is wrong is as often the account as the service."""
    service = _service(recipient)
    return f"apprise:{_schema(service)}#{config_id}" if service else f"apprise:#{config_id}"


def send(message: Message, *, recipient: str, secret: str, lines: Lines) -> None:
    """Hand the message to the service. Apprise only says yes or no; why not stands in what it logs."""
    service = _service(recipient)
    if service is None or _module(service) in REFUSED:
        raise TransportError("The address cannot be used any more.", permanent=True)
    service.redirects = False  # whatever the URL says
    service.socket_connect_timeout, service.socket_read_timeout = CONNECT_SECONDS, READ_SECONDS
    # Converted here: some services forget to, and would take a name for markup.
    format = service.resolve_format(NotifyFormat.TEXT)
    is_plain = service.title_maxlen > 0 and _module(service) not in MARKED_TITLES
    with _Listener() as listener, watched() as refused:
        is_sent = service.notify(
            title=message.subject if is_plain else _as(format, message.subject),
            body=_as(format, message.brief),
            notify_type=NotifyType.SUCCESS if message.is_over else TYPES[message.urgency],
            body_format=format,
        )
    if is_sent:
        return
    if refused:
        words = f"{service.service_name}: the host {refused[0]}, to which nothing is sent."
        raise TransportError(words, permanent=True)
    raise _refusal(service, listener.words)


def _as(format: NotifyFormat, text: str) -> str:
    converted: str = convert_between(NotifyFormat.TEXT, format, text)
    return converted


def _refusal(service: NotifyBase, words: str) -> TransportError:
    """From what was logged, its number and nothing else: the rest may hold the secrets of the URL."""
    name = service.service_name
    found = STATUS.search(words)
    if found is None:
        is_down = bool(CONNECTION.search(words))
        return TransportError(f"{name}: {'no connection' if is_down else 'not accepted'}.", down=is_down)
    status = int(found[1])
    try:
        said = f"{name}: {status} {HTTPStatus(status).phrase}"
    except ValueError:
        said = f"{name}: {status}"
    return TransportError(
        said,
        permanent=300 <= status < 500 and status not in NOT_NOW,
        down=status >= 500,
        answered=True,
    )


class _Listener(logging.Handler):
    """What is logged in this thread meanwhile; other threads send too."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.words = ""
        self._thread = threading.get_ident()

    def emit(self, record: logging.LogRecord) -> None:
        if record.thread == self._thread:
            self.words += record.getMessage() + "\n"

    def __enter__(self) -> "_Listener":
        _log.addHandler(self)
        return self

    def __exit__(self, *_: object) -> None:
        _log.removeHandler(self)


def _service(recipient: str) -> Any:
    return Apprise.instantiate(recipient, asset=_asset)


def _module(service: NotifyBase) -> str:
    return type(service).__module__.removeprefix("apprise.plugins.").partition(".")[0]


def _schema(service: NotifyBase) -> str:
    known = service.secure_protocol if service.secure or not service.protocol else service.protocol
    return known if isinstance(known, str) else next(iter(known or ["apprise"]))


def _host(service: NotifyBase) -> str:
    """What stands where a host may stand in the URL, without the brackets of IPv6."""
    templates: tuple[str, ...] = service.templates
    return (service.host or "").strip("[]") if any("{host}" in template for template in templates) else ""
