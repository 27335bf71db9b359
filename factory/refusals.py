"""Django's own error pages: HTML for people, the tRPC error shape under `/api/`."""

import sys

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.translation import gettext_lazy

from factory.trpc.errors import DATABASE_RETRY_AFTER, TRPCError

KEYS = {
    400: "BAD_REQUEST",
    403: "FORBIDDEN",
    404: "NOT_FOUND",
    408: "TIMEOUT",
    500: "INTERNAL_SERVER_ERROR",
    503: "SERVICE_UNAVAILABLE",
}
TITLES = {
    400: gettext_lazy("Bad Request"),
    403: gettext_lazy("Forbidden"),
    404: gettext_lazy("Not Found"),
    408: gettext_lazy("Request Timeout"),
    500: gettext_lazy("Internal Server Error"),
    503: gettext_lazy("Service Unavailable"),
}
WORDS = {
    400: gettext_lazy("The request could not be understood."),
    403: gettext_lazy("This is not for you, or the page was open too long. Go back, reload, and try again."),
    404: gettext_lazy("There is nothing here."),
    408: gettext_lazy("This took too long and was ended. Ask for less, or try again."),
    500: gettext_lazy("Something broke on our side. It has been logged."),
    503: gettext_lazy("The database is not available. Try again."),
}


def _refuse(request: HttpRequest, status: int) -> HttpResponse:
    if request.path_info.startswith("/api/"):
        error = TRPCError(KEYS[status], str(WORDS[status]))
        return JsonResponse({"error": error.shape(None)}, status=status)
    context = {"status": status, "title": TITLES[status], "words": WORDS[status]}
    return render(request, "refusal.html", context, status=status)


def bad_request(request, exception=None):
    return _refuse(request, 400)


def permission_denied(request, exception=None):
    return _refuse(request, 403)


def not_found(request, exception=None):
    return _refuse(request, 404)


def too_late(request):
    return _refuse(request, 408)


def server_error(request):
    """Django calls it while it handles the exception, wherever that came from: a view, a middleware, the sign-in."""
    if not isinstance(sys.exc_info()[1], OperationalError | InterfaceError):
        return _refuse(request, 500)
    response = _refuse(request, 503)
    response["Retry-After"] = DATABASE_RETRY_AFTER
    return response


def csrf_failure(request, reason=""):
    return _refuse(request, 403)
