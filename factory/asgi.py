"""One process that speaks everything: HTTP goes to the WSGI threads, `/ws` to Channels, subscriptions to the loop.

HTTP that ends never runs through Django's ASGI handler, which is several times slower (docs/decisions/0001).
"""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "factory.settings")

from factory.wsgi import PROCEDURES, application as http  # noqa: I001 -- loads the apps; what follows needs them

from collections.abc import AsyncIterator, Awaitable, Callable

from django.conf import settings

from alerts import consumers as alerts_channels
from devices import consumers as devices_channels
from devices import services as devices_services
from devices.identity import DevicePrincipal, device_behind
from factory import draining
from factory.accounts import api_token_rows
from factory.accounts import services as accounts_services
from factory.accounts.api_token_identity import token_behind
from factory.accounts.identity import person_behind
from factory.accounts.models import ApiToken, Session
from factory.errors import TooMany
from factory.live.channels import ChannelRegistry
from factory.live.consumer import LiveConsumer
from factory.live.ending import watch
from factory.live.handshake import Handshake, Listener
from factory.streaming import WSGIDoor
from factory.trpc.call import Identity
from factory.trpc.socket import TrpcSocket
from factory.trpc.sse import EventStreams
from factory.urls import gateway
from factory.ways_in import ways_in
from factory.web_safety import raw_headers
from grouping import consumers as grouping_channels
from ota import consumers as ota_channels
from telemetry import consumers as telemetry_channels

# Each ingesting thread waits for its commit, so threads are the width of a group commit, not of the CPU.
HTTP_THREADS = 64
# A download keeps a thread for as long as the device reads; there are as many more, and readings keep theirs.
THREADS = HTTP_THREADS + settings.OTA_PARALLEL_DOWNLOADS

channels = ChannelRegistry(
    [
        *telemetry_channels.channels,
        *alerts_channels.channels,
        *devices_channels.channels,
        *grouping_channels.channels,
        *ota_channels.channels,
    ],
    handlers=[*telemetry_channels.handlers, *devices_channels.handlers, *ota_channels.handlers],
    errands=[*devices_channels.errands, *ota_channels.errands],
)


def identify_listener(handshake: Handshake) -> Listener | None:
    """Who knocks at `/ws`; None for a stranger."""
    try:
        identity = (
            device_behind(handshake.bearer)
            or token_behind(handshake.bearer, address=handshake.address)
            or person_behind(bearer=handshake.bearer, cookies=handshake.cookies)
        )
    except TooMany:
        return None
    if identity is None or identity.principal is None:
        return None
    return Listener(identity.principal, credential_of(identity), identity.held_back, identity.scope)


def credential_of(identity: Identity) -> str:
    """The name under which the end of a credential is told."""
    if isinstance(identity.principal, DevicePrincipal):
        assert isinstance(identity.credential, int)
        return devices_services.connection_name(identity.credential)
    if isinstance(identity.credential, ApiToken):
        return api_token_rows.connection_name(identity.credential.pk)
    assert isinstance(identity.credential, Session)
    return accounts_services.connection_name(identity.credential.pk)


def watch_over(identity: Identity, again: Callable[[], Awaitable[Identity]]) -> AsyncIterator[Identity]:
    """Until when somebody may hear what was subscribed to."""
    return watch(identity, credential=credential_of(identity), again=again)


streams = EventStreams(
    gateway,
    prefixes=PROCEDURES,
    ping_seconds=settings.WS_TIMEOUT / 4,
    watch=watch_over,
    headers=raw_headers(),
)
trpc_socket = TrpcSocket(gateway, watch=watch_over, rate=settings.RATE_SOCKET)
draining.on_drain(trpc_socket.say_goodbye)

application = ways_in(
    http=WSGIDoor(http, workers=THREADS),  # type: ignore[arg-type]  # typed more narrowly
    streams=streams,
    sockets={
        "/ws": LiveConsumer.as_asgi(registry=channels, identify=identify_listener),
        "/ws-trpc": trpc_socket,
    },
)
