from collections.abc import Callable
from functools import partial

from django.conf import settings
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse
from django.utils import translation
from django.utils.functional import SimpleLazyObject

from factory import languages
from factory.accounts.identity import identify_person
from factory.accounts.models import Session, User


def _look_up(request: HttpRequest) -> User | AnonymousUser:
    identity = identify_person(request)
    if identity is None or not isinstance(identity.principal, User):
        return AnonymousUser()
    request.is_held_back = identity.held_back is not None  # type: ignore[attr-defined]
    request.person_session = identity.credential  # type: ignore[attr-defined]
    return identity.principal


class SignedInPerson(AuthenticationMiddleware):
    """`request.user` from the session JWT, for pages and admin, looked up when first asked for."""

    def process_request(self, request: HttpRequest) -> None:
        request.user = SimpleLazyObject(partial(_look_up, request))  # type: ignore[assignment]


PERSON_FREE = ("/health/", "/words/")  # asked often, and the same for everybody


class SpokenLanguage:
    """Pages speak the language a person has chosen, else the browser's or the plant's; the API English to everybody."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path_info.startswith("/api/"):
            with languages.in_english():
                return self.get_response(request)
        with translation.override(_language_for(request)):
            response = self.get_response(request)
            response.headers.setdefault("Content-Language", translation.get_language())
            return response


def _language_for(request: HttpRequest) -> str:
    chosen = ""
    if settings.SESSION_COOKIE_NAME_JWT in request.COOKIES and not request.path_info.startswith(PERSON_FREE):
        chosen = getattr(request.user, "language", "")  # a stranger has none
    known = chosen in dict(settings.LANGUAGES)
    return chosen if known else languages.of_request(request)


def session_of(request: HttpRequest) -> Session | None:
    """The session behind a page request; asks for the user first, since that is what finds it."""
    return request.person_session if request.user.is_authenticated else None  # type: ignore[attr-defined]
