"""Who may call a procedure: a named predicate over the caller's identity."""

from collections.abc import Callable
from dataclasses import dataclass

from factory.trpc.call import Identity


@dataclass(frozen=True, slots=True)
class Permission:
    """The name appears in documentation; `allows` decides."""

    name: str
    allows: Callable[[Identity], bool]

    def __or__(self, other: "Permission") -> "Permission":
        def either(identity: Identity) -> bool:
            return self.allows(identity) or other.allows(identity)

        return Permission(f"{self.name} or {other.name}", either)


ANYONE = Permission("anyone", lambda identity: True)
