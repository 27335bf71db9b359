"""The second step of signing in, and the page where a person's second factor is set up and taken off."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.safestring import mark_safe
from django.utils.translation import gettext, gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_POST

from factory.accounts import second_factor as service
from factory.accounts import services
from factory.accounts.backoffice import report
from factory.accounts.identity import address_of, remember
from factory.accounts.middleware import session_of
from factory.accounts.models import User
from factory.accounts.second_step import (
    SecondFactorWrong,
    TicketOver,
    lacks_second_factor,
    person_of_ticket,
    ticket_for,
)
from factory.errors import DomainError, TooMany

View = Callable[..., HttpResponseBase]
# What stays open to those who must set up a second factor first. The API asks for itself (permissions.py).
STILL_OPEN = (
    "/second-factor",
    "/sign-in",
    "/sign-out",
    "/api/",
    "/static/",
    "/words/",
    "/health/",
    "/metrics",
)


class EnrolFirst:
    """Middleware: who must have a second factor and has none is led to where it is set up, from pages and admin."""

    def __init__(self, get_response: View) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if settings.REQUIRE_TOTP == "off" or request.path_info.startswith(STILL_OPEN):
            return self.get_response(request)
        if not request.user.is_authenticated or not getattr(request, "is_held_back", False):
            return self.get_response(request)
        here = reverse("second-factor")
        if request.headers.get("HX-Request") == "true":  # a redirect would land in the middle of a page
            return HttpResponse(status=403, headers={"HX-Redirect": here})
        return redirect(here)


def _code_field(label: Any, *, focus: bool = False, digits: bool = True) -> forms.CharField:
    # "password" in its name keeps it out of the audit log.
    attrs: dict[str, Any] = {"autocomplete": "one-time-code", "autocapitalize": "none", "spellcheck": "false"}
    if digits:
        attrs["inputmode"] = "numeric"
    if focus:
        attrs["autofocus"] = True
    return forms.CharField(label=label, max_length=64, widget=forms.TextInput(attrs=attrs))


class CodeForm(forms.Form):
    one_time_password = _code_field(gettext_lazy("Code"), focus=True, digits=False)
    password_token = forms.CharField(widget=forms.HiddenInput, required=False)
    next = forms.CharField(widget=forms.HiddenInput, required=False)


class OwnPasswordForm(forms.Form):
    password = forms.CharField(
        label=gettext_lazy("Your password"),
        max_length=1000,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )


class FirstCodeForm(forms.Form):
    one_time_password = _code_field(gettext_lazy("Code that the app shows"))


WIRE_NAMES = {"code": "oneTimePassword"}


def _tell(form: forms.Form, refusal: DomainError) -> None:
    """The reasons beside the fields; what names none above them."""
    if refusal.fields:
        report(form, {WIRE_NAMES.get(name, name): reasons for name, reasons in refusal.fields.items()})
    else:
        form.add_error(None, refusal.message)


def ask_for_code(request: HttpRequest, user: User, *, next: str) -> HttpResponse:
    """The password was right: the second step is asked for."""
    form = CodeForm(initial={"password_token": ticket_for(user), "next": next})
    return render(request, "accounts/sign_in_code.html", {"form": form})


def where_to(request: HttpRequest, wanted: str, user: User) -> str:
    """Where the person was going, else where they like to start; only within this site."""
    if url_has_allowed_host_and_scheme(wanted, {request.get_host()}, require_https=request.is_secure()):
        return wanted
    return user.start_page


@sensitive_post_parameters()
@never_cache
@require_POST
def sign_in_code(request: HttpRequest) -> HttpResponse:
    """The code after the password. Too late, or after too many, one begins again."""
    form = CodeForm(request.POST)
    try:
        user = person_of_ticket(request.POST.get("password_token", ""))
    except TicketOver as refusal:
        messages.warning(request, refusal.message)
        return redirect("sign-in")
    request.proven_person = user  # type: ignore[attr-defined]  # for the audit log
    status = 401
    if form.is_valid():
        try:
            token = services.take_second_step(
                user=user,
                code=form.cleaned_data["one_time_password"],
                at=timezone.now(),
                address=address_of(request),
                agent=request.headers.get("user-agent", ""),
            )
        except SecondFactorWrong as refusal:
            form.add_error("one_time_password", refusal.message)
        except TooMany as refusal:
            form.add_error(None, refusal.message)
            status = 429
        else:
            response = redirect(where_to(request, form.cleaned_data["next"], user))
            remember(response, token)
            return response
    return render(request, "accounts/sign_in_code.html", {"form": form}, status=status)


def _for_oneself(view: View) -> View:
    @never_cache
    @sensitive_post_parameters()
    @wraps(view)
    def door(request: HttpRequest) -> HttpResponseBase:
        if not request.user.is_authenticated:
            return redirect_to_login(reverse("second-factor"), settings.LOGIN_URL)
        return view(request, request.user)

    door.rank = User.Role.USER  # type: ignore[attr-defined]  # told to whoever walks the table of addresses
    return door


def _shown(request: HttpRequest, user: User, *, form: forms.Form | None = None) -> HttpResponse:
    standing = service.standing_of(user)
    setup = None if standing.enabled else service.setup_under_way(user=user, at=timezone.now())
    context = {
        "standing": standing,
        "setup": setup,
        "picture": mark_safe(setup.picture) if setup else "",  # segno's, of our own text
        "must": lacks_second_factor(user),
        "form": form or (FirstCodeForm() if setup else OwnPasswordForm()),
    }
    status = 422 if form is not None and form.errors else 200
    return render(request, "accounts/second_factor.html", context, status=status)


def _codes_shown(request: HttpRequest, codes: list[str]) -> HttpResponse:
    """Once, in the answer itself: they are kept nowhere they could be read from again."""
    return render(request, "accounts/recovery_codes.html", {"codes": codes})


@require_GET
@_for_oneself
def second_factor(request: HttpRequest, user: User) -> HttpResponse:
    """Whether a second factor is on, and what can be done about it."""
    return _shown(request, user)


@require_POST
@_for_oneself
def begin(request: HttpRequest, user: User) -> HttpResponse:
    """Asks for the password first: these tablets are shared, and a stranger's app would lock the person out."""
    form = OwnPasswordForm(request.POST)
    if form.is_valid():
        try:
            service.begin_setup(
                user=user,
                password=form.cleaned_data["password"],
                at=timezone.now(),
                address=address_of(request),
            )
        except DomainError as refusal:
            _tell(form, refusal)
        else:
            return redirect("second-factor")
    return _shown(request, user, form=form)


