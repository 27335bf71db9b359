"""From a Django request to the calls it asks for, or a refusal of the request as a whole."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.http import HttpRequest, UnreadablePostError
from django.http.multipartparser import MultiPartParserError

from factory.trpc import stream, wire
from factory.trpc.errors import TRPCError
from factory.trpc.router import Procedure, Registry
from factory.trpc.wire import Dialect

FORM = "multipart/form-data"
# Those that tRPC's own server first asks for the type of their body.
METHODS = ("POST", "PUT", "PATCH", "DELETE", "OPTIONS")
RAW_BODIES = (FORM, "application/octet-stream")


@dataclass(frozen=True, slots=True)
class Asked:
    """The calls of one HTTP request, in order. Inputs are opened one by one, when a call may have its own."""

    paths: Sequence[str]
    procedures: Sequence[Procedure | None]
    inputs: Sequence[Any]
    dialect: Dialect
    is_batch: bool = False
    streams: bool = False
    streams_v10: bool = False
    form: HttpRequest | None = None

    def open_input(self, index: int) -> Any:
        return _read_form(self.form) if self.form else wire.open_input(self.inputs[index], self.dialect)


def read_calls(request: HttpRequest, path: str, registry: Registry, dialect: Dialect | None) -> Asked:
    """`dialect` None: tell it from the inputs."""
    meta = request.META
    query = wire.parse_query(meta.get("QUERY_STRING", ""))
    wire.read_connection_params(query.connection)
    path = path.strip("/")
    paths = path.split(",") if query.batch else [path]
    media_type = meta.get("CONTENT_TYPE", "")
    if media_type != "application/json":
        media_type = media_type.partition(";")[0].strip().lower()
    streams = any(stream.MEDIA_TYPE in meta.get(name, "") for name in ("HTTP_TRPC_ACCEPT", "HTTP_ACCEPT"))

    if request.method == "GET":
        if media_type in RAW_BODIES:
            message = f"Only POST requests are supported for {media_type} requests"
            raise TRPCError("METHOD_NOT_SUPPORTED", message, headers={"Allow": "POST"})
    elif not media_type and request.method not in METHODS:
        message = f"Unsupported {request.method}-request"
        raise TRPCError("METHOD_NOT_SUPPORTED", message, headers={"Allow": "GET, POST"})
    elif media_type != "application/json":
        return _form_call(request, paths, media_type, registry, is_batch=query.batch)
    if streams and not query.batch:
        raise TRPCError("BAD_REQUEST", "Streaming requests must be batched (you can do a batch of 1)")
    if query.batch and len(paths) > getattr(settings, "TRPC_MAX_BATCH", 50):
        raise TRPCError("BAD_REQUEST", "Batch call exceeds maximum size")
    procedures = [registry.find(each) for each in paths]
    if query.batch:
        kinds = dict.fromkeys(procedure.kind for procedure in procedures if procedure)
        if len(kinds) > 1:
            raise TRPCError("BAD_REQUEST", f"Cannot mix procedure types in call: {', '.join(kinds)}")
    raw = wire.parse_json(query.input.encode() if request.method == "GET" else _body(request))
    inputs = wire.split_batch(raw, len(paths)) if query.batch else [raw]
    return Asked(
        paths,
        procedures,
        inputs,
        dialect or wire.dialect_of(inputs),
        query.batch,
        streams,
        query.batch and meta.get("HTTP_TRPC_BATCH_MODE") == "stream",
    )


def _form_call(
    request: HttpRequest, paths: list[str], media_type: str, registry: Registry, *, is_batch: bool
) -> Asked:
    """The one kind of body that is not JSON: a form with files, for a procedure that says it takes one."""
    header = request.META.get("CONTENT_TYPE", "")
    if not header:
        raise TRPCError("UNSUPPORTED_MEDIA_TYPE", "Missing content-type header")
    procedure = registry.find(paths[0])
    if media_type != FORM or is_batch or not (procedure and procedure.accepts_form):
        raise TRPCError("UNSUPPORTED_MEDIA_TYPE", f'Unsupported content-type "{header}')
    _check_length(request, getattr(settings, "TRPC_FORM_MAX", 11 * 1024 * 1024))
    return Asked(paths, [procedure], [None], Dialect.PLAIN, form=request)


def _read_form(request: HttpRequest) -> dict[str, Any]:
    try:
        return {**request.POST.dict(), **request.FILES.dict()}
    except RequestDataTooBig:
        raise TRPCError("PAYLOAD_TOO_LARGE", "PAYLOAD_TOO_LARGE") from None
    except (MultiPartParserError, SuspiciousOperation, UnreadablePostError) as error:
        raise TRPCError("BAD_REQUEST", f"The form could not be read: {error}") from None


def _body(request: HttpRequest) -> bytes:
    _check_length(request, settings.REQUEST_BODY_MAX)
    try:
        return request.body
    except RequestDataTooBig:
        raise TRPCError("PAYLOAD_TOO_LARGE", "PAYLOAD_TOO_LARGE") from None
    except UnreadablePostError:
        raise TRPCError("CLIENT_CLOSED_REQUEST", "The request ended before its body did.") from None


def _check_length(request: HttpRequest, limit: int) -> None:
    """Refuse before reading. Django would take a body of unknown length for an empty one."""
    length = str(request.META.get("CONTENT_LENGTH") or "")
    if not length:
        if "chunked" in request.META.get("HTTP_TRANSFER_ENCODING", "").lower():
            raise TRPCError("BAD_REQUEST", "Send a Content-Length: chunked bodies are not read.", status=411)
    elif not (length.isascii() and length.isdigit()):
        raise TRPCError("BAD_REQUEST", "Content-Length is not a number.")
    elif len(length) > 18 or int(length) > limit:
        raise TRPCError("PAYLOAD_TOO_LARGE", "PAYLOAD_TOO_LARGE")
