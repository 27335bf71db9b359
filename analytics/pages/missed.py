"""What a page says when its live line is back: what came up meanwhile."""

from datetime import UTC, datetime, timedelta

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import ngettext

from analytics.pages.doors import for_people, page
from analytics.queries.missed import Missed, missed_since
from analytics.selection import read_number

FURTHEST = timedelta(days=7)  # a tab that slept for longer says what happened in that time


@for_people()
def missed(request: HttpRequest) -> HttpResponse:
    """A sentence about the time since `since` (ms), or nothing where nothing came up."""
    until = timezone.now()
    asked = read_number(request.GET.get("since", ""))
    if asked is None or asked > until.timestamp() * 1000:
        return HttpResponse(status=204)
    earliest = until - FURTHEST
    since = max(earliest, datetime.fromtimestamp(asked / 1000, UTC))
    found = missed_since(since=since, seq=read_number(request.GET.get("seq", "")) or 0)
    if not found:
        return HttpResponse(status=204)
    context = {"missed": found, "since": since, "until": until, "words": ", ".join(_words(found))}
    return page(request, "analytics/_missed.html", context)


def _words(found: Missed) -> list[str]:
    words = []
    if found.opened:
        words.append(
            ngettext("%(count)s alert opened", "%(count)s alerts opened", found.opened)
            % {"count": found.opened}
        )
    if found.ended:
        words.append(
            ngettext("%(count)s alert ended", "%(count)s alerts ended", found.ended) % {"count": found.ended}
        )
    if found.silent:
        words.append(
            ngettext("%(count)s device went silent", "%(count)s devices went silent", found.silent)
            % {"count": found.silent}
        )
    return words
