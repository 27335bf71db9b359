"""The one page without signing in beside the sign-in itself: acknowledging by the link in a message."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from alerts.models import Alert
from alerts.queries.notifications import LinkUnknown, LinkUseless, delivery_of_link
from alerts.services.handling import AlertAlreadyHandled
from alerts.services.links import acknowledge_by_link


@never_cache
@require_http_methods(["GET", "POST"])
def acknowledge_signed(request: HttpRequest, token: str) -> HttpResponse:
    """Asks on GET, since mail programs open links by themselves; acknowledges on POST."""
    at = timezone.now()
    try:
        if request.method == "POST":
            return _shown(request, acknowledge_by_link(token=token, at=at), is_done=True)
        delivery = delivery_of_link(token, at=at)
    except LinkUnknown as refusal:
        return _useless(request, refusal.message, status=404)
    except LinkUseless as refusal:
        return _useless(request, refusal.message, status=410)
    except AlertAlreadyHandled:
        delivery = delivery_of_link(token, at=at)
    assert delivery.event is not None
    return _shown(request, delivery.event.alert)


def _shown(request: HttpRequest, alert: Alert, *, is_done: bool = False) -> HttpResponse:
    context = {"alert": alert, "is_done": is_done, "may": alert.status == Alert.Status.ACTIVE}
    return render(request, "analytics/signed_acknowledge.html", context)


def _useless(request: HttpRequest, words: str, *, status: int) -> HttpResponse:
    return render(request, "analytics/signed_acknowledge.html", {"words": words}, status=status)
