"""Doing something to many devices, in three steps: what, with which values, and a look before it begins."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from analytics.pages.batch_forms import Choice, choices_for, form_for, refuse
from analytics.pages.confirming import must_type, typed_number
from analytics.pages.doors import for_people, page, person
from analytics.queries.device_list import group_names
from analytics.queries.group_pages import devices_named
from analytics.selection import pack, read_number, unpack
from factory.accounts.models import User
from factory.errors import DomainError, PreconditionFailed
from grouping.models import Group
from grouping.queries import GroupUnknown, get_group, members_of
from grouping.services import create_batch, preview_batch

NAMED = 8
EXCLUDED_SHOWN = 50


@dataclass(frozen=True, slots=True)
class Who:
    """The devices that are meant: a group's, or those that were ticked."""

    group: Group | None
    device_ids: Sequence[int]

    def __bool__(self) -> bool:
        return self.group is not None or bool(self.device_ids)

    @property
    def packed(self) -> str:
        return pack(self.device_ids)

    def named(self) -> dict[str, Any]:
        """As the services take them."""
        return {"group_id": self.group.pk} if self.group else {"device_ids": self.device_ids}


def _who(request: HttpRequest) -> Who:
    asked = request.POST if request.method == "POST" else request.GET
    group_id = read_number(asked.get("group", ""))
    if group_id is not None:
        try:
            return Who(get_group(group_id), ())
        except GroupUnknown:
            return Who(None, ())
    return Who(None, unpack(asked.get("devices", "")))


@require_http_methods(["GET", "POST"])
@for_people(User.Role.OPERATOR)
def new_batch(request: HttpRequest) -> HttpResponse:
    """Choose, fill in, look at it, begin; every step carries what was chosen before."""
    who, choices = _who(request), choices_for(person(request))
    asked = request.POST.get("operation", "") or request.GET.get("operation", "")
    choice = next((one for one in choices if one.name == asked), None)
    step = request.POST.get("step", "")
    if not who or choice is None or step not in STEPS:
        wanting = ""
        if step in STEPS:
            wanting = _("Choose what is to be done.") if who else _("Choose who is meant.")
        return _choosing(request, who, choices, wanting=wanting)
    return STEPS[step](request, who, choice)


def choose(request: HttpRequest, *, device_ids: Sequence[int]) -> HttpResponse:
    """The first step, for devices that were ticked in the list."""
    return _choosing(request, Who(None, device_ids), choices_for(person(request)))


def _choosing(request: HttpRequest, who: Who, choices: list[Choice], *, wanting: str = "") -> HttpResponse:
    context = {
        "here": "batches",
        "who": who,
        "about": _about(who),
        "choices": choices,
        "groups": group_names(),
        "wanting": wanting,
    }
    return page(request, "analytics/batch_choose.html", context, status=422 if wanting else 200)


def _about(who: Who) -> dict[str, Any]:
    ids = members_of(group_id=who.group.pk) if who.group else list(who.device_ids)
    return {"count": len(ids), "named": devices_named(ids=ids, limit=NAMED), "more": max(0, len(ids) - NAMED)}


def _fill(request: HttpRequest, who: Who, choice: Choice) -> HttpResponse:
    return _filling(request, who, choice, form_for(choice))


def _filling(request: HttpRequest, who: Who, choice: Choice, form: Any) -> HttpResponse:
    context = {"here": "batches", "who": who, "choice": choice, "form": form, "about": _about(who)}
    return page(request, "analytics/batch_fill.html", context, status=422 if form.errors else 200)


def _look(request: HttpRequest, who: Who, choice: Choice) -> HttpResponse:
    form = form_for(choice, request.POST)
    if form.is_valid():
        given = form.given()  # type: ignore[attr-defined]
        try:
            return _looking(request, who, choice, given)
        except DomainError as refusal:
            refuse(form, refusal)
    return _filling(request, who, choice, form)


def _looking(
    request: HttpRequest,
    who: Who,
    choice: Choice,
    given: dict[str, Any],
    *,
    problem: str = "",
    status: int = 200,
) -> HttpResponse:
    """Who would be in it and who not, and why; nothing is done."""
    preview = preview_batch(
        operation=choice.operation.name, parameters=given, by=person(request), **who.named()
    )
    reasons = Counter(reason for *_, reason in preview.excluded)
    count = len(preview.eligible)
    context = {
        "here": "batches",
        "who": who,
        "choice": choice,
        "given": given,
        "parameters": json.dumps(given),
        "preview": preview,
        "count": count,
        "reasons": reasons.most_common(),
        "excluded": preview.excluded[:EXCLUDED_SHOWN],
        "more_excluded": max(0, len(preview.excluded) - EXCLUDED_SHOWN),
        "named": devices_named(ids=preview.eligible, limit=NAMED),
        "more": max(0, count - NAMED),
        "must_type": must_type(count),
        "problem": problem,
        "key": f"page-{uuid4().hex}",
    }
    return page(request, "analytics/batch_look.html", context, status=status)


def _start(request: HttpRequest, who: Who, choice: Choice) -> HttpResponse:
    """Begin; the key was made with the last look, so that pressed twice it is one batch."""
    try:
        given = json.loads(request.POST.get("parameters", ""))
        count = int(request.POST.get("count", ""))
    except (ValueError, RecursionError):
        return _fill(request, who, choice)
    if not isinstance(given, dict):
        return _fill(request, who, choice)
    try:
        if problem := typed_number(request, count):
            return _looking(request, who, choice, given, problem=problem, status=422)
        batch = create_batch(
            operation=choice.operation.name,
            parameters=given,
            at=timezone.now(),
            by=person(request),
            idempotency_key=request.POST.get("key", "")[:100] or None,
            confirm=count,
            **who.named(),
        )
    except PreconditionFailed as refusal:  # somebody came or went meanwhile
        messages.warning(
            request, _("It was not begun. %(why)s. Look at it again.") % {"why": refusal.message}
        )
        return _looking(request, who, choice, given, status=409)
    except DomainError as refusal:
        messages.warning(request, _("It was not begun. %(why)s") % {"why": refusal.message})
        return redirect("new-batch")
    return redirect("batch", batch.pk)


STEPS = {"fill": _fill, "look": _look, "start": _start}
