"""What people do with stops: say why, add one that no machine told of, take that back."""

from typing import Any
from urllib.parse import urlsplit

from django import forms
from django.http import HttpRequest, HttpResponse, QueryDict
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from analytics.pages.about import about_of
from analytics.pages.doors import back, for_people, is_partial, page, person, where_from
from analytics.pages.maintenance import LocalMoment
from analytics.pages.steps import first_error
from analytics.queries.downtime import downtime_answer, downtime_in, stop_told
from analytics.queries.machines import machines_in
from analytics.queries.states import ms
from analytics.queries.stop_codes import stop_codes
from analytics.services.stops import add_stop, classify_stop, remove_stop
from devices.queries import get_device
from factory.accounts.models import User
from factory.errors import DomainError

FIELDS = {"startTime": _("The stop's beginning %(reason)s."), "endTime": _("The stop's end %(reason)s.")}


class ReasonForm(forms.Form):
    code = forms.CharField(max_length=64, required=False)
    note = forms.CharField(max_length=300, required=False)


class AddedForm(forms.Form):
    """A stop that somebody saw; the times are on the plant's clock."""

    device = forms.IntegerField(min_value=1, error_messages={"required": _("Choose a machine.")})
    starts_at = LocalMoment(error_messages={"required": _("Say from when on it stood.")})
    ends_at = LocalMoment(error_messages={"required": _("Say until when it stood.")})
    code = forms.CharField(max_length=64, error_messages={"required": _("Choose a reason.")})
    note = forms.CharField(max_length=300, required=False)


@require_POST
@for_people(User.Role.OPERATOR)
def give_reason(request: HttpRequest, stop_id: int) -> HttpResponse:
    """Why it stood; no code takes back what was said."""
    form = ReasonForm(request.POST)
    if not form.is_valid():
        return _refused(request, first_error(form), 422)
    at = timezone.now()
    said = {"code": form.cleaned_data["code"] or None, "note": form.cleaned_data["note"]}
    try:
        stop = classify_stop(stop_id=stop_id, by=person(request), at=at, **said)
    except DomainError as refusal:
        return _refused(request, refusal.message, 409)
    told = stop_told(stop, now=ms(at))
    words = gettext("%(name)s: %(label)s.") if told["label"] else gettext("%(name)s: no reason any more.")
    words %= {"name": told["name"], "label": told["label"]}
    if not is_partial(request):
        return back(request, words)
    codes = list(stop_codes(active=True))
    context = {
        "stop": told,
        "codes": codes,
        "words": words,
        "next": where_from(request),
        "counts": _counts(where_from(request)),
    }
    return page(request, "analytics/_stop_answer.html", context)


def _counts(address: str) -> dict[str, Any] | None:
    """How many stops there are now of what that page is about, and how many of them without a reason."""
    parts = urlsplit(address)
    if parts.path != reverse("oee"):
        return None
    asked = QueryDict(parts.query, mutable=True)
    about = about_of({key: str(asked[key]) for key in asked})
    stood = downtime_in(
        device_ids=machines_in(**about.of), start=about.period.start, end=about.period.end, now=about.now
    )
    answer = downtime_answer(stood, limit=0)
    only_open = asked.get("stops") == "open"
    asked.pop("stops", None)
    asked.pop("page", None)
    all_url = f"?{asked.urlencode()}"
    asked["stops"] = "open"
    return {
        "total": answer["total_stops"],
        "open": answer["open_stops"],
        "only_open": only_open,
        "all_url": all_url,
        "open_url": f"?{asked.urlencode()}",
    }


@require_POST
@for_people(User.Role.OPERATOR)
def note_stop(request: HttpRequest) -> HttpResponse:
    """A machine stood, whatever it said itself."""
    form = AddedForm(request.POST)
    if not form.is_valid():
        return back(request, first_error(form), good=False)
    given: dict[str, Any] = form.cleaned_data
    try:
        device = get_device(given["device"])
        add_stop(
            device=device,
            start=ms(given["starts_at"]),
            end=ms(given["ends_at"]),
            code=given["code"],
            note=given["note"],
            by=person(request),
            at=timezone.now(),
        )
    except DomainError as refusal:
        return back(request, in_words(refusal), good=False)
    return back(request, gettext("Added: %(name)s stood.") % {"name": device.name})


@require_POST
@for_people(User.Role.OPERATOR)
def take_back(request: HttpRequest, stop_id: int) -> HttpResponse:
    """It was added by mistake."""
    try:
        remove_stop(stop_id=stop_id)
    except DomainError as refusal:
        return back(request, refusal.message, good=False)
    return back(request, gettext("Taken back. What the machine said itself counts again."))


def in_words(refusal: DomainError) -> str:
    """A refusal for somebody who sees no names of fields."""
    for field, reasons in refusal.fields.items():
        if field in FIELDS:
            return FIELDS[field] % {"reason": reasons[0].replace("startTime", gettext("its start"))}
    return refusal.message


def _refused(request: HttpRequest, words: str, status: int) -> HttpResponse:
    if not is_partial(request):
        return back(request, words, good=False)
    return page(request, "analytics/_toast.html", {"words": words}, status=status)
