"""One device, tab by tab: `?tab=` says which."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

from django.conf import settings
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from alerts.models import Alert
from alerts.queries.alerts import alerts_matching
from analytics.charts import course_of
from analytics.pages.command_forms import CommandForm, ParametersForm
from analytics.pages.configuration_form import ConfigurationForm
from analytics.pages.doors import for_people, page, person
from analytics.queries.device_tabs import (
    commands_for,
    commands_of,
    credentials_of,
    firmware_among,
    is_moving,
    is_reachable,
    mark_of_device,
    places_of,
    twin_of,
)
from analytics.queries.devices import device_page
from analytics.queries.firmware_pages import history_of, updates_told, versions_for
from analytics.twin_rows import pretty
from devices.models import Command, Device
from devices.queries import get_device
from factory.accounts.models import User

PER_PAGE = 25
NOTHING = {
    "type": "object",
    "additionalProperties": False,
}  # what a restart is given where nobody declared it
RANGES = {
    "15m": ("15 min", "15 minutes", timedelta(minutes=15)),
    "1h": ("1 hour", "hour", timedelta(hours=1)),
    "24h": ("24 hours", "24 hours", timedelta(days=1)),
    "7d": ("7 days", "7 days", timedelta(days=7)),
    "30d": ("30 days", "30 days", timedelta(days=30)),
    "1y": ("1 year", "year", timedelta(days=365)),
}
TABS = {
    "live": "Live",
    "alerts": "Alerts",
    "commands": "Commands",
    "configuration": "Configuration",
    "firmware": "Firmware",
    "credentials": "Credentials",
    "groups": "Groups",
}


@for_people()
def device_detail(request: HttpRequest, device_id: int) -> HttpResponse:
    """One device: how it is, what it measures, what it is told, how it is set up, who may speak for it."""
    tab = request.GET.get("tab", "live")
    return show_tab(request, get_device(device_id), tab if tab in TABS else "live")


def show_tab(
    request: HttpRequest, device: Device, tab: str, *, status: int = 200, **changed: Any
) -> HttpResponse:
    """A tab of the device's page; `changed` replaces what it would show, for example a form with its errors."""
    context = {
        "here": "devices",
        "device": device,
        "tab": tab,
        "tabs": [
            (key, name) for key, name in TABS.items() if key != "credentials" or _may_see_tokens(request)
        ],
        "may_delete": person(request).has_rank_of(User.Role.ADMIN),
        **SHOWS[tab](request, device, timezone.now()),
        **changed,
    }
    context.setdefault("mark", None)
    if context["mark"] is None:
        context["mark"] = mark_of_device(device)
    return page(request, f"analytics/device_{tab}.html", context, status=status)


def _may_see_tokens(request: HttpRequest) -> bool:
    return person(request).has_rank_of(User.Role.TECHNICIAN)


def _live(request: HttpRequest, device: Device, at: datetime) -> dict[str, Any]:
    span = request.GET.get("range", "")
    span = span if span in RANGES else "1h"
    _, words, length = RANGES[span]
    shown = device_page(device=device, metric=request.GET.get("metric", ""), span=length, at=at)
    return {
        "shown": shown,
        "mark": shown.mark,
        "range": span,
        "range_words": words,
        "ranges": [(key, label) for key, (label, _, _) in RANGES.items()],
        "course": shown.chosen
        and course_of(
            device_id=device.pk,
            metric=shown.chosen.metric,
            metrics=len(shown.measurements),
            threshold=shown.chosen.threshold,
            alerts=shown.spans,
            span=length,
        ),
        # to the end of what comes while one looks
        "csv_url": _csv_url(device, at - length, at + timedelta(days=1)),
    }


def _csv_url(device: Device, start: datetime, end: datetime) -> str:
    asked = {
        "deviceId": device.pk,
        "startTime": int(start.timestamp() * 1000),
        "endTime": int(end.timestamp() * 1000),
        "timeZone": settings.PLANT_TIME_ZONE,
    }
    return f"/api/trpc/readings.exportCsv?{urlencode({'input': json.dumps(asked)})}"


def _alerts(request: HttpRequest, device: Device, at: datetime) -> dict[str, Any]:
    about = alerts_matching(device_id=device.pk)
    past = about.filter(status=Alert.Status.RESOLVED)
    return {
        "open": list(about.exclude(status=Alert.Status.RESOLVED)[:50]),
        "rows": Paginator(past, PER_PAGE).get_page(request.GET.get("page")),
    }


def _commands(request: HttpRequest, device: Device, at: datetime) -> dict[str, Any]:
    status = request.GET.get("status", "")
    status = status if status in Command.Status.values else ""
    rows = Paginator(commands_of(device_id=device.pk, status=status), PER_PAGE).get_page(
        request.GET.get("page")
    )
    known = commands_for(device_type=device.type)
    chosen = request.GET.get("send", "")
    return {
        "rows": rows,
        "status": status,
        "statuses": Command.Status.choices,
        "is_moving": is_moving(list(rows), at=at),
        "known": known,
        "send": chosen,
        "chosen": known.get(chosen),
        "form": command_form(known, chosen),
        "form_key": uuid4().hex,
        "is_there": is_reachable(device_id=device.pk, at=at),
        "declared_only": settings.COMMANDS_DECLARED_ONLY,
    }


def command_form(known: dict, name: str, data: Any = None) -> CommandForm | ParametersForm | None:
    """The form of a command: of a declared one, of a restart, of any other (`-`), or none."""
    if name in known:
        return CommandForm(data, name=name, schema=known[name].schema)
    if name == "restart":
        return CommandForm(data, name=name, schema=NOTHING)
    return CommandForm(data) if name == "-" and not settings.COMMANDS_DECLARED_ONLY else None


def _configuration(request: HttpRequest, device: Device, at: datetime) -> dict[str, Any]:
    twin = twin_of(device_id=device.pk)
    is_edited = "edit" in request.GET
    return {
        "twin": twin,
        "reported_text": pretty(twin.reported) if twin.reported is not None else "",
        "desired_text": pretty(twin.desired),
        "versions": [(row, pretty(row.desired)) for row in twin.versions],
        "form": ConfigurationForm(initial={"desired": pretty(twin.desired), "version": twin.version})
        if is_edited
        else None,
    }


def _firmware(request: HttpRequest, device: Device, at: datetime) -> dict[str, Any]:
    history = Paginator(history_of(device_id=device.pk), PER_PAGE).get_page(request.GET.get("page"))
    updates = updates_told(list(history), newest=history.number == 1)
    may_deploy = person(request).has_rank_of(User.Role.TECHNICIAN)
    return {
        "versions": firmware_among(device_type=device.type),
        "rows": history,
        "updates": updates,
        # The newest one only may be under way: the next begins when it is over.
        "is_under_way": any(one.deployment.active_key for one in updates),
        "offered": versions_for(device, at=at) if may_deploy else [],
    }


def _credentials(request: HttpRequest, device: Device, at: datetime) -> dict[str, Any]:
    if not _may_see_tokens(request):
        return {"credentials": []}
    return {"credentials": credentials_of(device_id=device.pk, at=at)}


def _groups(request: HttpRequest, device: Device, at: datetime) -> dict[str, Any]:
    return {"places": places_of(device_id=device.pk)}


SHOWS: dict[str, Callable[[HttpRequest, Device, datetime], dict[str, Any]]] = {
    "live": _live,
    "alerts": _alerts,
    "commands": _commands,
    "configuration": _configuration,
    "firmware": _firmware,
    "credentials": _credentials,
    "groups": _groups,
}
