"""tRPC's code table, and the one place where an exception becomes a refusal on the wire."""

import logging
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.db import InterfaceError, OperationalError
from rest_framework.exceptions import ValidationError

from factory.errors import DomainError, TooMany, Unavailable

logger = logging.getLogger(__name__)

# key -> (JSON-RPC number, HTTP status). Five keys share a number: the key is what clients should read.
CODES: dict[str, tuple[int, int]] = {
    "PARSE_ERROR": (-32700, 400),
    "BAD_REQUEST": (-32600, 400),
    "INTERNAL_SERVER_ERROR": (-32603, 500),
    "NOT_IMPLEMENTED": (-32603, 501),
    "BAD_GATEWAY": (-32603, 502),
    "SERVICE_UNAVAILABLE": (-32603, 503),
    "GATEWAY_TIMEOUT": (-32603, 504),
    "UNAUTHORIZED": (-32001, 401),
    "PAYMENT_REQUIRED": (-32002, 402),
    "FORBIDDEN": (-32003, 403),
    "NOT_FOUND": (-32004, 404),
    "METHOD_NOT_SUPPORTED": (-32005, 405),
    "TIMEOUT": (-32008, 408),
    "CONFLICT": (-32009, 409),
    "PRECONDITION_FAILED": (-32012, 412),
    "PAYLOAD_TOO_LARGE": (-32013, 413),
    "UNSUPPORTED_MEDIA_TYPE": (-32015, 415),
    "UNPROCESSABLE_CONTENT": (-32022, 422),
    "PRECONDITION_REQUIRED": (-32028, 428),
    "TOO_MANY_REQUESTS": (-32029, 429),
    "CLIENT_CLOSED_REQUEST": (-32099, 499),
}
REASONS_IN_MESSAGE = 3
DATABASE_RETRY_AFTER = "2"  # seconds


class TRPCError(Exception):
    """A refusal in tRPC's own words. `data` is added to the standard members of `error.data`."""

    def __init__(
        self,
        key: str,
        message: str,
        data: Mapping[str, Any] | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        status: int | None = None,
    ) -> None:
        if key not in CODES:
            raise ValueError(f"{key!r} is not a key of tRPC's code table.")
        super().__init__(message)
        self.key = key
        self.message = message
        self.data = data or {}
        self.headers = headers or {}
        self.number, usual_status = CODES[key]
        self.status = status or usual_status

    def shape(self, path: str | None) -> dict[str, Any]:
        """The error object as clients know it; `path` only when a call is known."""
        about: dict[str, Any] = {"code": self.key, "httpStatus": self.status}
        if path is not None:
            about["path"] = path
        return {"message": self.message, "code": self.number, "data": {**about, **self.data}}


def refusal_for(error: Exception, path: str | None) -> TRPCError:
    """What to tell the client about `error`. Whatever nobody foresaw is logged and stays ours."""
    if isinstance(error, TRPCError):
        return error
    if isinstance(error, DomainError) and error.code in CODES:
        data: dict[str, Any] = {"fieldErrors": error.fields} if error.fields else {}
        if error.reason:
            data["reason"] = error.reason
        headers = {"Retry-After": str(error.retry_after)} if isinstance(error, Unavailable | TooMany) else {}
        if isinstance(error, TooMany):
            headers |= error.headers
        return TRPCError(error.code, error.message, data, headers=headers)
    if isinstance(error, ValidationError):
        return _invalid_input(error)
    if isinstance(error, OperationalError | InterfaceError):
        logger.error("trpc.database", extra={"procedure": path, "error": str(error)})
        return TRPCError(
            "SERVICE_UNAVAILABLE",
            "The database is not available. Try again.",
            headers={"Retry-After": DATABASE_RETRY_AFTER},
        )
    logger.error("trpc.unhandled", exc_info=error, extra={"procedure": path})
    return TRPCError("INTERNAL_SERVER_ERROR", str(error) if settings.DEBUG else "Internal server error")


def _invalid_input(error: ValidationError) -> TRPCError:
    reasons: dict[str, list[str]] = {}
    _collect(error.detail, "", reasons)
    sentences = [
        f"{field}: {reason}" if field else reason for field, told in reasons.items() for reason in told
    ]
    whole = reasons.pop("", [])
    data: dict[str, Any] = {"fieldErrors": reasons}
    if whole:
        data["formErrors"] = whole
    return TRPCError("BAD_REQUEST", "; ".join(sentences[:REASONS_IN_MESSAGE]), data)


def _collect(detail: Any, path: str, reasons: dict[str, list[str]]) -> None:
    """Flatten DRF's nested detail into dotted wire paths; what concerns an object as a whole has its path."""
    if isinstance(detail, dict):
        for key, inner in detail.items():
            here = path if key == "non_field_errors" else f"{path}.{key}" if path else str(key)
            _collect(inner, here, reasons)
    elif isinstance(detail, list):
        for place, inner in enumerate(detail):
            nested = isinstance(inner, dict | list)
            here = (f"{path}.{place}" if path else str(place)) if nested else path
            _collect(inner, here, reasons)
    else:
        reasons.setdefault(path, []).append(str(detail))
