"""What was and is being done to many devices: the list, one batch live, cancelling it, the failed once more."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from analytics import writing
from analytics.pages.doors import back_to, for_people, page, person
from analytics.queries.batch_pages import Told, items_to_look_at, tiles_of, told_of
from analytics.queries.device_list import group_names
from analytics.queries.work import away_of
from analytics.remaining import seconds_left
from analytics.selection import read_number
from analytics.templatetags.fleet import batch_title
from factory.accounts.models import User
from factory.errors import DomainError, InvalidInput
from grouping.models import BatchItem, BatchOperation
from grouping.operations import get_operation
from grouping.queries.batches import batches_matching, get_batch
from grouping.services import cancel_batch, retry_failed

PER_PAGE = 50
TILES = 1000


@for_people()
def batch_list(request: HttpRequest) -> HttpResponse:
    """Every batch, the newest first."""
    groups = group_names()
    group_id, status = read_number(request.GET.get("group", "")), request.GET.get("status", "")
    group_id = group_id if group_id in dict(groups) else None
    status = status if status in BatchOperation.Status.values else ""
    found = batches_matching(group_id=group_id, status=status or None)
    rows = Paginator(found, PER_PAGE).get_page(request.GET.get("page"))
    told = told_of(list(rows))
    context = {
        "here": "batches",
        "rows": rows,
        "told": told,
        "group_id": group_id,
        "status": status,
        "groups": groups,
        "statuses": BatchOperation.Status.values,
        "is_moving": any(one.batch.status in BatchOperation.UNFINISHED for one in told),
        "filtered": bool(group_id or status),
    }
    return page(request, "analytics/batches.html", context)


@for_people()
def batch_detail(request: HttpRequest, batch_id: int) -> HttpResponse:
    """One batch: how far it is, and what became of each device, the failed first."""
    batch = get_batch(batch_id)
    [told] = told_of([batch])
    status = request.GET.get("status", "")
    status = status if status in BatchItem.Status.values else ""
    items = items_to_look_at(batch_id=batch_id, status=status)
    at = timezone.now()
    away = away_of(batch_id) if batch.status in BatchOperation.UNFINISHED else 0
    # Whoever is away answers nobody knows when; the others keep a pace.
    left = seconds_left(
        done=told.counts.finished,
        total=told.counts.total,
        since=batch.started_at or batch.created_at,
        at=at,
    )
    is_known = batch.status in BatchOperation.UNFINISHED and not away and not told.counts.waiting
    context = {
        "here": "batches",
        "batch": batch,
        "away": away,
        "left": left if is_known else None,
        "confirm": cancelling_words(told),
        "told": told,
        "counts": told.counts,
        "status": status,
        "rows": Paginator(items, PER_PAGE).get_page(request.GET.get("page")),
        "tiles": tiles_of(batch_id=batch_id, limit=TILES) if batch.total > 1 else [],
        "is_running": batch.status in BatchOperation.UNFINISHED,
        "is_moving": batch.completed_at is None,
        "may_steer": may_steer(person(request), batch),
    }
    return page(request, "analytics/batch.html", context)


def cancelling_words(told: Told) -> str:
    """What is asked before it is cancelled."""
    count = told.counts.unfinished
    return ngettext(
        "Cancel %(title)s? %(count)s device is not over yet; what was told to it already goes on to its end.",
        "Cancel %(title)s? %(count)s devices are not over yet; what was told to them already goes on to its end.",
        count,
    ) % {"title": batch_title(told.batch), "count": writing.number(count)}


def may_steer(user: User, batch: BatchOperation) -> bool:
    """Whether this person may cancel it, or have it done again."""
    try:
        return user.has_rank_of(get_operation(batch.operation).role)
    except InvalidInput:  # its room is gone: whoever may start batches may end this one
        return user.has_rank_of(User.Role.OPERATOR)


def _step(request: HttpRequest, batch_id: int, do, done: str) -> HttpResponse:
    batch = get_batch(batch_id)
    if not may_steer(person(request), batch):
        raise PermissionDenied
    try:
        do(batch=batch, at=timezone.now())
    except DomainError as refusal:
        messages.warning(request, refusal.message)
    else:
        messages.success(request, done)
    return back_to(request, "batch", batch_id)


@require_POST
@for_people(User.Role.OPERATOR)
def cancel(request: HttpRequest, batch_id: int) -> HttpResponse:
    """No more devices; those that were told already go on to their outcome."""
    return _step(
        request, batch_id, cancel_batch, _("Cancelled. Devices that were told already go on to their end.")
    )


@require_POST
@for_people(User.Role.OPERATOR)
def retry(request: HttpRequest, batch_id: int) -> HttpResponse:
    """The failed once more; the others are left alone."""
    return _step(request, batch_id, retry_failed, _("The failed ones are tried again."))
