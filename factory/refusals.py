"""Django's own error pages: HTML for people, the tRPC error shape under `/api/`."""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.translation import gettext_lazy

from factory.trpc.errors import TRPCError

KEYS = {
    400: "BAD_REQUEST",
    403: "FORBIDDEN",
    404: "NOT_FOUND",
    408: "TIMEOUT",
    500: "INTERNAL_SERVER_ERROR",
}
TITLES = {
    400: gettext_lazy("Bad Request"),
    403: gettext_lazy("Forbidden"),
    404: gettext_lazy("Not Found"),
    408: gettext_lazy("Request Timeout"),
    500: gettext_lazy("Internal Server Error"),
}
WORDS = {
    400: gettext_lazy("The request could not be understood."),
    403: gettext_lazy("This is not for you, or the page was open too long. Go back, reload, and try again."),
    404: gettext_lazy("There is nothing here."),
    408: gettext_lazy("This took too long and was ended. Ask for less, or try again."),
    500: gettext_lazy("Something broke on our side. It has been logged."),
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
    return _refuse(request, 500)


def csrf_failure(request, reason=""):
    return _refuse(request, 403)
