from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from alerts.queries.alerts import get_alert
from analytics.pages.doors import for_people, page, person
from analytics.pages.steps import SHELF_TIMES
from analytics.queries.story import MEMBERS_SHOWN, people, story_of
from factory.accounts.models import User


@for_people()
def alert_detail(request: HttpRequest, alert_id: int) -> HttpResponse:
    """One alert: what it says, what to do, how the value ran, and who did what when."""
    story = story_of(get_alert(alert_id), at=timezone.now())
    context = {
        "here": "alerts",
        "story": story,
        "alert": story.alert,
        "members_shown": MEMBERS_SHOWN,
        "people": people() if person(request).has_rank_of(User.Role.OPERATOR) else [],
        "shelf_times": SHELF_TIMES,
    }
    return page(request, "analytics/alert.html", context)
