"""Procedures and their registry: what exists, who may call it, what goes in and what comes out."""

import inspect
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, Literal, TypeVar

from factory.trpc.permissions import Permission
from factory.trpc.serializers import Reader, Writer, deprecations_in, reader_for, writer_for
from factory.trpc.superjson import UNDEFINED, VOID

__all__ = ["UNDEFINED", "VOID", "Deprecated", "Procedure", "Registry", "Router"]

Kind = Literal["query", "mutation", "subscription"]
Handler = TypeVar("Handler", bound=Callable[..., Any])
NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
NOTICE = timedelta(days=183)


@dataclass(frozen=True, slots=True)
class Deprecated:
    """On its way out: since when, until when, and what to use from now on."""

    since: date
    until: date
    instead: str = ""

    def __post_init__(self) -> None:
        if self.until - self.since < NOTICE:
            raise ValueError(
                f"Clients get at least {NOTICE.days} days between {self.since} and {self.until}."
            )


@dataclass(frozen=True, slots=True)
class Procedure:
    """One door of the API, as declared beside its handler."""

    path: str
    kind: Kind
    handler: Callable[..., Any]
    permission: Permission
    input: Any = None
    output: Any = None
    many: bool = False
    doc: str = ""
    deprecated: Deprecated | None = None
    accepts_form: bool = False
    downloads: bool = False
    # Built from input and output: raw wire value -> keyword arguments (None: input is never read),
    # and returned value -> JSON-like value (None: returned as it is).
    read: Reader | None = field(init=False, repr=False, compare=False)
    write: Writer | None = field(init=False, repr=False, compare=False)
    # What its answers announce: its own end, or else that of the field that ends first.
    notice: Deprecated | None = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not isinstance(self.permission, Permission):
            raise TypeError(f"{self.path}: permission must be a Permission, not {self.permission!r}.")
        if not self.doc:
            raise TypeError(f"{self.path} has no docstring: say what it means on the floor.")
        if inspect.iscoroutinefunction(self.handler):
            raise TypeError(f"{self.path}: procedures run in threads; make it a plain function.")
        if self.accepts_form and self.kind != "mutation":
            raise TypeError(f"{self.path}: only a mutation can accept a form.")
        if self.downloads and (self.kind != "query" or self.output is not None):
            raise TypeError(f"{self.path}: a download is a query, and a file is all that it answers.")
        object.__setattr__(self, "read", reader_for(self.input))
        object.__setattr__(self, "write", writer_for(self.output, many=self.many))
        fields = [*deprecations_in(self.input), *deprecations_in(self.output)]
        first = min(fields, key=lambda deprecated: deprecated.until, default=None)
        object.__setattr__(self, "notice", self.deprecated or first)


class Router:
    """The procedures that share a prefix. `Router("")` names them at the root."""

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix
        self.procedures: list[Procedure] = []

    def query(
        self,
        name: str,
        *,
        permission: Permission,
        input: Any = None,
        output: Any = None,
        many: bool = False,
        deprecated: Deprecated | None = None,
        downloads: bool = False,
    ) -> Callable[[Handler], Handler]:
        """Declare a procedure that only reads. `downloads`: it returns a `Download` instead of a value."""
        return self._adder(name, "query", permission, input, output, many, deprecated, downloads=downloads)

    def mutation(
        self,
        name: str,
        *,
        permission: Permission,
        input: Any = None,
        output: Any = None,
        many: bool = False,
        deprecated: Deprecated | None = None,
        accepts_form: bool = False,
    ) -> Callable[[Handler], Handler]:
        """Declare a procedure that writes. `accepts_form`: its input may also come as multipart/form-data."""
        return self._adder(
            name, "mutation", permission, input, output, many, deprecated, accepts_form=accepts_form
        )

    def subscription(
        self,
        name: str,
        *,
        permission: Permission,
        input: Any = None,
        output: Any = None,
        deprecated: Deprecated | None = None,
    ) -> Callable[[Handler], Handler]:
        """Declare a procedure whose handler returns an async iterator: of values, or of `Tracked` ones.

        `output` is what one value looks like. An input with the member `lastEventId` can be taken up again.
        """
        return self._adder(name, "subscription", permission, input, output, False, deprecated)

    def _adder(
        self,
        name: str,
        kind: Kind,
        permission: Permission,
        input: Any,
        output: Any,
        many: bool,
        deprecated: Deprecated | None,
        **ways: bool,
    ) -> Callable[[Handler], Handler]:
        path = f"{self.prefix}.{name}" if self.prefix else name
        if not all(NAME.fullmatch(part) for part in path.split(".")):
            raise ValueError(f"{path!r} is no path for a procedure.")

        def add(handler: Handler) -> Handler:
            doc = inspect.getdoc(handler) or ""
            self.procedures.append(
                Procedure(path, kind, handler, permission, input, output, many, doc, deprecated, **ways)
            )
            return handler

        return add


class Registry:
    """Every procedure of one mount point, by path."""

    def __init__(self, routers: Iterable[Router]) -> None:
        self._procedures: dict[str, Procedure] = {}
        for router in routers:
            for procedure in router.procedures:
                if procedure.path in self._procedures:
                    raise ValueError(f"Two procedures are called {procedure.path!r}.")
                self._procedures[procedure.path] = procedure

    def find(self, path: str) -> Procedure | None:
        return self._procedures.get(path)

    def __iter__(self) -> Iterator[Procedure]:
        return iter(self._procedures.values())

    def __len__(self) -> int:
        return len(self._procedures)
