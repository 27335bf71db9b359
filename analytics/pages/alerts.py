from collections.abc import Callable

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_POST

from alerts.models import Alert
from alerts.queries import alerts_matching, get_alert
from alerts.services.lifecycle import acknowledge_alert, resolve_alert
from analytics.pages.doors import back, for_people, is_partial, page
from factory.accounts.models import User
from factory.errors import Conflict

PER_PAGE = 25
OPEN = "open"


@for_people()
def alert_list(request: HttpRequest) -> HttpResponse:
    """Every alert, the open ones unless others are asked for; the filters stand in the address."""
    status = request.GET.get("status", OPEN)
    severity = request.GET.get("severity", "")
    search = request.GET.get("search", "").strip()[:120]
    found = alerts_matching(
        status=status if status in Alert.Status.values else None,
        severity=severity if severity in Alert.Severity.values else None,
        search=search or None,
    )
    if status == OPEN:
        found = found.open()
    context = {
        "here": "alerts",
        "rows": Paginator(found, PER_PAGE).get_page(request.GET.get("page")),
        "status": status,
        "severity": severity,
        "search": search,
        "statuses": [(OPEN, "Open"), *((s.value, s.label) for s in Alert.Status), ("all", "All")],
        "severities": [("", "Any severity"), *Alert.Severity.choices],
    }
    return page(request, "analytics/alerts.html", context)


def _handle(request: HttpRequest, alert_id: int, service: Callable[..., Alert], done: str) -> HttpResponse:
    """Carry out one step and answer the alert as it is now; when somebody was first, say so."""
    alert = get_alert(alert_id)
    words, status = f"{done}: {alert.device.name if alert.device else alert.message}.", 200
    try:
        alert = service(alert=alert, by=request.user, at=timezone.now())
    except Conflict as refusal:
        words, status, alert = refusal.message, 409, get_alert(alert_id)
    if not is_partial(request):
        return back(request, words, good=status == 200)
    response = page(request, "analytics/_alert_answer.html", {"alert": alert, "words": words}, status=status)
    response["HX-Trigger"] = "acted"
    return response


@require_POST
@for_people()
def acknowledge(request: HttpRequest, alert_id: int) -> HttpResponse:
    """I have seen it, and look after it."""
    return _handle(request, alert_id, acknowledge_alert, "Acknowledged")


@require_POST
@for_people(User.Role.OPERATOR)
def resolve(request: HttpRequest, alert_id: int) -> HttpResponse:
    """It is dealt with."""
    return _handle(request, alert_id, resolve_alert, "Resolved")
