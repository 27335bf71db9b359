"""/.well-known/security.txt (RFC 9116): whom a finder of a weakness may tell, where the plant has said so."""

from datetime import datetime, timedelta

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

PATH = "/.well-known/security.txt"
# It must say until when it may be believed. It is made at each request, so it is as old as the setting.
GOOD_FOR = timedelta(days=30)


@require_safe
def security_txt(request: HttpRequest) -> HttpResponse:
    if not settings.SECURITY_CONTACT:
        raise Http404
    return HttpResponse(text_at(timezone.now()), content_type="text/plain; charset=utf-8")


def text_at(at: datetime) -> str:
    until = (at + GOOD_FOR).replace(microsecond=0).isoformat().replace("+00:00", "Z")
    lines = [f"Contact: {uri}" for uri in settings.SECURITY_CONTACT]
    lines += [f"Expires: {until}", "Preferred-Languages: en, de"]
    if settings.SECURE:  # the RFC asks for https
        lines.append(f"Canonical: {settings.PUBLIC_URL}{PATH}")
    return "\n".join(lines) + "\n"