@require_POST
@_for_oneself
def confirm(request: HttpRequest, user: User) -> HttpResponse:
    """The first code switches it on."""
    form = FirstCodeForm(request.POST)
    here = session_of(request)
    if form.is_valid() and here is not None:
        try:
            made = service.confirm_setup(
                user=user, code=form.cleaned_data["one_time_password"], session=here, at=timezone.now()
            )
        except DomainError as refusal:
            _tell(form, refusal)
        else:
            return _codes_shown(request, made)
    return _shown(request, user, form=form)


@require_POST
@_for_oneself
def renew(request: HttpRequest, user: User) -> HttpResponse:
    """Other recovery codes, for who gives the password."""
    form = OwnPasswordForm(request.POST)
    if form.is_valid():
        try:
            made = service.renew_recovery_codes(
                user=user, at=timezone.now(), address=address_of(request), **form.cleaned_data
            )
        except DomainError as refusal:
            _tell(form, refusal)
        else:
            return _codes_shown(request, made)
    return _shown(request, user, form=form)


@require_POST
@_for_oneself
def turn_off(request: HttpRequest, user: User) -> HttpResponse:
    """Off again, for who gives the password."""
    form = OwnPasswordForm(request.POST)
    here = session_of(request)
    if form.is_valid() and here is not None:
        try:
            service.disable(
                user=user,
                session=here,
                at=timezone.now(),
                address=address_of(request),
                **form.cleaned_data,
            )
        except DomainError as refusal:
            _tell(form, refusal)
        else:
            messages.success(
                request, gettext("Your second factor is off. You are signed out everywhere else.")
            )
            return redirect("preferences")
    return _shown(request, user, form=form)
