"""Pages that letters lead to, for people who are not signed in: a new password, a new account.

None of them signs anybody in: that is the sign-in page's, with all that it asks for.
"""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext, gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from factory.accounts import invitations, letters, resets
from factory.accounts.attempts import count_attempt
from factory.accounts.backoffice import report
from factory.accounts.identity import address_of, forget
from factory.errors import DomainError, TooMany


def _password_field(words: Any) -> forms.CharField:
    return forms.CharField(
        label=words,
        max_length=1000,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )


class ForgottenForm(forms.Form):
    email = forms.EmailField(
        label=gettext_lazy("E-mail"),
        max_length=190,
        widget=forms.EmailInput(attrs={"autocomplete": "username", "autofocus": True}),
    )


class NewPasswordForm(forms.Form):
    new_password = _password_field(gettext_lazy("New password"))
    again_password = _password_field(gettext_lazy("New password again"))

    def clean(self) -> dict:
        cleaned = super().clean() or {}
        if cleaned.get("new_password") != cleaned.get("again_password"):
            self.add_error("again_password", gettext("is not the same"))
        return cleaned


class AccountForm(forms.Form):
    name = forms.CharField(
        label=gettext_lazy("Your name"),
        max_length=150,
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
    password = _password_field(gettext_lazy("Password"))


@never_cache
@require_http_methods(["GET", "POST"])
def forgotten_password(request: HttpRequest) -> HttpResponse:
    """Asks for an e-mail; what it answers says nothing about whether anybody has it."""
    form = ForgottenForm(request.POST or None)
    status, asked = 422, False
    if request.method == "POST" and form.is_valid():
        try:
            resets.ask_for_reset(email=form.cleaned_data["email"], address=address_of(request))
        except TooMany as refusal:
            form.add_error(None, refusal.message)
            status = 429
        else:
            asked = True
    context = {"form": form, "asked": asked, "can_be_sent": letters.can_be_sent()}
    return render(request, "accounts/forgotten_password.html", context, status=status if form.errors else 200)


@sensitive_post_parameters()
@never_cache
@require_http_methods(["GET", "POST"])
def reset_password(request: HttpRequest) -> HttpResponse:
    """A new password by the link of a letter. Every session ends; then one signs in as always."""
    token = _token_in(request)
    form = NewPasswordForm(request.POST or None)
    status = 422
    try:
        _count(request)
        user = resets.person_of_link(token=token, at=timezone.now())
        if request.method == "POST" and form.is_valid():
            resets.reset_password(token=token, password=form.cleaned_data["new_password"], at=timezone.now())
            messages.success(request, gettext("Your new password is set. Sign in with it."))
            response = redirect("sign-in")
            forget(response)
            return response
    except resets.ResetLinkOver as refusal:
        return _over(request, refusal.message)
    except TooMany as refusal:
        return _over(request, refusal.message, status=429)
    except DomainError as refusal:
        report(form, refusal.fields)
    context = {"form": form, "token": token, "person": user}
    return render(request, "accounts/reset_password.html", context, status=status if form.errors else 200)


@sensitive_post_parameters()
@never_cache
@require_http_methods(["GET", "POST"])
def accept_invitation(request: HttpRequest) -> HttpResponse:
    """An account by the link of an invitation; then one signs in with it."""
    token = _token_in(request)
    try:
        _count(request)
        invitation = invitations.invitation_of_link(token=token, at=timezone.now())
        form = AccountForm(request.POST or None, initial={"name": invitation.name})
        if request.method == "POST" and form.is_valid():
            try:
                invitations.accept(token=token, **form.cleaned_data, at=timezone.now())
            except invitations.InvitationOver:
                raise
            except DomainError as refusal:
                report(form, refusal.fields)
            else:
                messages.success(request, gettext("Your account is ready. Sign in with it."))
                return redirect("sign-in")
    except invitations.InvitationOver as refusal:
        return _over(request, refusal.message)
    except TooMany as refusal:
        return _over(request, refusal.message, status=429)
    context = {"form": form, "token": token, "invitation": invitation}
    return render(request, "accounts/accept_invitation.html", context, status=422 if form.errors else 200)


def _token_in(request: HttpRequest) -> str:
    return request.POST.get("token", "") or request.GET.get("token", "")


def _count(request: HttpRequest) -> None:
    """Whoever tries links is counted as whoever tries passwords."""
    if request.method == "POST":
        count_attempt("link", address=address_of(request))


def _over(request: HttpRequest, words: str, *, status: int = 410) -> HttpResponse:
    was_reset = request.path_info == reverse("reset-password")  # only then another letter can be asked for
    return render(request, "accounts/link_over.html", {"words": words, "was_reset": was_reset}, status=status)
