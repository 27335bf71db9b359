"""Where a text can be put: every text of every procedure, as the documents that are made from the registry tell them,
and the filters, searches and forms of pages and of the admin."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from tests.hostile.asking import Ask, procedure
from tests.roles.table import DEVICES_ONLY

# They end what asks, or ask a password of whoever asks.
LEFT_OUT = {"auth.logout", "auth.revokeSession"}
PAGES = (
    ("/devices/", ("search", "q", "zone", "type", "status", "tag", "filter", "sort", "page", "group")),
    ("/alerts/", ("search", "q", "status", "severity", "sort", "page", "device", "group", "cursor")),
    ("/alerts/history/", ("search", "severity", "from", "until", "start", "page")),
    ("/alerts/history.csv", ("search", "severity", "from", "until")),
    ("/search", ("q",)),
    ("/search/answers", ("q",)),
    ("/groups/", ("q", "type", "page")),
    ("/energy/", ("from", "until", "period", "by", "group")),
    ("/energy/energy.csv", ("from", "until", "period", "by", "group")),
    ("/oee/", ("from", "until", "period", "scope", "device")),
    ("/performance/", ("from", "until", "period", "metric", "group")),
    ("/reports/", ("kind", "status", "page")),
    ("/running/", ("kind", "page")),
    ("/notifications/", ("status", "page")),
    ("/firmware/", ("type", "page")),
    ("/sign-in", ("next",)),
    ("/reset-password", ("token",)),
    ("/invitation", ("token",)),
)
ADMIN = (
    ("/admin/devices/device/", ("q", "o", "p", "status__exact", "type__exact", "e", "_to_field", "zone")),
    ("/admin/alerts/alert/", ("q", "o", "severity__exact", "device__id__exact", "device__name__regex")),
    ("/admin/alerts/threshold/", ("q", "o", "metric", "device__credentials__digest__startswith")),
    ("/admin/accounts/user/", ("q", "o", "role__exact", "password__startswith", "is_active__exact")),
    ("/admin/accounts/auditentry/", ("q", "o", "p", "action", "at__gte")),
    ("/admin/ota/firmware/", ("q", "o", "device_type__exact")),
)
FORMS = (
    ("/sign-in", {"email": "x@example.com", "password": "x", "next": "/"}),
    ("/forgotten-password", {"email": "x@example.com"}),
    ("/reset-password", {"token": "x", "new_password": "x", "again_password": "x"}),
    ("/invitation", {"token": "x", "name": "x", "password": "x"}),
    ("/devices/new", {"device_id": "x", "name": "x", "type": "sensor", "zone": "x", "location": "x"}),
    ("/groups/new", {"name": "x", "type": "custom", "description": "x", "filter": "x"}),
    ("/maintenance/new", {"name": "x", "zone": "x", "starts_at": "x", "ends_at": "x"}),
    ("/admin/devices/device/add/", {"external_id": "x", "name": "x", "type": "sensor", "zone": "x"}),
    ("/admin/accounts/invitation/add/", {"email": "x@example.com", "role": "user"}),
    ("/admin/alerts/maintenancewindow/add/", {"name": "x", "zone": "x"}),
)


@dataclass(frozen=True)
class Slot:
    """One text of one request. `ask` puts something there."""

    surface: str
    ask: Callable[[str], Ask]
    finds: bool = False  # a search: of what was not there it finds nothing
    member: str = ""


def procedures(document: dict[str, Any], keys: dict[str, Any]) -> list[Slot]:
    """Every member of every input that takes a text, or could be mistaken to."""
    return [
        _slot(path, kind, example, name, shape, keys)
        for path, kind, shape, example in _inputs(document)
        if path not in LEFT_OUT
        for name, shape in shape.get("properties", {}).items()
        if _takes_text(shape)
    ]


def _inputs(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any], dict[str, Any]]]:
    for address, by_method in sorted(document["paths"].items()):
        for told in by_method.values():
            kind, path = told.get("x-kind"), address.rpartition("/")[2]
            if kind not in ("query", "mutation"):
                continue
            content = told["parameters"][0]["content"] if told.get("parameters") else None
            content = content or told.get("requestBody", {}).get("content", {})
            if "application/json" in content:
                body = content["application/json"]
                shape, example = _opened(body["schema"], document), body.get("example")
                yield path, kind, shape, example if isinstance(example, dict) else {}


def _opened(shape: dict[str, Any], document: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in shape:
        shape = document["components"]["schemas"][shape["$ref"].rpartition("/")[2]]
    for each in ("anyOf", "oneOf"):
        if each in shape:
            return _opened(next((s for s in shape[each] if "$ref" in s), shape[each][0]), document)
    return shape


def _takes_text(shape: dict[str, Any]) -> bool:
    alternatives = [*shape.get("anyOf", ()), *shape.get("oneOf", ()), shape]
    kinds = {kind for each in alternatives for kind in _kinds(each)}
    return bool(kinds & {"string", "array", "object"})


def _kinds(shape: dict[str, Any]) -> list[str]:
    kind = shape.get("type", "object" if "$ref" in shape or not shape else "")
    return kind if isinstance(kind, list) else [kind]


def _slot(
    path: str, kind: str, example: dict[str, Any], name: str, shape: dict[str, Any], keys: dict[str, Any]
) -> Slot:
    rest = {member: _known(path, member, value, keys) for member, value in example.items()}
    token = keys["device" if path in DEVICES_ONLY else "admin"]

    def ask(text: str) -> Ask:
        value: Any = text
        if "array" in _kinds(shape):
            value = [text]
        elif "object" in _kinds(shape):
            value = {text: text}
        return procedure(kind, path, {**rest, name: value}, token=token, surface=f"{path} {name}", text=text)

    finds = kind == "query" and name in {"search", "zone", "tag", "metric"}
    return Slot(f"{path} {name}", ask, finds, name)


def _known(path: str, member: str, value: Any, keys: dict[str, Any]) -> Any:
    """What stands in an example, or a thing that is there."""
    if member in {"deviceId", "stationId"} and path != "devices.create" and path != "devices.claim":
        return keys["device_id"]
    if member == "deviceIds":
        return [keys["device_id"]]
    if member == "id" and path.startswith("devices."):
        return keys["device_id"]
    if member == "groupId" or (member == "id" and path.startswith("groups.")):
        return keys["group_id"]
    return value


def pages(keys: dict[str, Any]) -> list[Slot]:
    """Every filter of a list, of the admin's too, and every text of a form."""
    cookie = ("Cookie", f"app_session_id={keys['admin']}; csrftoken={CSRF}")
    slots = []
    for path, names in (*PAGES, *ADMIN):
        for name in names:

            def look(text: str, path: str = path, name: str = name) -> Ask:
                address = f"{path}?{urlencode({name: text})}"
                return Ask(f"{path} {name}", address, headers=(cookie,), text=text)

            slots.append(Slot(f"{path} {name}", look))
    for path, filled in FORMS:
        for name in filled:

            def send(text: str, path: str = path, name: str = name, filled: Any = filled) -> Ask:
                return form(path, {**filled, name: text}, cookie=cookie, surface=f"{path} {name}", text=text)

            slots.append(Slot(f"{path} {name}", send))
    return slots


CSRF = "c" * 32


def form(path: str, filled: dict[str, Any], *, cookie: tuple[str, str], surface: str, text: str) -> Ask:
    body = urlencode({**filled, "csrfmiddlewaretoken": CSRF}).encode()
    headers = (cookie, ("Content-Type", "application/x-www-form-urlencoded"))
    return Ask(surface, path, "POST", headers, body, text=text)
