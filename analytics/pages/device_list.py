"""The list of all devices, and what is done to several of them at once."""

import json
from collections.abc import Collection
from dataclasses import dataclass
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from analytics.pages.batch_wizard import choose
from analytics.pages.doors import back, for_people, page, person
from analytics.pages.service import ask_to_deactivate
from analytics.queries.device_list import (
    Wanted,
    devices_wanted,
    group_names,
    groups_to_choose,
    zones_of_devices,
)
from analytics.queries.devices import marked
from analytics.selection import MOST, read_number, read_numbers
from devices.filtering import FilterRefused
from devices.models import Device
from devices.queries import get_device_ids
from factory.accounts.models import User
from factory.errors import DomainError, InvalidInput
from grouping.queries import get_group
from grouping.services import add_devices

PER_PAGE = 50
A_YEAR = 365 * 86_400
COLUMNS = {  # beside the name, which is always there: key -> (title, whether a phone has no room for it)
    "state": ("State", False),
    "zone": ("Zone", True),
    "type": ("Type", True),
    "place": ("Place", True),
    "firmware": ("Firmware", True),
    "tags": ("Tags", True),
    "seen": ("Last seen", False),
}
SORTS = {  # a column -> what the list is sorted by then
    "name": "name",
    "state": "status",
    "zone": "zone",
    "type": "type",
    "place": "location",
    "firmware": "firmwareVersion",
    "seen": "lastSeen",
}
USUAL_COLUMNS = ("state", "zone", "type", "firmware", "seen")


@dataclass(frozen=True, slots=True)
class Column:
    """A column's head: its title, and the address that sorts by it."""

    key: str
    title: str
    is_wide: bool
    sort: str  # what a press on it asks for; empty: it cannot be sorted by
    order: str  # as aria-sort says it


def read_wanted(asked: QueryDict, groups: Collection[int]) -> Wanted:
    """What an address asks for; what cannot be meant narrows nothing."""
    group_id = read_number(asked.get("group", ""))
    status, type_ = asked.get("status", ""), asked.get("type", "")
    # A link with an empty zone means those in none. The form without scripts sends what is empty, and means any.
    has_zone = "zone" in asked and bool(asked["zone"] or "search" not in asked)
    return Wanted(
        search=asked.get("search", "").strip()[:120],
        status=status if status in Device.Status.values else "",
        type=type_ if type_ in Device.Type.values else "",
        zone=asked.get("zone", "")[:64] if has_zone else None,
        tag=asked.get("tag", "").strip()[:64],
        group_id=group_id if group_id in groups else None,
        filter=asked.get("filter", "").strip(),
        out_of_service=bool(asked.get("deactivated")),
    )


def read_sort(asked: QueryDict) -> str:
    sort = asked.get("sort", "")
    return sort if sort.removeprefix("-") in SORTS.values() and not sort.startswith("--") else "name"


@for_people()
def device_list(request: HttpRequest) -> HttpResponse:
    """Every device; what it is narrowed and sorted by, and its columns, stand in the address."""
    groups = groups_to_choose()
    wanted, sort = read_wanted(request.GET, {pk for pk, *_ in groups}), read_sort(request.GET)
    refusal = ""
    try:
        found = devices_wanted(wanted, sort=sort)
    except FilterRefused as refused:  # nobody, so that nothing is done to devices that were not meant
        found, refusal = Device.objects.none(), refused.reason[:1].upper() + refused.reason[1:]
    rows = Paginator(found, PER_PAGE).get_page(request.GET.get("page"))
    chosen = _columns(request)
    context = {
        "here": "devices",
        "tab": "list",
        "rows": rows,
        "devices": marked(list(rows)),
        "wanted": wanted,
        "filter_refusal": refusal,
        "sort": sort,
        "columns": [_head(key, sort) for key in COLUMNS if key in chosen],
        "name_column": _head("name", sort),
        "all_columns": [(key, title, key in chosen) for key, (title, _) in COLUMNS.items()],
        "statuses": Device.Status.choices,
        "types": Device.Type.choices,
        "zones": zones_of_devices(),
        "groups": [(pk, name) for pk, name, _ in groups],
        "open_groups": [(pk, name) for pk, name, is_by_hand in groups if is_by_hand],
        "csv_url": _csv_url(wanted),
        "kept_query": [(k, v) for k, v in request.GET.items() if k not in ("col", "keep", "page")],
        "most": MOST,
    }
    response = page(request, "analytics/devices.html", context)
    if request.GET.get("keep"):
        response.set_cookie(
            _cookie(request),
            ".".join(chosen),
            max_age=A_YEAR,
            httponly=True,
            samesite="Lax",
            secure=settings.SECURE,
        )
    return response


