"""The contract as documents: OpenAPI, AsyncAPI and TypeScript, each made once from the procedures, and Swagger UI."""

import hashlib
import threading
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import orjson
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import URLPattern, path
from django.utils.cache import get_conditional_response
from django.views.decorators.http import require_safe

from factory.accounts.permissions import IN_PERSON, OWN_ACCOUNT
from factory.asyncapi import asyncapi_document
from factory.example_words import WORDS
from factory.trpc.errors import CODES
from factory.trpc.permissions import Permission
from factory.trpc.router import Registry

TITLE = "Smart Factory IoT"
MAJOR = 1
SECURITY_SCHEMES = {
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": settings.SESSION_COOKIE_NAME_JWT,
        "description": "The cookie of a person who signed in. Writes need an `Origin` of this site.",
    },
    "person": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "The `token` that `auth.login` answers.",
    },
    "apiToken": {
        "type": "http",
        "scheme": "bearer",
        "description": "An API token of a person (`fat_…`): what its owner may, within its scope, but nothing about the"
        " owner's account.",
    },
    "device": {
        "type": "http",
        "scheme": "bearer",
        "description": "A device's token, shown once when it is created or its token rotated.",
    },
}
DESCRIPTION = """\
Every procedure is a tRPC procedure, and a plain HTTP request as well: a query is a GET with its input as JSON in
`?input=`, a mutation a POST with its input as the body. The answer is `{"result": {"data": ...}}`, a refusal
`{"error": {"message", "code", "data": {"code", "httpStatus", "path", "fieldErrors"?}}}`. tRPC clients may also batch
and use superjson. The TypeScript types are at `/api/trpc-types.d.ts`, what travels on `/ws` and MQTT is told at
`/api/asyncapi`.

Telemetry times are integer milliseconds since the epoch, UTC; every other time is ISO 8601 with `Z`. Unknown members
of an input are ignored. `/api/v1/trpc/...` is the same thing pinned to version 1.

**Roles.** *anyone* needs nothing; *user*, *operator*, *technician*, *admin* each may do what the ones before may;
*device* is a device speaking for itself. `x-role` of an operation says who may call it.

**Limits**, unless a plant has set others. 100 requests a minute for a person, a device or a stranger's address; 10 a
minute for signing in and registering. Each call of a batch counts for people, the whole batch once for a device; at
most 50 calls in a batch. Bodies are limited to 5 MB and 200,000 values.

**Deprecation.** What is to go away says so at least 183 days before, here and in the headers `Deprecation` and `Sunset`
of its answers.
"""
JSON, KEEP = "application/json", "public, max-age=300"
_WRITING = threading.Lock()  # drf-spectacular is not made for several threads at once


def openapi_document(registry: Registry) -> dict[str, Any]:
    from factory.trpc.openapi import openapi  # noqa: PLC0415 -- only who asks for it pays for it

    return openapi(
        registry,
        title=TITLE,
        version=f"{MAJOR}.0",
        description=DESCRIPTION,
        prefix="/api/trpc",
        security_schemes=SECURITY_SCHEMES,
        security_for=_security_for,
        words=WORDS,
    )


def _security_for(permission: Permission) -> list[dict[str, list]]:
    if permission in (IN_PERSON, OWN_ACCOUNT):
        return [{"session": []}, {"person": []}]
    words = set(permission.name.split(" or "))
    if "anyone" in words:
        return [{}]
    schemes = ["device"] if "device" in words else []
    if words - {"device"}:
        schemes = ["session", "person", "apiToken", *schemes]
    return [{scheme: []} for scheme in schemes]


def typescript_text(registry: Registry) -> str:
    from factory.trpc.typescript import typescript  # noqa: PLC0415 -- as above

    return typescript(registry, title=TITLE, version=settings.VERSION, codes=CODES)


def papers(registry: Registry) -> Sequence[URLPattern]:
    """Their addresses, open to everybody."""
    return [
        path("api/schema", _paper(JSON, lambda: orjson.dumps(openapi_document(registry))), name="schema"),
        path("api/asyncapi", _paper(JSON, lambda: orjson.dumps(asyncapi_document())), name="asyncapi"),
        path(
            "api/trpc-types.d.ts",
            _paper("text/plain; charset=utf-8", lambda: typescript_text(registry).encode()),
            name="trpc-types",
        ),
        path("api/docs", docs, name="api-docs"),
    ]


@require_safe
def docs(request: HttpRequest) -> HttpResponse:
    return render(request, "api_docs.html")


def _paper(content_type: str, write: Callable[[], bytes]) -> Callable[[HttpRequest], HttpResponse]:
    """Written when it is first asked for, and kept: procedures do not change while the server runs."""

    @cache
    def written() -> tuple[bytes, str]:
        text = write()
        return text, f'"{hashlib.sha256(text).hexdigest()[:32]}"'

    @require_safe
    def view(request: HttpRequest) -> HttpResponse:
        with _WRITING:
            text, etag = written()
        response = HttpResponse(text, content_type=content_type)
        response.headers["ETag"] = etag
        response.headers["Cache-Control"] = KEEP
        return get_conditional_response(request, etag=etag, response=response) or response

    return view
