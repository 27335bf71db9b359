"""What is a person's own: how pages look to them, their password, where they are signed in."""

from zoneinfo import available_timezones

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext, gettext_lazy, ngettext
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from analytics.agent_words import agent_words
from analytics.pages.devices import report
from analytics.pages.doors import back, for_people, page, person
from factory.accounts.api_token_rows import tokens_of
from factory.accounts.identity import address_of, remember
from factory.accounts.middleware import session_of
from factory.accounts.models import User
from factory.accounts.preferences import set_preferences
from factory.accounts.queries import sessions_of
from factory.accounts.second_factor import standing_of
from factory.accounts.services import (
    SessionUnknown,
    change_password,
    revoke_other_sessions,
    revoke_session,
)
from factory.errors import DomainError


def _languages() -> list[tuple[str, str]]:
    return [("", gettext("As the browser")), *settings.LANGUAGES]


def _zones() -> list[tuple[str, str]]:
    of_plant = gettext("The plant's (%(zone)s)") % {"zone": settings.PLANT_TIME_ZONE}
    return [("", of_plant), *((zone, zone.replace("_", " ")) for zone in sorted(available_timezones()))]


class PreferencesForm(forms.Form):
    theme = forms.ChoiceField(
        label=gettext_lazy("Theme"),
        choices=User.Theme.choices,
        help_text=gettext_lazy("High contrast helps in the sun and with tired eyes."),
    )
    language = forms.ChoiceField(label=gettext_lazy("Language"), choices=_languages, required=False)
    time_zone = forms.ChoiceField(
        label=gettext_lazy("Time zone"),
        choices=_zones,
        required=False,
        help_text=gettext_lazy(
            "For the times of alerts and devices. "
            "Energy, OEE, shifts, reports and planned work stay on the plant's clock."
        ),
    )
    start_page = forms.ChoiceField(
        label=gettext_lazy("Start page"),
        choices=User.StartPage.choices,
        help_text=gettext_lazy("Where you come to after signing in."),
    )
    shortcuts = forms.BooleanField(label=gettext_lazy("Keyboard shortcuts"), required=False)


class PasswordForm(forms.Form):
    current_password = forms.CharField(
        label=gettext_lazy("Current password"),
        max_length=1000,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )
    new_password = forms.CharField(
        label=gettext_lazy("New password"),
        max_length=1000,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=gettext_lazy("At least 8 characters, and not one that many people use."),
    )


WIRE_NAMES = {"timeZone": "time_zone", "startPage": "start_page"}
PASSWORD_NAMES = {"currentPassword": "current_password", "newPassword": "new_password"}


@require_http_methods(["GET", "POST"])
@for_people()
def preferences(request: HttpRequest) -> HttpResponse:
    """How pages look to this person, on every screen that they sign in at."""
    user = person(request)
    now = {name: getattr(user, name) for name in PreferencesForm.base_fields}
    form = PreferencesForm(request.POST or None, initial=now)
    if request.method == "POST" and form.is_valid():
        try:
            set_preferences(user=user, **form.cleaned_data)
        except DomainError as refusal:
            report(form, refusal, WIRE_NAMES)
        else:
            with translation.override(user.language or translation.get_language()):
                messages.success(request, gettext("Your preferences are saved."))
            return HttpResponseRedirect(reverse("preferences"))
    return _shown(request, form=form)


def _shown(
    request: HttpRequest, *, form: forms.Form | None = None, password: forms.Form | None = None
) -> HttpResponse:
    user, here = person(request), session_of(request)
    sessions = sessions_of(user=user, at=timezone.now())
    now = {name: getattr(user, name) for name in PreferencesForm.base_fields}
    form, password = form or PreferencesForm(initial=now), password or PasswordForm()
    context = {
        "here": "preferences",
        "form": form,
        "password": password,
        "sessions": [(each, agent_words(each.agent), each.pk == getattr(here, "pk", 0)) for each in sessions],
        "factor": standing_of(user),
        "tokens": tokens_of(user=user, at=timezone.now()).count(),
        "plant_zone_name": settings.PLANT_TIME_ZONE,
    }
    status = 422 if form.errors or password.errors else 200
    return page(request, "accounts/preferences.html", context, status=status)


@require_POST
@for_people()
def choose_theme(request: HttpRequest) -> HttpResponse:
    """The switch at the foot of every page; from a script it needs no page in answer."""
    try:
        set_preferences(user=person(request), theme=request.POST.get("theme", ""))
    except DomainError as refusal:
        return back(request, refusal.message, good=False)
    if request.POST.get("quietly"):
        return HttpResponse(status=204)
    return back(request, gettext("Your preferences are saved."))


@sensitive_post_parameters()
@require_POST
@for_people()
def new_password(request: HttpRequest) -> HttpResponse:
    """A new password ends every session; this browser gets a fresh one."""
    form = PasswordForm(request.POST)
    if not form.is_valid():
        return _shown(request, password=form)
    try:
        token = change_password(
            user=person(request),
            current=form.cleaned_data["current_password"],
            new=form.cleaned_data["new_password"],
            at=timezone.now(),
            address=address_of(request),
            agent=request.headers.get("user-agent", ""),
        )
    except DomainError as refusal:
        report(form, refusal, PASSWORD_NAMES)
        return _shown(request, password=form)
    messages.success(request, gettext("Your password is changed. You are signed out everywhere else."))
    response = HttpResponseRedirect(reverse("preferences"))
    remember(response, token)
    return response


@require_POST
@for_people()
def end_session(request: HttpRequest, session_id: int) -> HttpResponse:
    """Sign out another browser of one's own."""
    owned = session_id in {one.pk for one in sessions_of(user=person(request), at=timezone.now())}
    try:
        if not owned:  # an admin ends those of others in the admin
            raise SessionUnknown(gettext("There is no such session."))
        revoke_session(session_id=session_id, by=person(request), at=timezone.now())
    except SessionUnknown:
        return back(request, gettext("That session is over already."), good=False)
    return back(request, gettext("That browser is signed out."))


@require_POST
@for_people()
def end_other_sessions(request: HttpRequest) -> HttpResponse:
    """Sign out everywhere but here."""
    here = session_of(request)
    ended = revoke_other_sessions(session=here, at=timezone.now()) if here else 0
    words = ngettext("%(count)s other session is ended.", "%(count)s other sessions are ended.", ended)
    return back(request, words % {"count": ended})