def _cookie(request: HttpRequest) -> str:
    return f"device_columns_{person(request).pk}"  # the tablets are shared


def _columns(request: HttpRequest) -> tuple[str, ...]:
    """Those of the address, else those that this person chose last, else the usual ones."""
    if "col" in request.GET or request.GET.get("keep"):
        wanted = request.GET.getlist("col")
    elif _cookie(request) in request.COOKIES:
        wanted = request.COOKIES[_cookie(request)].split(".")
    else:
        return USUAL_COLUMNS
    return tuple(key for key in COLUMNS if key in wanted)


def _head(key: str, sort: str) -> Column:
    title, is_wide = COLUMNS.get(key, ("Device", False))
    by = SORTS.get(key, "")
    up, down = sort == by, sort == f"-{by}"
    order = "ascending" if up else "descending" if down else "none"
    return Column(key, title, is_wide, f"-{by}" if by and up else by, order)


def _csv_url(wanted: Wanted) -> str:
    asked = {
        "search": wanted.search or None,
        "status": wanted.status or None,
        "type": wanted.type or None,
        "zone": wanted.zone,
        "tag": wanted.tag or None,
        "groupId": wanted.group_id,
        "filter": wanted.filter or None,
    }
    given = {name: value for name, value in asked.items() if value is not None}
    return f"/api/trpc/devices.exportCsv?{urlencode({'input': json.dumps(given)})}"


RANKS = {
    "batch": User.Role.OPERATOR,
    "group": User.Role.OPERATOR,
    "deactivate": User.Role.TECHNICIAN,
}


@require_POST
@for_people()
def device_bulk(request: HttpRequest) -> HttpResponse:
    """One thing for all devices that are ticked, or for all that were found."""
    asked = request.POST.get("do", "")
    if asked not in RANKS:
        return back(request, "Choose what to do with the devices.", good=False)
    if not person(request).has_rank_of(RANKS[asked]):
        raise PermissionDenied
    try:
        device_ids = _chosen(request.POST)
    except DomainError as refusal:
        return back(request, refusal.message, good=False)
    if not device_ids:
        return back(request, "Tick at least one device first.", good=False)
    if len(device_ids) > MOST:
        return back(request, f"At most {MOST:,} devices at once. Narrow the list first.", good=False)
    if asked == "batch":
        return choose(request, device_ids=device_ids)
    if asked == "deactivate":
        return ask_to_deactivate(request, device_ids)
    return _put_into_group(request, device_ids)


def _chosen(form: QueryDict) -> list[int]:
    if form.get("all"):
        asked = QueryDict(form.get("asked", ""))
        wanted = read_wanted(asked, dict(group_names()))
        _refuse_what_narrowed_nothing(asked, wanted)
        return sorted(devices_wanted(wanted).values_list("pk", flat=True)[: MOST + 1])
    return read_numbers(form.getlist("device"))


def _refuse_what_narrowed_nothing(asked: QueryDict, wanted: Wanted) -> None:
    """The list may show more than was asked for; nothing is done to more (the group was deleted since)."""
    understood = {"group": wanted.group_id is not None, "status": wanted.status, "type": wanted.type}
    for name, is_understood in understood.items():
        if asked.get(name) and not is_understood:
            raise InvalidInput(f"The {name} that you narrowed the list by is not there. Choose again.")


def _put_into_group(request: HttpRequest, device_ids: list[int]) -> HttpResponse:
    group_id = read_number(request.POST.get("group", ""))
    if group_id is None:
        return back(request, "Choose the group they go into.", good=False)
    try:
        group = get_group(group_id)
        there = get_device_ids([*device_ids])
        add_devices(group=group, device_ids=there, at=timezone.now())
    except DomainError as refusal:
        return back(request, refusal.message, good=False)
    messages.success(request, f"{len(there):,} device{'' if len(there) == 1 else 's'} in {group.name} now.")
    return HttpResponseRedirect(reverse("group", args=[group.pk]))
