"""What people do with alerts, from whichever page: one view per step, each answers what became of it."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from alerts.models import Alert
from alerts.queries.alerts import get_alert
from alerts.services.handling import (
    acknowledge_alert,
    assign_alert,
    comment_alert,
    resolve_alert,
    shelve_alert,
    unshelve_alert,
)
from analytics.pages.doors import back, for_people, is_partial, page, person
from analytics.templatetags.alerting import subject
from factory.accounts.models import User
from factory.accounts.queries import UserUnknown, get_user
from factory.errors import Conflict

SHELF_TIMES = (
    (15, _("15 minutes")),
    (60, _("1 hour")),
    (480, _("8 hours")),
    (1440, _("24 hours")),
    (10_080, _("7 days")),
)


class ShelveForm(forms.Form):
    """Putting aside needs a reason, so that whoever finds it understands the silence."""

    reason = forms.CharField(max_length=300, error_messages={"required": _("Say why it is put aside.")})
    minutes = forms.TypedChoiceField(choices=SHELF_TIMES, coerce=int, initial=60)
    once = forms.BooleanField(required=False)

    def how(self) -> dict[str, Any]:
        """As `shelve_alert` takes it."""
        given = self.cleaned_data
        return {
            "reason": given["reason"],
            "lasting": timedelta(minutes=given["minutes"]),
            "once": given["once"],
        }


class CommentForm(forms.Form):
    text = forms.CharField(max_length=500, error_messages={"required": _("Write something first.")})


class AssignForm(forms.Form):
    """`expected` is who looked after the alert when the page was made."""

    user = forms.IntegerField(required=False, min_value=1)
    expected = forms.IntegerField(required=False, min_value=1)


def first_error(form: forms.Form) -> str:
    return next(str(errors[0]) for errors in form.errors.values())


def _answer(request: HttpRequest, alert_id: int, do: Callable[[Alert], str]) -> HttpResponse:
    """Carry out one step and answer the alert as it is now; when somebody was first, say so."""
    status = 200
    try:
        words = do(get_alert(alert_id))
    except Conflict as refusal:
        words, status = refusal.message, 409
    except UserUnknown as refusal:
        words, status = refusal.message, 422
    if not is_partial(request):
        return back(request, words, good=status == 200)
    view = request.POST.get("view", "")
    context = {"words": words, "own_page": view == "own", "pick": view == "pick"}
    if view == "detail":
        response = page(request, "analytics/_toast.html", context, status=status)
    else:
        response = page(
            request, "analytics/_alert_answer.html", {"alert": get_alert(alert_id), **context}, status=status
        )
    response["HX-Trigger"] = "acted"
    return response


def _refuse(request: HttpRequest, words: str) -> HttpResponse:
    """What was asked for lacks something; nothing was changed."""
    if not is_partial(request):
        return back(request, words, good=False)
    return page(request, "analytics/_toast.html", {"words": words}, status=422)


@require_POST
@for_people()
def acknowledge(request: HttpRequest, alert_id: int) -> HttpResponse:
    """I have seen it, and look after it."""

    def do(alert: Alert) -> str:
        acknowledge_alert(alert=alert, by=person(request), at=timezone.now())
        return gettext("Acknowledged: %(what)s.") % {"what": subject(alert)}

    return _answer(request, alert_id, do)


@require_POST
@for_people(User.Role.OPERATOR)
def resolve(request: HttpRequest, alert_id: int) -> HttpResponse:
    """It is dealt with."""

    def do(alert: Alert) -> str:
        resolve_alert(alert=alert, by=person(request), at=timezone.now())
        return gettext("Resolved: %(what)s.") % {"what": subject(alert)}

    return _answer(request, alert_id, do)


@require_POST
@for_people()
def comment(request: HttpRequest, alert_id: int) -> HttpResponse:
    """Write down what one knows about it."""
    form = CommentForm(request.POST)
    if not form.is_valid():
        return _refuse(request, first_error(form))

    def do(alert: Alert) -> str:
        comment_alert(alert=alert, text=form.cleaned_data["text"], by=person(request), at=timezone.now())
        return gettext("Your comment is written down.")

    return _answer(request, alert_id, do)


@require_POST
@for_people(User.Role.OPERATOR)
def assign(request: HttpRequest, alert_id: int) -> HttpResponse:
    """Say who looks after it."""
    form = AssignForm(request.POST)
    if not form.is_valid():
        return _refuse(request, gettext("Choose a person from the list."))

    def do(alert: Alert) -> str:
        chosen, expected = form.cleaned_data["user"], form.cleaned_data["expected"]
        to = get_user(chosen) if chosen else None
        assign_alert(alert=alert, to=to, expected=expected, by=person(request), at=timezone.now())
        if to is None:
            return gettext("Nobody in particular looks after it now.")
        return gettext("%(person)s looks after it now.") % {"person": to}

    return _answer(request, alert_id, do)


@require_POST
@for_people(User.Role.OPERATOR)
def shelve(request: HttpRequest, alert_id: int) -> HttpResponse:
    """Put it aside for a while."""
    form = ShelveForm(request.POST)
    if not form.is_valid():
        return _refuse(request, first_error(form))

    def do(alert: Alert) -> str:
        shelve_alert(alert=alert, by=person(request), at=timezone.now(), **form.how())
        span = dict(SHELF_TIMES)[form.cleaned_data["minutes"]]
        return gettext("Shelved for %(span)s: %(what)s.") % {"span": span, "what": subject(alert)}

    return _answer(request, alert_id, do)


@require_POST
@for_people(User.Role.OPERATOR)
def unshelve(request: HttpRequest, alert_id: int) -> HttpResponse:
    """Take it off the shelf before its time."""

    def do(alert: Alert) -> str:
        unshelve_alert(alert=alert, by=person(request), at=timezone.now())
        return gettext("Off the shelf: %(what)s.") % {"what": subject(alert)}

    return _answer(request, alert_id, do)
