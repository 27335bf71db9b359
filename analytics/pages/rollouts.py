"""Rollouts: the list, one of them live, and what people do with it."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from analytics import writing
from analytics.pages.confirming import must_type, typed_number
from analytics.pages.doors import back_to, for_people, is_partial, page, person
from analytics.pages.rollout_wizard import about
from analytics.queries.rollout_pace import paces_of
from analytics.queries.rollout_pages import places_to_look_at, rows_told, tiles_of, told_of
from factory.accounts.models import User
from factory.errors import DomainError
from ota.models import Rollout, RolloutDevice
from ota.queries.rollouts import get_rollout, rollouts_matching
from ota.services.rollout_steps import cancel_rollout, pause_rollout, resume_rollout, retry_rollout
from ota.services.rollouts import Pace, RolloutPreview, Target, preview_rollout, start_rollout

PER_PAGE = 50
TILES = 1000
Status = Rollout.Status


@for_people()
def rollout_list(request: HttpRequest) -> HttpResponse:
    """Every rollout, the newest first."""
    status = request.GET.get("status", "")
    status = status if status in Status.values else ""
    rows = Paginator(rollouts_matching(status=status or None), PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "here": "firmware",
        "tab": "rollouts",
        "rows": rows,
        "told": told_of(list(rows)),
        "status": status,
        "statuses": Status.choices,
    }
    return page(request, "analytics/rollouts.html", context)


@for_people()
def rollout_detail(request: HttpRequest, rollout_id: int) -> HttpResponse:
    """One rollout: how far it is, wave by wave, and what becomes of each device, the failed first."""
    return _detail(request, get_rollout(rollout_id))


def _detail(request: HttpRequest, rollout: Rollout, *, problem: str = "", status: int = 200) -> HttpResponse:
    [told] = told_of([rollout])
    shown = request.GET.get("status", "")
    shown = shown if shown in RolloutDevice.Status.values else ""
    rows = Paginator(places_to_look_at(rollout_id=rollout.pk, status=shown), PER_PAGE).get_page(
        request.GET.get("page")
    )
    context: dict[str, Any] = {
        "here": "firmware",
        "rollout": rollout,
        "told": told,
        "counts": told.bar.counts,
        "pace": paces_of([told], at=timezone.now()).get(rollout.pk),
        "shown": shown,
        "rows": rows,
        "places": rows_told(rows),
        "tiles": tiles_of(rollout_id=rollout.pk, limit=TILES) if rollout.status != Status.DRAFT else [],
        "may_retry": rollout.status not in (Status.DRAFT, Status.CANCELLED) and told.bar.counts.failed,
        "is_over": rollout.status not in Rollout.UNFINISHED,
        "problem": problem,
    }
    # A dry run looks at every device: not each time that the open page looks again.
    if rollout.status == Status.DRAFT and not is_partial(request):
        context |= {"is_whole": True, **_dry_run(rollout)}
    return page(request, "analytics/rollout.html", context, status=status)


def _preview(rollout: Rollout) -> RolloutPreview:
    """Whom it would reach if it were started now."""
    picked: list[int] | None = None
    if rollout.group_id is None and not rollout.filter:
        ids = rollout.places.exclude(device=None).values_list("device_id", flat=True)
        picked = [pk for pk in ids if pk is not None]
    pace = Pace(
        waves=rollout.waves or None,
        wave_counts=rollout.wave_counts,
        success_threshold=rollout.success_threshold,
        failure_threshold=rollout.failure_threshold,
    )
    target = Target(device_ids=picked, group_id=rollout.group_id, filter=rollout.filter or None)
    return preview_rollout(firmware=rollout.firmware, target=target, pace=pace, at=timezone.now())


def _dry_run(rollout: Rollout) -> dict[str, Any]:
    try:
        preview = _preview(rollout)
    except DomainError as refusal:  # its group is gone, or all who were picked
        return {"refusal": refusal.message}
    count = len(preview.members)
    return {"count": count, "must_type": must_type(count), **about(preview)}


def _step(request: HttpRequest, rollout_id: int, do: Callable[..., Any], done: str) -> HttpResponse:
    try:
        do(rollout=get_rollout(rollout_id), at=timezone.now())
    except DomainError as refusal:
        messages.warning(request, refusal.message)
    else:
        messages.success(request, done)
    return back_to(request, "rollout", rollout_id)


@require_POST
@for_people(User.Role.TECHNICIAN)
def start(request: HttpRequest, rollout_id: int) -> HttpResponse:
    """Begin with the first wave, for as many devices as were seen."""
    rollout = get_rollout(rollout_id)
    if rollout.status == Status.DRAFT:
        try:
            now = len(_preview(rollout).members)
        except DomainError as refusal:
            messages.warning(request, refusal.message)
            return redirect("rollout", rollout_id)
        if request.POST.get("count", "") != str(now):
            messages.warning(
                request,
                _("It was not started: it would reach %(count)s devices now. Look at it again.")
                % {"count": writing.number(now)},
            )
            return redirect("rollout", rollout_id)
        if problem := typed_number(request, now):
            return _detail(request, rollout, problem=problem, status=422)
    return _step(request, rollout_id, start_rollout, _("Started with the first wave."))


@require_POST
@for_people(User.Role.TECHNICIAN)
def pause(request: HttpRequest, rollout_id: int) -> HttpResponse:
    """Begin no more updates; those under way go on."""
    who, said = person(request), request.POST.get("reason", "").strip()
    reason = f"{said[:200]} ({who})" if said else f"Paused by {who}."

    def do(**given: Any) -> None:
        pause_rollout(reason=reason, **given)

    return _step(request, rollout_id, do, _("Paused. Updates that are under way go on."))


@require_POST
@for_people(User.Role.TECHNICIAN)
def resume(request: HttpRequest, rollout_id: int) -> HttpResponse:
    """Go on; what has failed until now was seen."""
    return _step(
        request, rollout_id, resume_rollout, _("It goes on. What failed before does not count any more.")
    )


@require_POST
@for_people(User.Role.TECHNICIAN)
def cancel(request: HttpRequest, rollout_id: int) -> HttpResponse:
    """Update no more devices."""
    return _step(
        request, rollout_id, cancel_rollout, _("Cancelled. What is being installed goes on to its end.")
    )


@require_POST
@for_people(User.Role.TECHNICIAN)
def retry(request: HttpRequest, rollout_id: int) -> HttpResponse:
    """The failed once more; the others are left alone."""
    return _step(request, rollout_id, retry_rollout, _("The failed ones are tried again."))
