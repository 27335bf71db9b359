"""What a service may refuse, in words every door can repeat.

Services raise subclasses declared beside them; the tRPC gateway, the plain JSON twins and the
pages each have one handler that turns them into their own answer. Anything else is a bug.
"""

from collections.abc import Mapping, Sequence


class DomainError(Exception):
    """A refusal with a reason a person can act on. `code` is a key of the tRPC code table."""

    code = "BAD_REQUEST"
    reason = ""  # one word for programs, where the code alone does not say what to do: `error.data.reason`

    def __init__(self, message: str, *, fields: Mapping[str, Sequence[str]] | None = None) -> None:
        message = str(message)  # nothing lazy goes on the wire
        super().__init__(message)
        self.message = message
        self.fields = {name: [str(reason) for reason in reasons] for name, reasons in (fields or {}).items()}


class InvalidInput(DomainError):
    """The request itself is wrong; `fields` names where (wire names) and why."""

    @classmethod
    def at(cls, field: str, reason: str) -> "InvalidInput":
        return cls(f"{field}: {reason}", fields={field: [reason]})


class Unauthorized(DomainError):
    code = "UNAUTHORIZED"


class Forbidden(DomainError):
    code = "FORBIDDEN"


class NotFound(DomainError):
    code = "NOT_FOUND"


class Conflict(DomainError):
    """Somebody or something got there first."""

    code = "CONFLICT"


class PreconditionFailed(DomainError):
    code = "PRECONDITION_FAILED"


class Unavailable(DomainError):
    """Not now: full, draining or degraded. `retry_after` is in seconds."""

    code = "SERVICE_UNAVAILABLE"

    def __init__(self, message: str, *, retry_after: int = 1) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class TooMany(DomainError):
    """Too often. `retry_after` is in seconds; `headers` tell the limit."""

    code = "TOO_MANY_REQUESTS"

    def __init__(self, message: str, *, retry_after: int, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        self.headers = dict(headers or {})


class TimeIsUp(DomainError):
    """It takes longer than it may, and was ended."""

    code = "TIMEOUT"
