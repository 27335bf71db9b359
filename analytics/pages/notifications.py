from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext, ngettext
from django.views.decorators.http import require_http_methods, require_POST

from alerts.models import Delivery, NotificationConfig
from alerts.outbox.recipients import shown
from alerts.queries.notifications import get_config
from alerts.services.configs import delete_config, edit_config, register_config, rotate_secret
from alerts.services.trying import retry_deliveries, send_trial
from analytics.pages.doors import back, for_people, is_partial, page, person
from analytics.pages.notification_forms import ConfigForm, initial_of
from analytics.queries.alerts import known_groups
from analytics.queries.notifications import notification_page
from factory.errors import DomainError


@for_people()
def notifications(request: HttpRequest) -> HttpResponse:
    """Where one hears of alerts, and what became of the messages."""
    failed_only = request.GET.get("show") == "failed"
    context = {
        "here": "notifications",
        "shown": notification_page(user=person(request), failed_only=failed_only),
        "failed_only": failed_only,
        "group_names": dict(known_groups()),
    }
    return page(request, "analytics/notifications.html", context)


@require_http_methods(["GET", "POST"])
@for_people()
def new_config(request: HttpRequest) -> HttpResponse:
    """Be told of alerts; a webhook's secret is shown once, with the answer."""
    initial = {"recipient": person(request).email, "type": "email", "enabled": True}
    form = ConfigForm(request.POST or None, initial=initial)
    if not person(request).is_staff:
        del form.fields["plant"]
    if request.method == "POST" and form.is_valid():
        form.cleaned_data.setdefault("plant", False)
        try:
            config = register_config(by=person(request), at=timezone.now(), **form.properties())
        except DomainError as refusal:
            form.refuse(refusal)
        else:
            if config.secret:
                return _secret_page(request, config)
            messages.success(request, gettext("Added. Send a test to see whether it arrives."))
            return redirect("notifications")
    return _form_page(request, form)


@require_http_methods(["GET", "POST"])
@for_people()
def config_detail(request: HttpRequest, config_id: int) -> HttpResponse:
    """Change what one is told, and when."""
    config = get_config(config_id, user=person(request))
    form = ConfigForm(request.POST or None, config=config, initial=initial_of(config))
    if request.method == "POST" and form.is_valid():
        try:
            edit_config(config=config, at=timezone.now(), **form.properties())
        except DomainError as refusal:
            form.refuse(refusal)
        else:
            messages.success(request, gettext("Saved: %(what)s.") % {"what": shown(config)})
            return redirect("notifications")
    return _form_page(request, form, config)


def _form_page(
    request: HttpRequest, form: ConfigForm, config: NotificationConfig | None = None
) -> HttpResponse:
    context = {"here": "notifications", "form": form, "config": config}
    return page(request, "analytics/notification.html", context, status=422 if form.errors else 200)


def _secret_page(request: HttpRequest, config: NotificationConfig) -> HttpResponse:
    context = {"here": "notifications", "config": config, "secret": config.secret}
    return page(request, "analytics/notification_secret.html", context)


@require_POST
@for_people()
def drop_config(request: HttpRequest, config_id: int) -> HttpResponse:
    """Be told by it no more."""
    config = get_config(config_id, user=person(request))
    try:
        delete_config(config=config)
    except DomainError as refusal:
        messages.warning(request, refusal.message)
    else:
        messages.success(request, gettext("Removed: %(what)s.") % {"what": shown(config)})
    return redirect("notifications")


@require_POST
@for_people()
def new_secret(request: HttpRequest, config_id: int) -> HttpResponse:
    """A webhook's new secret, shown once; the old one counts no more."""
    config = get_config(config_id, user=person(request))
    try:
        return _secret_page(request, rotate_secret(config=config, at=timezone.now()))
    except DomainError as refusal:
        messages.warning(request, refusal.message)
        return redirect("notifications")


@require_POST
@for_people()
def send_test(request: HttpRequest, config_id: int) -> HttpResponse:
    """Send a trial message now and show what the other side said."""
    config = get_config(config_id, user=person(request))
    try:
        delivery = send_trial(config=config, at=timezone.now())
        is_sent = delivery.status == Delivery.Status.SENT
        words = (
            gettext("The test has arrived there.")
            if is_sent
            else gettext("The test did not arrive: %(error)s") % {"error": delivery.error}
        )
    except DomainError as refusal:
        is_sent, words = False, refusal.message
    if not is_partial(request):
        return back(request, words, good=is_sent)
    context = {"words": words, "is_sent": is_sent, "at": timezone.now()}
    response = page(request, "analytics/_trial.html", context)
    response["HX-Trigger"] = "acted"
    return response


@require_POST
@for_people()
def retry(request: HttpRequest) -> HttpResponse:
    """Try once more what has failed."""
    ids = [int(pk) for pk in request.POST.getlist("delivery")[:100] if pk.isdecimal() and len(pk) < 19]
    try:
        tried = len(retry_deliveries(ids=ids, by=person(request), at=timezone.now()))
        said = ngettext(
            "%(count)s message will be tried again now.", "%(count)s messages will be tried again now.", tried
        )
        words, status = said % {"count": tried}, 200
    except DomainError as refusal:
        words, status = refusal.message, 409
    if not is_partial(request):
        return back(request, words, good=status == 200)
    response = page(request, "analytics/_toast.html", {"words": words}, status=status)
    response["HX-Trigger"] = "acted"
    return response
