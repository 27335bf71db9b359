"""The HTTP side of tRPC: one Django view that answers every procedure of a registry.

The calls of a batch run one after the other in the request's thread: WSGI gives a request one thread,
Django gives a thread one database connection, and a batch is a handful of short reads. Each call fails
for itself; a handler that raised inside `atomic` has been rolled back by the time its error gets here.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime, time
from typing import Any, Literal, Protocol

from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import URLPattern, re_path
from django.utils.http import http_date
from django.views.decorators.csrf import csrf_exempt

from factory import deadline
from factory.retrying import again_after_deadlock
from factory.trpc import wire
from factory.trpc.call import Call, Identity, first_identity
from factory.trpc.download import Download
from factory.trpc.errors import TRPCError, refusal_for
from factory.trpc.limits import Limits, Verdict
from factory.trpc.request import Asked, read_calls
from factory.trpc.router import Deprecated, Procedure, Registry
from factory.trpc.stream import Line, join_for_v10
from factory.trpc.wire import Dialect

Identify = Callable[[HttpRequest], Identity | None]
FIXED = {"auto": None, "plain": Dialect.PLAIN, "superjson": Dialect.SUPERJSON}


@dataclass(slots=True)
class Carried:
    """A mutation that is being carried out: what was asked and, once it is done, what it returned."""

    given: dict[str, Any] | None = None
    value: Any = None


class Witness(Protocol):
    """Somebody who keeps a record of mutations, over HTTP, in batches and on sockets."""

    def refused(
        self, request: HttpRequest, identity: Identity, procedure: Procedure, error: Exception
    ) -> None:
        """Who asked may not do this."""

    def carrying_out(self, call: Call, procedure: Procedure) -> AbstractContextManager[Carried]:
        """It begins; what leaves the context is its outcome."""


class Gateway:
    """Mount `urls(prefix)`, or `view(request, path)` on a pattern of one's own."""

    def __init__(
        self,
        registry: Registry,
        *,
        identify: Sequence[Identify] = (),
        transformer: Literal["auto", "plain", "superjson"] = "auto",
        allowed_origins: Collection[str] | Callable[[], Collection[str]] = (),
        method_override: bool = True,
        limits: Limits | None = None,
        witness: Witness | None = None,
    ) -> None:
        self.registry = registry
        self.identify = identify
        self.dialect = FIXED[transformer]
        self.allowed_origins = allowed_origins
        self.limits = limits
        self.witness = witness
        self.query_methods = ("GET", "POST") if method_override else ("GET",)
        # A form on somebody else's page cannot send JSON, and writes with a cookie must show their Origin.
        self.view: Callable[..., HttpResponseBase] = csrf_exempt(self._view)

    def urls(self, prefix: str, name: str | None = None) -> URLPattern:
        """Everything under `prefix`, with and without a slash after it, odd characters included."""
        return re_path(rf"^{prefix.strip('/')}(?:/(?P<path>(?s:.*)))?$", self.view, name=name)

    def _view(self, request: HttpRequest, path: str = "") -> HttpResponseBase:
        response: HttpResponseBase
        if request.method == "HEAD":
            response = HttpResponse(status=204)
            del response.headers["Content-Type"]
        else:
            visit = _Visit(request, self)
            try:
                asked = read_calls(request, path, self.registry, self.dialect)
            except Exception as error:
                verdict = visit.judge(calls=1)  # nonsense counts as well
                refused = error if verdict is None or verdict.allows(0) else verdict.refusal()
                response = self._refuse(refusal_for(refused, None))
            else:
                verdict = visit.judge(calls=len(asked.paths))
                response = self._answer(visit, asked, verdict)
            if verdict is not None:
                for name, value in verdict.usage.headers().items():
                    response.headers.setdefault(name, value)
        response.headers["Vary"] = "trpc-accept, accept"
        response.headers.setdefault("Cache-Control", "no-store")
        return response

    def _refuse(self, refusal: TRPCError) -> HttpResponse:
        """One object for a request that never became calls."""
        body = wire.failure(refusal.shape(None), self.dialect or Dialect.UNKNOWN)
        return _response(body, refusal.status, dict(refusal.headers))

    def _answer(self, visit: "_Visit", asked: Asked, verdict: Verdict | None) -> HttpResponseBase:
        line = Line(asked.dialect) if asked.streams else None
        envelopes: list[bytes] = []
        statuses: list[int] = []
        headers: dict[str, str] = {}
        calls: list[Call] = []
        for index, path in enumerate(asked.paths):
            try:
                if verdict is not None and not verdict.allows(index):
                    raise verdict.refusal()
                deadline.check()
                call, value = self._run(visit, path, asked.procedures[index], asked, index)
                if isinstance(value, Download):
                    file = value.response()
                    call.write_notes(file)
                    return file
                envelopes.append(line.result(value, index) if line else wire.result(value, asked.dialect))
                statuses.append(200)
                calls.append(call)
            except Exception as error:
                refusal = refusal_for(error, path)
                shape = refusal.shape(path)
                envelopes.append(line.failure(shape, index) if line else wire.failure(shape, asked.dialect))
                statuses.append(refusal.status)
                headers.update(refusal.headers)
        if line:
            response = _response(line.join(envelopes), 200, headers)
        elif asked.streams_v10:
            response = _response(join_for_v10(envelopes), wire.batch_status(statuses), headers)
        elif asked.is_batch:
            response = _response(b"[%s]" % b",".join(envelopes), wire.batch_status(statuses), headers)
        else:
            response = _response(envelopes[0], statuses[0], headers)
        for call in calls:
            call.write_notes(response)
        return response

    def _run(
        self, visit: "_Visit", path: str, procedure: Procedure | None, asked: Asked, index: int
    ) -> tuple[Call, Any]:
        if procedure is None:
            raise TRPCError("NOT_FOUND", f'No procedure found on path "{path}"')
        if procedure.downloads and asked.is_batch:
            raise TRPCError(
                "BAD_REQUEST", f"{path} answers with a file: ask for it by itself, not in a batch."
            )
        if procedure.kind == "subscription" and asked.is_batch:
            raise TRPCError("BAD_REQUEST", "Cannot batch subscription calls")
        self._check_method(visit.request.method or "", procedure)
        call = self.admit(visit.request, procedure, visit.identity())
        if procedure.kind == "subscription":  # those that get here came past the door that streams (sse.py)
            raise TRPCError("NOT_IMPLEMENTED", "Subscriptions are not served here but by `manage.py serve`.")
        return call, self.run(call, procedure, lambda: asked.open_input(index))

    def admit(self, request: HttpRequest, procedure: Procedure, identity: Identity) -> Call:
        """The call of somebody who may make it; a refusal for everybody else."""
        try:
            check_permission(procedure, identity)
            if identity.ambient and procedure.kind == "mutation":
                self.check_origin(request)
        except TRPCError as refusal:
            if self.witness is not None and procedure.kind == "mutation":
                self.witness.refused(request, identity, procedure, refusal)
            raise
        call = Call(request, identity)
        if procedure.notice:
            _announce(procedure.notice, call)
        return call

    def run(self, call: Call, procedure: Procedure, open_input: Callable[[], Any]) -> Any:
        """What the procedure says to an input, as JSON-like; of a subscription, its iterator as it is."""
        if procedure.kind == "mutation" and self.witness is not None:
            with self.witness.carrying_out(call, procedure) as carried:
                carried.given = procedure.read(open_input()) if procedure.read else {}
                carried.value = value = again_after_deadlock(
                    lambda: procedure.handler(call, **(carried.given or {}))
                )
        else:
            given = procedure.read(open_input()) if procedure.read else {}
            if procedure.kind == "mutation":
                value = again_after_deadlock(lambda: procedure.handler(call, **given))
            else:
                value = procedure.handler(call, **given)
        if procedure.write is None or value is wire.UNDEFINED or procedure.kind == "subscription":
            return value
        return procedure.write(value)

    def _check_method(self, method: str, procedure: Procedure) -> None:
        allowed = {"query": self.query_methods, "subscription": ("GET",)}.get(procedure.kind, ("POST",))
        if method not in allowed:
            raise TRPCError(
                "METHOD_NOT_SUPPORTED",
                f'Unsupported {method}-request to {procedure.kind} procedure at path "{procedure.path}"',
                headers={"Allow": ", ".join(allowed)},
            )

    def check_origin(self, request: HttpRequest) -> None:
        """A browser sends its cookies from any page; only Origin says which page that was."""
        origin = request.META.get("HTTP_ORIGIN", "").lower()
        if not origin or (origin != _own_origin(request) and origin not in self._others_allowed()):
            raise TRPCError("FORBIDDEN", "Writing with a cookie takes an Origin header of this site.")

    def _others_allowed(self) -> Iterable[str]:
        allowed = self.allowed_origins
        return allowed() if callable(allowed) else allowed

    def judge(self, request: HttpRequest, identity: Identity, *, calls: int = 1) -> Verdict | None:
        """Count a request, where somebody counts."""
        return None if self.limits is None else self.limits.judge(request, identity, calls=calls)

    def identify_once(self, request: HttpRequest) -> Identity:
        """Who sent a request that is not answered by `view`."""
        return _Visit(request, self).identity()

    def allows_origin(self, origin: str) -> bool:
        """Whether pages of this other origin may read what a cookie of ours opens."""
        return origin.lower() in self._others_allowed()


