"""Shift calendars: whose there are, and the editor of one with a preview of what it comes to."""

from datetime import date, datetime

from django.conf import settings
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext, pgettext
from django.views.decorators.http import require_http_methods

from analytics.models import Calendar
from analytics.oee.preview import Preview, preview_of
from analytics.oee.shifts import CalendarRule
from analytics.pages.doors import for_people, is_partial, page
from analytics.pages.shift_form import ShiftsForm, head_in, head_of
from analytics.pages.shift_rows import first, rows_in, rows_of, sent, with_step
from analytics.queries.alerts import known_groups
from analytics.queries.shift_pages import (
    Owner,
    day_in,
    devices_with_shifts,
    owners_of_shifts,
    rule_of_calendar,
    shifts_of_devices,
    shifts_of_target,
)
from analytics.selection import read_number
from analytics.services.calendars import Target, drop_shifts, set_shifts
from analytics.templatetags.measured import in_force, with_version
from devices.queries import find_device, get_device
from factory.accounts.models import User
from factory.errors import DomainError
from grouping.queries import get_group

PER_PAGE = 50
HERE = {"here": "performance", "tab": "shifts"}


@for_people()
def shifts(request: HttpRequest) -> HttpResponse:
    """Who has shifts: the plant, groups, devices; and how many machines work by them today."""
    asked = request.GET.get("named", "").strip()
    problem = ""
    if asked:
        device = find_device(asked)
        if device:
            return HttpResponseRedirect(f"{reverse('edit-shifts')}?device={device.pk}")
        problem = gettext("There is no such device.")
    at = timezone.now()
    owners = owners_of_shifts(at=at)
    devices = Paginator(devices_with_shifts(), PER_PAGE).get_page(request.GET.get("page"))
    having = {owner.group.pk for owner in owners.groups if owner.group}
    context = {
        **HERE,
        "owners": owners,
        "rows": devices,
        "device_owners": shifts_of_devices(list(devices), at=at),
        "groups": [(pk, name) for pk, name in known_groups() if pk not in having],
        "asked": asked,
        "problem": problem,
    }
    return page(request, "analytics/setup_shifts.html", context, status=422 if problem else 200)


def _target(request: HttpRequest) -> Target:
    """Whose shifts an address speaks of: `?device=`, `?group=`, or the plant's."""
    device, group = request.GET.get("device"), request.GET.get("group")
    if device is not None and group is not None:
        raise Http404
    if device is not None:
        return Target(device=get_device(_number(device)))
    return Target(group=get_group(_number(group))) if group is not None else Target()


def _number(text: str) -> int:
    number = read_number(text)
    if number is None:
        raise Http404
    return number


@require_http_methods(["GET", "POST"])
@for_people()
def edit_shifts(request: HttpRequest) -> HttpResponseBase:
    """The shifts of a device, a group or the plant: read by everybody, changed by technicians."""
    target = _target(request)
    if request.method == "POST":
        return _change(request, target)
    at = timezone.now()
    shown = _shown(request, shifts_of_target(target.name, at=at))
    today = day_in(shown.time_zone if shown else settings.PLANT_TIME_ZONE, at)
    head = head_of(shown, today=today, is_chosen="version" in request.GET)
    form = ShiftsForm(rows=rows_of(shown) if shown else [first()], head=head)
    preview = _preview(rule_of_calendar(shown), shown.valid_from, at=at) if shown else None
    return _editor(request, target, form, preview, at=at)


def _shown(request: HttpRequest, owner: Owner) -> Calendar | None:
    """The version that the address names by its first day (`?version=2026-11-28`), else the newest."""
    asked = request.GET.get("version")
    if asked is None:
        return owner.versions[-1] if owner.versions else None
    for calendar in owner.versions:
        if calendar.valid_from.isoformat() == asked:
            return calendar
    raise Http404


