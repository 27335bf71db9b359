"""What the admin pages of this room have in common."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone

from analytics.queries.states import moment
from factory.accounts.backoffice import ReadOnlyAdmin, report
from factory.accounts.noting import collecting
from factory.errors import DomainError
from factory.trpc.serializers import wire_name

NAMED = 3  # refusals in one message
DAY_AND_TIME = "%Y-%m-%d %H:%M"


class OnlyLookedAt(ReadOnlyAdmin):
    """Listed, searched and acted upon; the page of one has nothing to save."""

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return obj is None and super().has_change_permission(request)

    def each(
        self, request: HttpRequest, rows: Iterable[Any], work: Callable[[Any], Any], done_what: str
    ) -> None:
        """Do the same to each of the selected; who refuses does not keep the others from it."""
        done, refusals = 0, []
        for row in rows:
            try:
                work(row)
                done += 1
            except DomainError as refusal:
                refusals.append(refusal.message)
        if done:
            self.message_user(request, f"{done_what}: {done}.", messages.SUCCESS)
        if refusals:
            others = f" And {len(refusals) - NAMED} more." if len(refusals) > NAMED else ""
            self.message_user(request, " ".join(refusals[:NAMED]) + others, messages.WARNING)


class AskedFirst:
    """A form whose service knows what can be: it is asked, and what it did is undone."""

    on_the_wire: Mapping[str, str] = {}

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}  # type: ignore[misc]
        if self.errors:  # type: ignore[attr-defined]
            return cleaned
        try:
            with transaction.atomic(), collecting():  # and what it notes has not happened
                self.save_by_service()
                transaction.set_rollback(True)
        except DomainError as refusal:
            fields = refusal.fields or {"__all__": [refusal.message]}
            names = {wire: wire_name(self.on_the_wire.get(wire, wire)) for wire in fields}
            report(self, {names[wire]: why for wire, why in fields.items()})  # type: ignore[arg-type]
        return cleaned

    def save_by_service(self) -> Any:
        raise NotImplementedError


def clock(at_ms: int | None) -> str:
    """A telemetry time on the plant's clock."""
    if at_ms is None:
        return ""
    return timezone.localtime(moment(at_ms)).strftime(DAY_AND_TIME)
