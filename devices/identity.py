"""A device says who it is by its token, as Bearer. On the hot path that costs no query."""

import threading
import time
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.utils import timezone

from devices.models import Credential
from devices.queries import alive_credential
from devices.tokens import looks_like_device_token
from factory import context
from factory.accounts.identity import bearer_of
from factory.trpc.call import STRANGER, Identity
from factory.trpc.permissions import Permission

CACHE_SECONDS = 5.0  # how long a revoked token may still be believed by a process
FORGET_SECONDS = 60.0  # without being shown
CACHE_LIMIT = 20_000


@dataclass(frozen=True, slots=True)
class DevicePrincipal:
    """A device that has shown its token."""

    device_id: int
    external_id: str


class _Cache:
    """Tokens this process has seen lately; bounded.

    Every 5 s all of them are asked after again, in one query: one by one, a plant of slow devices would cost
    a query a reading.
    """

    def __init__(self) -> None:
        self._known: dict[str, Identity] = {}
        self._shown: dict[str, float] = {}
        self._good_until = 0.0
        self._lock = threading.Lock()

    def find(self, token: str) -> Identity | None:
        now = time.monotonic()
        if now >= self._good_until:
            self._ask_again(now)
        identity = self._known.get(token)
        if identity is not None:
            self._shown[token] = now
        return identity

    def keep(self, token: str, identity: Identity) -> None:
        with self._lock:
            if len(self._known) >= CACHE_LIMIT:
                self._forget()
            self._known[token] = identity

    def clear(self) -> None:
        with self._lock:
            self._forget()

    def _forget(self) -> None:
        self._known, self._shown = {}, {}

    def _ask_again(self, now: float) -> None:
        with self._lock:
            if now < self._good_until:
                return  # another thread has just asked
            wanted = {
                token: identity
                for token, identity in self._known.items()
                if now - self._shown.get(token, now) < FORGET_SECONDS
            }
            ids: list[Any] = [identity.credential for identity in wanted.values()]
            alive = set(
                Credential.objects.alive(timezone.now()).filter(pk__in=ids).values_list("pk", flat=True)
            )
            self._known = {token: each for token, each in wanted.items() if each.credential in alive}
            self._shown = {token: self._shown.get(token, now) for token in self._known}
            self._good_until = now + CACHE_SECONDS


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
    if isinstance(identity.principal, DevicePrincipal):
        context.note(device_id=identity.principal.device_id)
    return identity


def identify_device(request: HttpRequest) -> Identity | None:
    return device_behind(bearer_of(request.META.get("HTTP_AUTHORIZATION", "")))


def is_device(identity) -> bool:
    return isinstance(identity.principal, DevicePrincipal)


DEVICE = Permission("device", is_device)
