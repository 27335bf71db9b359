"""A device says who it is by its token, as Bearer. On the hot path that costs no query."""

import threading
import time
from dataclasses import dataclass

from django.http import HttpRequest
from django.utils import timezone

from devices.queries import alive_credential
from devices.tokens import looks_like_device_token
from factory.accounts.identity import bearer_of
from factory.trpc.call import STRANGER, Identity
from factory.trpc.permissions import Permission

CACHE_SECONDS = 5.0  # how long a revoked token may still be believed by a process
CACHE_LIMIT = 20_000


@dataclass(frozen=True, slots=True)
class DevicePrincipal:
    """A device that has shown its token."""

    device_id: int
    external_id: str


class _Cache:
    """Tokens this process has seen lately; bounded, and each entry is looked up again after 5 s."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[float, Identity]] = {}
        self._lock = threading.Lock()

    def find(self, token: str) -> Identity | None:
        entry = self._known.get(token)
        return entry[1] if entry and entry[0] > time.monotonic() else None

    def keep(self, token: str, identity: Identity) -> None:
        with self._lock:
            if len(self._known) >= CACHE_LIMIT:
                self._known.clear()
            self._known[token] = (time.monotonic() + CACHE_SECONDS, identity)

    def clear(self) -> None:
        with self._lock:
            self._known.clear()


known_tokens = _Cache()


def device_behind(token: str) -> Identity | None:
    """The device a token stands for; None where the text is no device token at all."""
    if not looks_like_device_token(token):
        return None
    identity = known_tokens.find(token)
    if identity is None:
        credential = alive_credential(token=token, at=timezone.now())
        if credential is None:
            return STRANGER
        principal = DevicePrincipal(credential.device_id, credential.device.external_id)
        identity = Identity(principal=principal, credential=credential.pk)
        known_tokens.keep(token, identity)
    return identity


def identify_device(request: HttpRequest) -> Identity | None:
    return device_behind(bearer_of(request.META.get("HTTP_AUTHORIZATION", "")))


def is_device(identity) -> bool:
    return isinstance(identity.principal, DevicePrincipal)


DEVICE = Permission("device", is_device)
