from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.views.decorators.http import require_POST

from alerts.models import Alert
from alerts.services.handling import acknowledge_alert, each_alert, resolve_alert, shelve_alert
from analytics.pages.doors import back, for_people, is_partial, page, person
from analytics.pages.steps import SHELF_TIMES, ShelveForm, first_error
from analytics.queries.alerts import inbox, known_groups, known_zones
from analytics.selection import read_number
from factory.accounts.models import User
from factory.retrying import again_after_deadlock

PER_PAGE = 50
OPEN = "open"
REFUSALS_SHOWN = 5
STATUSES = (
    (OPEN, "Open"),
    (Alert.Status.ACTIVE.value, "Unseen"),
    (Alert.Status.ACKNOWLEDGED.value, "Acknowledged"),
)
SEVERITIES = [("", "Any"), *reversed(Alert.Severity.choices)]
TYPES = [("", "Any"), *Alert.Type.choices]


@dataclass(frozen=True, slots=True)
class Filters:
    """What an address asks for; what cannot be meant narrows nothing."""

    severity: str
    type: str
    zone: str
    group_id: int | None
    search: str

    @classmethod
    def read(cls, asked: QueryDict, groups: dict[int, str]) -> "Filters":
        group = read_number(asked.get("group", ""))
        return cls(
            severity=_one_of(asked.get("severity"), Alert.Severity.values),
            type=_one_of(asked.get("type"), Alert.Type.values),
            zone=asked.get("zone", "")[:64],
            group_id=group if group in groups else None,
            search=asked.get("search", "").strip()[:120],
        )

    def as_query(self) -> dict:
        return {
            "severity": self.severity,
            "type": self.type,
            "zone": self.zone,
            "group_id": self.group_id,
            "search": self.search,
        }

    @property
    def is_detailed(self) -> bool:
        """Whether one of those is set that are folded away."""
        return bool(self.type or self.zone or self.group_id)

    def __bool__(self) -> bool:
        return any(self.as_query().values())


def _one_of(value: str | None, known: list[str]) -> str:
    return value if value in known else ""


def filter_choices(groups: dict[int, str]) -> dict:
    """What can be filtered by, for the form."""
    return {"severities": SEVERITIES, "types": TYPES, "zones": known_zones(), "groups": list(groups.items())}


@for_people()
def alert_list(request: HttpRequest) -> HttpResponse:
    """The open alerts, what needs somebody most first; the filters stand in the address."""
    status = request.GET.get("status", OPEN)
    if status in (Alert.Status.RESOLVED, "all"):  # the history has these now
        return HttpResponseRedirect(f"{reverse('alert-history')}?{request.GET.urlencode()}")
    status = _one_of(status, [value for value, _ in STATUSES]) or OPEN
    shelved = bool(request.GET.get("shelved"))
    groups = dict(known_groups())
    filters = Filters.read(request.GET, groups)
    found = inbox(shelved=shelved, status="" if status == OPEN else status, **filters.as_query())
    context = {
        "here": "alerts",
        "tab": "inbox",
        "rows": Paginator(found, PER_PAGE).get_page(request.GET.get("page")),
        "status": status,
        "shelved": shelved,
        "filters": filters,
        "statuses": STATUSES,
        "shelf_times": SHELF_TIMES,
        **filter_choices(groups),
    }
    return page(request, "analytics/alerts.html", context)


Step = Callable[..., Alert]


@require_POST
@for_people()
def bulk(request: HttpRequest) -> HttpResponse:
    """One step for all that are ticked, each on its own; says what became of those it could not be done to."""
    steps: dict[str, tuple[User.Role, Step, str]] = {
        "acknowledge": (User.Role.USER, acknowledge_alert, gettext("%(done)s of %(all)s acknowledged.")),
        "resolve": (User.Role.OPERATOR, resolve_alert, gettext("%(done)s of %(all)s resolved.")),
        "shelve": (User.Role.OPERATOR, shelve_alert, gettext("%(done)s of %(all)s shelved.")),
    }
    ids = [int(pk) for pk in request.POST.getlist("alert")[:PER_PAGE] if pk.isdecimal() and len(pk) < 19]
    asked = request.POST.get("do", "")
    if asked not in steps or not ids:
        return _bulk_answer(request, gettext("Tick at least one alert first."), status=422)
    rank, service, done_words = steps[asked]
    if not person(request).has_rank_of(rank):
        raise PermissionDenied
    how = {}
    if asked == "shelve":
        form = ShelveForm(request.POST)
        if not form.is_valid():
            return _bulk_answer(request, first_error(form), status=422)
        how = form.how()
    there = set(Alert.objects.filter(pk__in=ids).values_list("pk", flat=True))
    step = partial(service, by=person(request), at=timezone.now(), **how)
    done, refusals = each_alert(
        alert_ids=sorted(there), do=lambda alert: again_after_deadlock(partial(step, alert=alert))
    )
    refusals += [gettext("Alert %(number)s is gone.") % {"number": pk} for pk in sorted(set(ids) - there)]
    return _bulk_answer(request, done_words % {"done": done, "all": len(set(ids))}, refusals)


def _bulk_answer(
    request: HttpRequest, words: str, refusals: list[str] | None = None, *, status: int = 200
) -> HttpResponse:
    refusals = refusals or []
    shown, more = refusals[:REFUSALS_SHOWN], len(refusals[REFUSALS_SHOWN:])
    if not is_partial(request):
        return back(
            request,
            " ".join([words, *shown, *([gettext("And %(more)s more.") % {"more": more}] if more else [])]),
            good=status == 200 and not refusals,
        )
    context = {"words": words, "refusals": shown, "more": more}
    response = page(request, "analytics/_bulk_answer.html", context, status=status)
    if status == 200:
        response["HX-Trigger"] = "acted"
    return response
