"""A large file of devices while a worker is at it: how far it is, what it would do, and the tokens at its end."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from analytics import writing
from analytics.pages.confirming import must_type, typed_number
from analytics.pages.doors import back_to, for_people, page, person
from analytics.remaining import seconds_left
from devices.models import DeviceImport
from devices.queries import get_import, imports, refusals_of
from devices.services.imports import (
    cancel_import,
    make_tokens,
    may_have_tokens,
    refused_rows_as_csv,
    start_import,
)
from factory.accounts.models import User
from factory.errors import DomainError

PER_PAGE = 50
SHOWN = 5
Status = DeviceImport.Status


def import_words(one: DeviceImport) -> str:
    """How an import stands: the answer first."""
    numbers = {"done": writing.number(one.next_row), "rows": writing.number(one.rows)}
    written = {"created": writing.number(one.created), "updated": writing.number(one.updated)}
    if one.status == Status.CHECKING:
        return _("%(done)s of %(rows)s rows looked through") % numbers
    if one.status == Status.READY:
        return _("looked through, nothing is written yet")
    if one.status == Status.WRITING:
        return _("%(done)s of %(rows)s rows imported") % numbers
    if one.status == Status.DONE:
        return _("done, %(created)s new, %(updated)s changed") % written
    if not has_written(one):
        return _("cancelled, nothing was written") if one.status == Status.CANCELLED else _("failed")
    if one.status == Status.CANCELLED:
        return _("cancelled after %(created)s new and %(updated)s changed") % written
    return _("failed after %(created)s new and %(updated)s changed") % written


def has_written(one: DeviceImport) -> bool:
    """Whether devices are there, or other, by this import: `created` counts what would be until it is started."""
    return one.is_started and bool(one.created or one.updated)


def wrong_words(one: DeviceImport) -> str:
    """How many rows are wrong; nothing where none is."""
    if not one.bad:
        return ""
    return ngettext("%(count)s row is wrong", "%(count)s rows are wrong", one.bad) % {
        "count": writing.number(one.bad)
    }


def cancelling_words(one: DeviceImport) -> str:
    """What is asked before it is cancelled."""
    if one.status != Status.WRITING:
        return _("Cancel the import of %(name)s? Nothing is written yet.") % {"name": one.name}
    left = one.rows - one.next_row
    return ngettext(
        "Cancel the import of %(name)s? %(count)s row is left; what was imported until then stays.",
        "Cancel the import of %(name)s? %(count)s rows are left; what was imported until then stays.",
        left,
    ) % {"name": one.name, "count": writing.number(left)}


def latest_imports() -> list[tuple[DeviceImport, str]]:
    """The newest ones with how they stand, for the page where files are brought."""
    return [(one, import_words(one)) for one in imports()[:SHOWN]]


@for_people(User.Role.TECHNICIAN)
def import_job(request: HttpRequest, import_id: int) -> HttpResponse:
    """One import, live."""
    return _detail(request, get_import(import_id))


def _detail(request: HttpRequest, one: DeviceImport, *, problem: str = "", status: int = 200) -> HttpResponse:
    at, me = timezone.now(), person(request)
    changes = one.created + one.updated
    rows = Paginator(refusals_of(import_id=one.pk), PER_PAGE).get_page(request.GET.get("page"))
    context: dict[str, Any] = {
        "here": "devices",
        "tab": "import",
        "one": one,
        "words": import_words(one),
        "confirm": cancelling_words(one),
        "left": seconds_left(done=one.next_row, total=one.rows, since=one.phase_at, at=at)
        if one.is_working
        else None,
        "changes": changes,
        "must_type": must_type(changes),
        "count": changes,
        "problem": problem,
        "is_mine": one.created_by_id == me.pk,
        "may_start": one.status == Status.READY and one.created_by_id == me.pk and changes,
        "new": one.imported.count() if one.is_over else 0,
        "may_have_tokens": may_have_tokens(of_import=one, by=me, at=at),
        "rows": rows,
    }
    return page(request, "analytics/import_job.html", context, status=status)


def _step(request: HttpRequest, do: Callable[[], None], done: str) -> None:
    try:
        do()
    except DomainError as refusal:
        messages.warning(request, refusal.message)
    else:
        messages.success(request, done)


@require_POST
@for_people(User.Role.TECHNICIAN)
def start(request: HttpRequest, import_id: int) -> HttpResponse:
    """Write what was looked through."""
    one = get_import(import_id)
    if one.status == Status.READY and (problem := typed_number(request, one.created + one.updated)):
        return _detail(request, one, problem=problem, status=422)
    _step(
        request,
        lambda: start_import(
            import_id=import_id,
            by=person(request),
            at=timezone.now(),
            skip_bad=bool(request.POST.get("skip_bad")),
        ),
        _("The import has begun. You may leave this page; it goes on."),
    )
    return redirect("import-job", import_id)


@require_POST
@for_people(User.Role.TECHNICIAN)
def cancel(request: HttpRequest, import_id: int) -> HttpResponse:
    """No more rows; what was written stays."""
    _step(
        request,
        lambda: cancel_import(import_id=import_id, at=timezone.now()),
        _("Cancelled. What was imported until then stays."),
    )
    return back_to(request, "import-job", import_id)


@require_POST
@for_people(User.Role.TECHNICIAN)
def tokens(request: HttpRequest, import_id: int) -> HttpResponse:
    """The tokens of the new devices, made in this answer and kept nowhere."""
    try:
        made = make_tokens(import_id=import_id, by=person(request), at=timezone.now())
    except DomainError as refusal:
        messages.warning(request, refusal.message)
        return redirect("import-job", import_id)
    return _file(made, f"tokens-{import_id}.csv")


@for_people(User.Role.TECHNICIAN)
def wrong_rows(request: HttpRequest, import_id: int) -> HttpResponse:
    """The wrong rows with the reasons, to be mended and imported again."""
    return _file(refused_rows_as_csv(import_id=import_id), f"wrong-rows-{import_id}.csv")


def _file(content: bytes, name: str) -> HttpResponse:
    return HttpResponse(
        content,
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"},
    )
