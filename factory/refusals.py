"""Django's own error pages: HTML for people, the tRPC error shape under `/api/`."""

from http import HTTPStatus

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render

from factory.trpc.errors import TRPCError

KEYS = {
    400: "BAD_REQUEST",
    403: "FORBIDDEN",
    404: "NOT_FOUND",
    408: "TIMEOUT",
    500: "INTERNAL_SERVER_ERROR",
}
WORDS = {
    400: "The request could not be understood.",
    403: "This is not for you, or the page was open too long. Go back, reload, and try again.",
    404: "There is nothing here.",
    408: "This took too long and was ended. Ask for less, or try again.",
    500: "Something broke on our side. It has been logged.",
}


def _refuse(request: HttpRequest, status: int) -> HttpResponse:
    if request.path_info.startswith("/api/"):
        error = TRPCError(KEYS[status], WORDS[status])
        return JsonResponse({"error": error.shape(None)}, status=status)
    context = {"status": status, "title": HTTPStatus(status).phrase, "words": WORDS[status]}
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
