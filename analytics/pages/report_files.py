"""The files of a report: the page, the PDF and the table, to people who are signed in or have the link."""

from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.utils.http import content_disposition_header
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from analytics import shelf
from analytics.links import person_of_link
from analytics.models import Report
from analytics.queries.reports import get_report
from analytics.reports.pages import PAGE_POLICY
from factory.accounts.api_token_identity import identify_api_token
from factory.accounts.identity import identify_person
from factory.accounts.permissions import VIEWER
from factory.errors import Conflict, NotFound, Unauthorized
from factory.trpc.call import first_identity
from factory.trpc.errors import refusal_for

FILES = {
    "pdf": (shelf.PDF, "application/pdf"),
    "csv": (shelf.TABLE, "text/csv; charset=utf-8; header=present"),
    "html": (shelf.PAGE, "text/html; charset=utf-8"),
}
RETRY_SECONDS = 2


class ReportFailed(Conflict):
    """It will never be there."""


@require_safe
@never_cache
def report_file(request: HttpRequest, report_id: int, ending: str) -> HttpResponseBase:
    """A file of a report; 202 while it is being made."""
    if _is_at_a_browser(request):
        return redirect_to_login(request.get_full_path(), settings.LOGIN_URL)
    try:
        _check_who(request, report_id)
        return _answer(request, get_report(report_id), ending)
    except Exception as error:
        refusal = refusal_for(error, None)
        return JsonResponse(
            {"error": refusal.shape(None)}, status=refusal.status, headers=dict(refusal.headers)
        )


def _is_at_a_browser(request: HttpRequest) -> bool:
    """Who is not signed in yet and would rather be asked to than refused."""
    is_reader = "text/html" in request.headers.get("Accept", "")
    return is_reader and not request.user.is_authenticated and "key" not in request.GET


def _check_who(request: HttpRequest, report_id: int) -> None:
    key = request.GET.get("key", "")
    if key and person_of_link(key, report_id=report_id, at=timezone.now()) is not None:
        return
    if not VIEWER.allows(first_identity((identify_api_token, identify_person), request)):
        raise Unauthorized("Sign in, or ask for a new link: this one is over.")


def _answer(request: HttpRequest, report: Report, ending: str) -> HttpResponse:
    if ending not in FILES:
        raise NotFound(f"A report has no {ending}.")
    name, content_type = FILES[ending]
    is_there = report.status == Report.Status.DONE or (ending != "pdf" and report.is_written)
    if not is_there and report.status in (Report.Status.FAILED, Report.Status.CANCELLED):
        raise ReportFailed(report.error or "This report was cancelled.")
    if not is_there:
        return HttpResponse(
            f"It is being made: {report.progress} %.\n",
            status=202,
            content_type="text/plain",
            headers={"Retry-After": str(RETRY_SECONDS)},
        )
    response = HttpResponse(shelf.get(report.folder, name), content_type=content_type)
    is_shown = ending == "html" or (ending == "pdf" and "download" not in request.GET)
    response.headers["Content-Disposition"] = (
        content_disposition_header(not is_shown, f"{report.filename}.{ending}") or "inline"
    )
    if ending == "html":
        response.headers["Content-Security-Policy"] = PAGE_POLICY
    return response
