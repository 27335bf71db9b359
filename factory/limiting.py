"""On whose account a request to `/api/` goes, and counting those that no gateway counts."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase

from devices.identity import DevicePrincipal, identify_device
from factory.accounts.api_token_identity import identify_api_token
from factory.accounts.identity import identify_person
from factory.accounts.models import User
from factory.limits.addresses import client_address, home_of
from factory.limits.shared import counter
from factory.trpc.call import Identity, first_identity
from factory.trpc.errors import refusal_for
from factory.trpc.limits import Account, Limits

IDENTIFY = [identify_device, identify_api_token, identify_person]  # devices first: they are the many

# Counted by the gateway, call by call; and the broker, which asks on behalf of every device and shows a secret.
COUNTED_ELSEWHERE = ("/api/trpc/", "/api/v1/trpc/", "/api/auth/", "/api/mqtt/")


def account_of(request: HttpRequest, identity: Identity) -> Account:
    principal = identity.principal
    if isinstance(principal, DevicePrincipal):
        return Account(f"device:{principal.device_id}", settings.RATE_DEVICE, by_call=False, nearly=True)
    if isinstance(principal, User):
        return Account(f"user:{principal.pk}", settings.RATE_USER)
    return Account(f"address:{home_of(client_address(request.META))}", settings.RATE_ADDRESS)


limits = Limits(counter, account_of)


class CountedRequests:
    """Middleware for what lies under `/api/` beside the procedures: firmware files, descriptions of the API."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        path = request.path_info
        if not path.startswith("/api/") or f"{path}/".startswith(COUNTED_ELSEWHERE):
            return self.get_response(request)
        try:
            identity = first_identity(IDENTIFY, request)
        except Exception:  # the database is away: whoever needs it says so
            return self.get_response(request)
        verdict = limits.judge(request, identity)
        if verdict is None:
            return self.get_response(request)
        response = self.get_response(request) if verdict.allows(0) else _refuse(verdict.refusal())
        for name, value in verdict.usage.headers().items():
            response.headers.setdefault(name, value)
        return response


def _refuse(error: Exception) -> HttpResponse:
    refusal = refusal_for(error, None)
    return JsonResponse(
        {"error": refusal.shape(None)},
        status=refusal.status,
        headers={**refusal.headers, "Cache-Control": "no-store"},
    )
