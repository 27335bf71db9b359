"""What a procedure learns about its caller, and what it may add to the HTTP answer."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from factory.errors import DomainError

if TYPE_CHECKING:
    from factory.trpc.router import Procedure


class Scope(Protocol):
    """The part of what somebody may that their credential is for."""

    def covers(self, procedure: "Procedure") -> bool: ...


@dataclass(frozen=True, slots=True)
class Identity:
    """Who sent the request. `ambient` credentials are those a browser sends by itself: cookies.

    One who is `held_back` is known, and has something to do before anything else is open to them. With a `scope`
    a program speaks for somebody: it may no more than they, and only what the scope covers.
    """

    principal: object | None = None
    credential: object | None = None
    ambient: bool = False
    held_back: DomainError | None = None
    scope: Scope | None = None


STRANGER = Identity()


def first_identity(
    ways: Iterable[Callable[[HttpRequest], Identity | None]], request: HttpRequest
) -> Identity:
    """Who sent a request, by the first of these ways that knows; else a stranger."""
    found = (identify(request) for identify in ways)
    return next((identity for identity in found if identity is not None), STRANGER)


class Call:
    """One invocation of one procedure.

    Headers and cookies set here reach the HTTP answer, a batch's too, unless this call fails.
    """

    __slots__ = ("_notes", "http", "identity")

    def __init__(self, http: HttpRequest, identity: Identity = STRANGER) -> None:
        self.http = http
        self.identity = identity
        self._notes: list[Callable[[HttpResponseBase], object]] = []

    @property
    def principal(self) -> Any:
        return self.identity.principal

    def set_header(self, name: str, value: str) -> None:
        self._notes.append(lambda response: response.headers.__setitem__(name, value))

    def set_cookie(self, **cookie: Any) -> None:
        self._notes.append(lambda response: response.set_cookie(**cookie))

    def delete_cookie(self, key: str, **scope: Any) -> None:
        self._notes.append(lambda response: response.delete_cookie(key, **scope))

    def write_notes(self, response: HttpResponseBase) -> None:
        for note in self._notes:
            note(response)
