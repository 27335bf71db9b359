"""A rollout in three steps: which version for whom, how it goes on, and a look before it is kept."""

from collections import Counter
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from analytics.pages.devices import report
from analytics.pages.doors import for_people, page, person
from analytics.pages.rollout_forms import WIRE_NAMES, PaceForm, WhoForm
from factory.accounts.models import User
from factory.errors import DomainError
from ota.services.rollouts import RolloutPreview, create_rollout, preview_rollout

NAMED = 8
EXCLUDED_SHOWN = 50


@require_http_methods(["GET", "POST"])
@for_people(User.Role.TECHNICIAN)
def new_rollout(request: HttpRequest) -> HttpResponse:
    """Choose, fill in, look at it, keep it; every step carries what was chosen before."""
    step = request.POST.get("step", "")
    if request.method != "POST" or step not in STEPS:
        return _choosing(request, WhoForm(initial=request.GET.dict()))
    who = WhoForm(request.POST)
    if step == "choose" or not who.is_valid():
        return _choosing(request, WhoForm(initial=request.POST.dict()) if step == "choose" else who)
    if step == "fill":
        return _filling(request, who, _first_pace(request, who))
    pace = PaceForm(request.POST)
    if step == "change" or not pace.is_valid():
        return _filling(request, who, pace)
    return _look(request, who, pace) if step == "look" else _create(request, who, pace)


STEPS = ("choose", "fill", "change", "look", "create")


def _first_pace(request: HttpRequest, who: WhoForm) -> PaceForm:
    return PaceForm(
        initial={
            **PaceForm.USUAL,
            "name": _("Update to %(version)s") % {"version": who.cleaned_data["firmware"].version},
        }
    )


def _choosing(request: HttpRequest, form: WhoForm) -> HttpResponse:
    context = {"here": "firmware", "form": form}
    return page(request, "analytics/rollout_choose.html", context, status=422 if form.errors else 200)


def _filling(request: HttpRequest, who: WhoForm, form: PaceForm) -> HttpResponse:
    context = {
        "here": "firmware",
        "who": who,
        "firmware": who.cleaned_data["firmware"],
        "form": form,
        "carried": _carried(request, who),
    }
    return page(request, "analytics/rollout_fill.html", context, status=422 if form.errors else 200)


def _carried(request: HttpRequest, *parts: Any) -> list[tuple[str, str]]:
    """(name, value) of all that was said in these forms, as it was typed."""
    return [(name, value) for form in parts for name in form.fields for value in request.POST.getlist(name)]


def _look(request: HttpRequest, who: WhoForm, pace: PaceForm, *, status: int = 200) -> HttpResponse:
    """Who would be in which wave, who would not and why; nothing is done."""
    firmware = who.cleaned_data["firmware"]
    try:
        preview = preview_rollout(firmware=firmware, target=who.target(), pace=pace.pace(), at=timezone.now())
    except DomainError as refusal:
        report(pace, refusal, WIRE_NAMES)
        return _filling(request, who, pace)
    context = {
        "here": "firmware",
        "firmware": firmware,
        "pace": pace,
        "count": len(preview.members),
        "may_create": bool(preview.members) or pace.cleaned_data["is_continuous"],
        "carried": _carried(request, who, pace),
        **about(preview),
    }
    return page(request, "analytics/rollout_look.html", context, status=status)


def about(preview: RolloutPreview) -> dict[str, Any]:
    """A dry run as its page shows it."""
    waves: list[dict[str, Any]] = [
        {"number": number, "size": size, "named": [], "offline": 0}
        for number, size in enumerate(preview.sizes, start=1)
    ]
    for member, wave in preview.members:
        told = waves[wave - 1]
        told["offline"] += member.is_offline
        if len(told["named"]) < NAMED:
            told["named"].append(member)
    for told in waves:
        told["more"] = told["size"] - len(told["named"])
    return {
        "preview": preview,
        "waves": waves,
        "reasons": Counter(member.why_not for member in preview.excluded).most_common(),
        "excluded": preview.excluded[:EXCLUDED_SHOWN],
        "more_excluded": max(0, len(preview.excluded) - EXCLUDED_SHOWN),
    }


def _create(request: HttpRequest, who: WhoForm, pace: PaceForm) -> HttpResponse:
    """Keep the plan. Nothing happens before it is started."""
    given = pace.cleaned_data
    try:
        rollout = create_rollout(
            name=given["name"],
            firmware=who.cleaned_data["firmware"],
            target=who.target(),
            pace=pace.pace(),
            is_continuous=given["is_continuous"],
            by=person(request),
            at=timezone.now(),
        )
    except DomainError as refusal:
        report(pace, refusal, WIRE_NAMES)
        return _filling(request, who, pace)
    messages.success(request, _("The plan is kept. Nothing happens before it is started."))
    return redirect("rollout", rollout.pk)
