"""A person's API tokens: what programs of theirs show. Made here, shown once, revoked."""

import shlex

from django import forms
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext, gettext_lazy
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from analytics.pages.devices import report
from analytics.pages.doors import back, for_people, page, person
from factory.accounts.api_token_rows import tokens_of
from factory.accounts.api_tokens import DAYS, MOST_DAYS, NAME_LENGTH, create_token, revoke_token
from factory.accounts.identity import address_of
from factory.accounts.models import ApiToken
from factory.errors import DomainError

WIRE_NAMES = {"expiresInDays": "days"}


class NewTokenForm(forms.Form):
    name = forms.CharField(
        label=gettext_lazy("Name"),
        max_length=NAME_LENGTH,
        help_text=gettext_lazy("What will use it, for example: ERP, night export."),
    )
    scope = forms.ChoiceField(
        label=gettext_lazy("What it may do"),
        choices=ApiToken.Scope.choices,
        help_text=gettext_lazy("Never more than you may, and never anything about your account."),
    )
    days = forms.IntegerField(
        label=gettext_lazy("Good for so many days"), initial=DAYS, min_value=1, max_value=MOST_DAYS
    )
    password = forms.CharField(
        label=gettext_lazy("Your password"),
        max_length=1000,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )


@sensitive_post_parameters()
@require_http_methods(["GET", "POST"])
@for_people()
def api_tokens(request: HttpRequest) -> HttpResponse:
    """The tokens there are, and a form for one more; a new one is shown in the answer, and kept nowhere."""
    form = NewTokenForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            row, token = create_token(
                user=person(request), at=timezone.now(), address=address_of(request), **form.cleaned_data
            )
        except DomainError as refusal:
            report(form, refusal, WIRE_NAMES)
        else:
            asked = f"{settings.PUBLIC_URL}/api/trpc/devices.list"
            curl = f"curl -H {shlex.quote(f'Authorization: Bearer {token}')} {shlex.quote(asked)}"
            context = {"here": "preferences", "row": row, "token": token, "curl": curl}
            return page(request, "accounts/api_token.html", context)
    context = {
        "here": "preferences",
        "form": form,
        "tokens": tokens_of(user=person(request), at=timezone.now()),
        "most_days": MOST_DAYS,
    }
    return page(request, "accounts/api_tokens.html", context, status=422 if form.errors else 200)


@require_POST
@for_people()
def revoke_api_token(request: HttpRequest, token_id: int) -> HttpResponse:
    """End a token of one's own; an admin ends those of others in the admin."""
    own = tokens_of(user=person(request), at=timezone.now()).filter(pk=token_id).first()
    if own is None:
        return back(request, gettext("That token is over already."), good=False)
    try:
        revoke_token(token_id=own.pk, by=person(request), at=timezone.now())
    except DomainError as refusal:
        return back(request, refusal.message, good=False)
    return back(request, gettext("The token %(name)s is revoked.") % {"name": own.name})
