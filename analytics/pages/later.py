"""Pages that go out before their figures, where these are about so many devices that one would wait for them."""

from django.http import HttpRequest, HttpResponse
from django.utils.functional import Promise

from analytics.pages.about import About, choices_of
from analytics.pages.doors import page
from devices.models import Device
from grouping.queries import members_of

AT_ONCE = 100  # devices whose figures are worked out before anybody waits
INSIDE = "inside"  # the element that the figures come into, as the script names it when it asks for them


def comes_later(request: HttpRequest, about: About) -> bool:
    """Whether the page is asked for, and not yet its figures, and these take their time."""
    if about.device is not None or request.headers.get("HX-Target") == INSIDE:
        return False
    if about.group is not None:
        return len(members_of(group_id=about.group.pk)) > AT_ONCE
    return Device.objects.in_service().count() > AT_ONCE


def awaited(request: HttpRequest, about: About, *, tab: str, title: str | Promise) -> HttpResponse:
    """The page with what one chooses by; it then asks for its figures itself."""
    context = {"here": "performance", "tab": tab, "title": title, **choices_of(about)}
    return page(request, "analytics/awaited.html", context)
