"""Groups of devices: the tree, one group, and what is done with it."""

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from analytics.pages.devices import report
from analytics.pages.doors import for_people, page, person
from analytics.pages.group_form import GroupForm, initial_of
from analytics.queries.batch_pages import told_of
from analytics.queries.device_list import Wanted, devices_wanted
from analytics.queries.devices import marked
from analytics.queries.group_pages import devices_named, thresholds_of_group, tree_of_groups, way_to
from analytics.queries.groups import group_figures
from analytics.selection import read_number, read_numbers
from devices.filtering import FilterRefused
from devices.queries import device_ids_matching, get_device_ids
from factory.accounts.models import User
from factory.errors import Conflict, DomainError
from grouping.models import Group, Membership
from grouping.queries import get_group
from grouping.queries.batches import batches_matching
from grouping.services import (
    add_devices,
    create_group,
    delete_group,
    edit_group,
    remove_devices,
)

PER_PAGE = 50
BATCHES_SHOWN = 5
FIGURES_AT_ONCE = 1000
PREVIEWED = 12
WIRE_NAMES = {"parentId": "parent"}


@for_people()
def group_list(request: HttpRequest) -> HttpResponse:
    """Every group under the one it is inside of, and how its devices are."""
    context = {"here": "groups", "branches": tree_of_groups()}
    return page(request, "analytics/groups.html", context)


@for_people()
def group_detail(request: HttpRequest, group_id: int) -> HttpResponse:
    """One group: its figures, its devices, what is inside of it, what is expected, what was done."""
    group = get_group(group_id)
    devices = Paginator(devices_wanted(Wanted(group_id=group_id)), PER_PAGE).get_page(request.GET.get("page"))
    shown = list(devices)
    own = set(Membership.objects.filter(group=group, device__in=shown).values_list("device_id", flat=True))
    context = {
        "here": "groups",
        "group": group,
        "way": way_to(group),
        # The newest values of thousands of devices take a while: they follow by themselves.
        "figures": group_figures(group_id=group_id, at=timezone.now())
        if devices.paginator.count <= FIGURES_AT_ONCE
        else None,
        "rows": devices,
        "devices": [(*row, row[0].pk in own) for row in marked(shown)],
        "branches": tree_of_groups(inside=group_id),
        "thresholds": thresholds_of_group(group_id=group_id),
        "batches": told_of(list(batches_matching(group_id=group_id)[:BATCHES_SHOWN])),
        "may_delete": person(request).has_rank_of(User.Role.ADMIN),
    }
    return page(request, "analytics/group.html", context)


@for_people()
def group_figures_now(request: HttpRequest, group_id: int) -> HttpResponse:
    """The figures of a group alone, for its page."""
    group = get_group(group_id)
    context = {"group": group, "figures": group_figures(group_id=group_id, at=timezone.now())}
    return page(request, "analytics/_group_figures.html", context)


@require_http_methods(["GET", "POST"])
@for_people(User.Role.OPERATOR)
def new_group(request: HttpRequest) -> HttpResponse:
    """Put devices together under a name, by hand or by a filter."""
    form = GroupForm(request.POST or None, initial={"parent": read_number(request.GET.get("inside", ""))})
    if request.POST.get("do") == "preview":
        return _previewed(request, form)
    if request.method == "POST" and form.is_valid():
        try:
            group = create_group(**form.properties(), at=timezone.now())
        except DomainError as refusal:
            report(form, refusal, WIRE_NAMES)
        else:
            messages.success(request, _("Made: %(name)s.") % {"name": group.name})
            return redirect("group", group.pk)
    return _form_page(request, form)


@require_http_methods(["GET", "POST"])
@for_people(User.Role.OPERATOR)
def change_group(request: HttpRequest, group_id: int) -> HttpResponse:
    """Another name, another place, another filter."""
    group = get_group(group_id)
    form = GroupForm(request.POST or None, group=group, initial=initial_of(group))
    if request.POST.get("do") == "preview":
        return _previewed(request, form, group)
    if request.method == "POST" and form.is_valid():
        try:
            edit_group(group=group, at=timezone.now(), **form.properties())
        except DomainError as refusal:
            report(form, refusal, WIRE_NAMES)
        else:
            messages.success(request, _("Saved: %(name)s.") % {"name": form.cleaned_data["name"]})
            return redirect("group", group_id)
    return _form_page(request, form, group)


def _form_page(
    request: HttpRequest, form: GroupForm, group: Group | None = None, **more: Any
) -> HttpResponse:
    context = {"here": "groups", "form": form, "group": group, **more}
    return page(request, "analytics/group_form.html", context, status=422 if form.errors else 200)


def _previewed(request: HttpRequest, form: GroupForm, group: Group | None = None) -> HttpResponse:
    """The form again, with who its filter finds now; nothing is saved."""
    text = request.POST.get("filter", "").strip()
    form = GroupForm(initial=request.POST.dict(), group=group)
    if not text:
        return _form_page(request, form, group, preview_problem=_("Write a filter first."))
    try:
        ids = device_ids_matching(text)
    except FilterRefused as refusal:
        return _form_page(
            request, form, group, preview_problem=f"{refusal.reason[:1].upper()}{refusal.reason[1:]}"
        )
    found = devices_named(ids=ids, limit=PREVIEWED)
    return _form_page(
        request, form, group, preview={"total": len(ids), "named": found, "more": len(ids) - len(found)}
    )


@require_POST
@for_people(User.Role.OPERATOR)
def change_members(request: HttpRequest, group_id: int) -> HttpResponse:
    """Put devices in by their ids, or take the ticked ones out."""
    group = get_group(group_id)
    at = timezone.now()
    try:
        if request.POST.get("do") == "remove":
            ids = read_numbers(request.POST.getlist("device"))
            if not ids:
                messages.warning(request, _("Tick at least one device first."))
            else:
                remove_devices(group=group, device_ids=ids, at=at)
                messages.success(
                    request, _("%(count)s taken out of %(name)s.") % {"count": len(ids), "name": group.name}
                )
        else:
            names: list[int | str] = [
                *request.POST.get("devices", "").replace(",", " ").replace(";", " ").split()
            ]
            if not names:
                messages.warning(request, _("Name at least one device id."))
            else:
                add_devices(group=group, device_ids=get_device_ids(names), at=at)
                messages.success(
                    request, _("%(count)s put into %(name)s.") % {"count": len(names), "name": group.name}
                )
    except DomainError as refusal:
        messages.warning(request, refusal.message)
    return HttpResponseRedirect(reverse("group", args=[group_id]))


@require_http_methods(["GET", "POST"])
@for_people(User.Role.ADMIN)
def drop_group(request: HttpRequest, group_id: int) -> HttpResponse:
    """Forget a group, after saying what goes with it; its devices stay."""
    group = get_group(group_id)
    problem = ""
    if request.method == "POST":
        try:
            delete_group(group=group)
        except Conflict as refusal:
            problem = refusal.message
        else:
            messages.success(request, _("Deleted: %(name)s. Its devices stay.") % {"name": group.name})
            return redirect("groups")
    context = {
        "here": "groups",
        "group": group,
        "thresholds": thresholds_of_group(group_id=group_id),
        "members": Membership.objects.filter(group=group).count(),
        "problem": problem,
    }
    return page(request, "analytics/delete_group.html", context, status=409 if problem else 200)
