"""Ask a gateway the way a client's bytes would, and read what it answers."""

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from django.http import HttpResponse
from django.test import RequestFactory

from factory.trpc.gateway import Gateway
from tests.conformance.procedures import registry

GATEWAY = Gateway(registry)
UNDEFINED_INPUT = {"json": None, "meta": {"values": ["undefined"], "v": 1}}
factory = RequestFactory()


@dataclass(frozen=True)
class Answer:
    http: HttpResponse

    @property
    def status(self) -> int:
        return self.http.status_code

    @property
    def text(self) -> str:
        return self.http.content.decode()

    @property
    def json(self) -> Any:
        return json.loads(self.http.content, parse_constant=lambda name: pytest_fail(name))

    def header(self, name: str) -> str | None:
        return self.http.headers.get(name)


def pytest_fail(name: str) -> None:
    raise AssertionError(f"{name} is no JSON")


def written(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def get(
    path: str, input: Any = None, *, batch: bool = False, query: str = "", gateway=GATEWAY, **headers
) -> Answer:
    """GET; `input` is JSON text or a value, `query` is appended as it is."""
    parts = [
        *(["batch=1"] if batch else []),
        *([f"input={quote(written(input))}"] if input is not None else []),
    ]
    return ask("GET", path, "&".join([*parts, *([query] if query else [])]), gateway=gateway, **headers)


def post(path: str, body: Any = b"", *, batch: bool = False, gateway=GATEWAY, **headers) -> Answer:
    """POST; `body` is bytes, JSON text or a value."""
    data = body if isinstance(body, bytes) else written(body).encode()
    return ask("POST", path, "batch=1" if batch else "", data, gateway=gateway, **headers)


def ask(
    method: str,
    path: str,
    query: str = "",
    body: bytes = b"",
    *,
    content_type: str | None = "application/json",
    gateway=GATEWAY,
    environ: dict[str, Any] | None = None,
    **headers: str,
) -> Answer:
    extra = dict(environ or {})
    if content_type is not None and method != "GET":
        extra["CONTENT_TYPE"] = content_type
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    request = factory.generic(method, "/api/trpc/x", body, headers=names, QUERY_STRING=query, **extra)
    if content_type is None:
        request.META.pop("CONTENT_TYPE", None)
    return Answer(gateway.view(request, path))
