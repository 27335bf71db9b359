"""What EMQX and others ask us over HTTP: may this client connect, may it use this topic?"""

import hmac
import json
from functools import wraps
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from devices.mqtt_identity import has_alive_credential, identify_client
from devices.mqtt_rights import PUBLISH, SUBSCRIBE, is_service, may

GROUP = "$share/"  # before the group's name and the filter that its members share
# What mosquitto-go-auth says in `acc` where others say `action`: to receive, publish, do both, subscribe.
ACCESS = {"1": [SUBSCRIBE], "2": [PUBLISH], "3": [SUBSCRIBE, PUBLISH], "4": [SUBSCRIBE]}


def answers_brokers(judge):
    """A door for a broker that shows the shared secret. It judges by the body, or with ?status=1 by the status."""

    @csrf_exempt
    @require_POST
    @wraps(judge)
    def view(request: HttpRequest) -> HttpResponse:
        if not settings.MQTT_HOOK_SECRET:
            raise Http404
        shown = request.headers.get("Authorization", "")
        if not hmac.compare_digest(shown.encode(), f"Bearer {settings.MQTT_HOOK_SECRET}".encode()):
            return JsonResponse({"message": "Wrong or missing secret."}, status=401)
        allowed = judge(said(request))
        by_status = request.GET.get("status") == "1"
        status = 403 if by_status and not allowed else 200
        return JsonResponse({"result": "allow" if allowed else "deny"}, status=status)

    return view


def said(request: HttpRequest) -> dict[str, str]:
    """What stands in a JSON or form body. What is neither text nor number there is as good as nothing."""
    if request.content_type != "application/json":
        return {name: str(value) for name, value in request.POST.items()}
    try:
        body: Any = json.loads(request.body)
    except ValueError:
        return {}
    if not isinstance(body, dict):
        return {}
    return {
        name: str(value) for name, value in body.items() if isinstance(value, str | int) and _is_text(value)
    }


def _is_text(value: str | int) -> bool:
    """JSON may carry half a character, which nothing behind us can store or compare."""
    try:
        str(value).encode()
    except UnicodeEncodeError:
        return False
    return True


@answers_brokers
def auth(body: dict[str, str]) -> bool:
    """May this client connect? `username`, `password`, `clientid`."""
    name = body.get("username", "")
    found = identify_client(
        username=name,
        password=body.get("password", ""),
        client_id=body.get("clientid", ""),
        at=timezone.now(),
    )
    return found is not None


@answers_brokers
def acl(body: dict[str, str]) -> bool:
    """May this client publish or subscribe? `username`, `clientid`, `topic`, `action` or `acc`."""
    name, topic = body.get("username", ""), body.get("topic", "")
    if body.get("clientid", "") != name:
        return False
    if topic.startswith(GROUP):
        topic = topic.removeprefix(GROUP).partition("/")[2]
    wanted = ACCESS.get(body.get("acc", ""), [body.get("action", "")])
    if not all(may(name, action, topic) for action in wanted):
        return False
    return is_service(name) or has_alive_credential(username=name, at=timezone.now())