@for_people(User.Role.TECHNICIAN)
def _change(request: HttpRequest, target: Target) -> HttpResponse:
    """A row more or fewer, a look at what it comes to, or all of it saved."""
    at = timezone.now()
    do = request.POST.get("do", "")
    if stepped := with_step(rows_in(request.POST), do):
        rows, focus = stepped
        head = head_in(request.POST)
        form = ShiftsForm(rows=rows, head=head, focus=focus)
        # What is not finished is not complained of; what can be meant already is looked at.
        return _editor(request, target, form, _looked_at(ShiftsForm(sent(rows, head)), at=at), at=at)
    form = ShiftsForm(request.POST)
    preview = _looked_at(form, at=at)
    if preview and do != "preview":
        try:
            set_shifts(
                target=target,
                time_zone=form.head.cleaned_data["time_zone"],
                shifts=form.rules(),
                holidays=form.head.cleaned_data["holidays"],
                valid_from=form.head.begins,
                at=at,
            )
        except DomainError as refusal:
            form.refuse(refusal)
        else:
            messages.success(request, _saved(target, form.head.begins))
            return redirect("shifts")
    # While somebody is still typing, what is unfinished is no mistake.
    is_look = do == "preview" and is_partial(request)
    return _editor(
        request, target, form, preview, at=at, status=422 if form.problems and not is_look else 200
    )


def _looked_at(form: ShiftsForm, *, at: datetime) -> Preview | None:
    return _preview(form.calendar(), form.head.begins, at=at) if form.is_valid() else None


def _preview(rule: CalendarRule, begins: date | None, *, at: datetime) -> Preview:
    """From today on, or from the day on which it begins."""
    return preview_of(rule, max(filter(None, [day_in(rule.zone, at), begins])))


def _saved(target: Target, begins: date | None) -> str:
    given = {"whose": whose(target), "day": f"{begins:%Y-%m-%d}" if begins else ""}
    if begins:
        return gettext("Saved: the shifts of %(whose)s, from %(day)s on.") % given
    return gettext("Saved: the shifts of %(whose)s, always.") % given


def whose(target: Target) -> str:
    """Whom a calendar is for, as people say it."""
    if target.device:
        return target.device.name
    return target.group.name if target.group else pgettext("whose shifts", "the plant")


def _editor(
    request: HttpRequest,
    target: Target,
    form: ShiftsForm,
    preview: Preview | None,
    *,
    at: datetime,
    status: int = 200,
) -> HttpResponse:
    owner = shifts_of_target(target.name, at=at)
    shown = _shown(request, owner)
    version = shown if "version" in request.GET else None
    context = {
        **HERE,
        "target": target,
        "whose": whose(target),
        "owner": owner,
        "shown": shown,
        "version": version,
        "form": form,
        "preview": preview,
        "base_address": address_of(target),
        "address": with_version(address_of(target), version) if version else address_of(target),
        "drop_address": address_of(target, "drop-shifts"),
    }
    return page(request, "analytics/setup_shift.html", context, status=status)


def address_of(target: Target, name: str = "edit-shifts") -> str:
    if target.device:
        return f"{reverse(name)}?device={target.device.pk}"
    return f"{reverse(name)}?group={target.group.pk}" if target.group else reverse(name)


@require_http_methods(["GET", "POST"])
@for_people(User.Role.TECHNICIAN)
def remove_shifts(request: HttpRequest) -> HttpResponse:
    """One version is taken back, or all: whoever it was for works by a wider calendar again. Asks first."""
    target = _target(request)
    owner = shifts_of_target(target.name, at=timezone.now())
    shown = _shown(request, owner)
    if shown is None:
        raise Http404
    version = shown if "version" in request.GET else None
    if request.method == "POST":
        drop_shifts(target=target, valid_from=version.valid_from if version else None)
        messages.success(request, _deleted(target, version))
        return redirect("shifts")
    context = {
        **HERE,
        "target": target,
        "whose": whose(target),
        "owner": owner,
        "version": version,
        "address": address_of(target),
    }
    return page(request, "analytics/setup_drop_shifts.html", context)


def _deleted(target: Target, version: Calendar | None) -> str:
    given = {"whose": whose(target), "when": in_force(version) if version else ""}
    if version:
        return gettext("Deleted: the shifts of %(whose)s that hold %(when)s.") % given
    return gettext("Deleted: the shifts of %(whose)s.") % given
