from django import forms
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from factory.accounts import services
from factory.accounts.identity import address_of, forget, remember
from factory.accounts.middleware import session_of
from factory.accounts.second_factor_pages import ask_for_code, where_to
from factory.accounts.second_step import SecondFactorNeeded
from factory.errors import TooMany


class SignInForm(forms.Form):
    email = forms.EmailField(
        label=gettext_lazy("E-mail"),
        max_length=190,
        widget=forms.EmailInput(attrs={"autocomplete": "username", "autofocus": True}),
    )
    password = forms.CharField(
        label=gettext_lazy("Password"),
        max_length=1000,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )


@never_cache
@require_http_methods(["GET", "POST"])
def sign_in(request: HttpRequest) -> HttpResponse:
    """The sign-in page; one who is signed in goes on to where they were going."""
    form = SignInForm(request.POST or None)
    status = 401
    if request.method == "GET" and request.user.is_authenticated and "next" not in request.GET:
        return redirect(request.user.start_page)
    wanted = request.POST.get("next") or request.GET.get("next") or ""
    if request.method == "POST" and form.is_valid():
        try:
            user, token = services.sign_in(
                **form.cleaned_data,
                at=timezone.now(),
                address=address_of(request),
                agent=request.headers.get("user-agent", ""),
            )
        except SecondFactorNeeded as step:
            request.refused_because = step.message  # type: ignore[attr-defined]  # so far; for the audit log
            return ask_for_code(request, step.user, next=wanted)
        except services.WrongCredentials as refusal:
            form.add_error(None, refusal.message)
        except TooMany as refusal:
            form.add_error(None, refusal.message)
            status = 429
        else:
            response = redirect(where_to(request, wanted, user))
            remember(response, token)
            return response
    context = {"form": form, "next": request.GET.get("next", ""), "demo": settings.FACTORY_DEMO}
    return render(request, "accounts/sign_in.html", context, status=status if form.errors else 200)


@require_http_methods(["GET", "POST"])
def sign_out(request: HttpRequest) -> HttpResponse:
    """Ends the session on POST; asked for by GET it only offers the button."""
    if request.method == "GET":
        return render(request, "accounts/sign_out.html")
    session = session_of(request)
    if session is not None:
        services.sign_out(session=session, at=timezone.now())
    response = redirect("sign-in")
    forget(response)
    return response