class _Visit:
    """One HTTP request and, once somebody asks, who sent it."""

    def __init__(self, request: HttpRequest, gateway: Gateway) -> None:
        self.request = request
        self._gateway = gateway
        self._known: Identity | Exception | None = None

    def identity(self) -> Identity:
        if self._known is None:
            try:
                self._known = first_identity(self._gateway.identify, self.request)
            except Exception as error:
                self._known = error
        if isinstance(self._known, Exception):
            raise self._known
        return self._known

    def judge(self, *, calls: int) -> Verdict | None:
        """Count this request. Where nobody can say whose it is, each of its calls is refused for that anyhow."""
        if self._gateway.limits is None:
            return None
        try:
            identity = self.identity()
        except Exception:
            return None
        return self._gateway.judge(self.request, identity, calls=calls)


def check_permission(procedure: Procedure, identity: Identity) -> None:
    covered = identity.scope is None or identity.scope.covers(procedure)
    if covered and procedure.permission.allows(identity):
        return
    if identity.principal is None:
        raise TRPCError("UNAUTHORIZED", "Sign in first.")
    if identity.held_back is not None:
        raise refusal_for(identity.held_back, procedure.path)
    if not covered:
        raise TRPCError("FORBIDDEN", f"{procedure.path} is beyond the scope of this token.")
    raise TRPCError("FORBIDDEN", f"{procedure.path} is for: {procedure.permission.name}.")


def _own_origin(request: HttpRequest) -> str | None:
    try:
        return f"{request.scheme}://{request.get_host()}".lower()
    except DisallowedHost:
        return None


def _announce(deprecated: Deprecated, call: Call) -> None:
    """RFC 9745 and RFC 8594."""
    since, until = (
        int(datetime.combine(day, time(), UTC).timestamp()) for day in (deprecated.since, deprecated.until)
    )
    call.set_header("Deprecation", f"@{since}")
    call.set_header("Sunset", http_date(until))


def _response(body: bytes, status: int, headers: dict[str, str]) -> HttpResponse:
    if status != 405:
        headers.pop("Allow", None)
    response = HttpResponse(body, status=status, content_type="application/json")
    response.headers["Content-Length"] = str(len(body))
    for name, value in headers.items():
        response.headers[name] = value
    return response
