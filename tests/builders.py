"""Plain builders: each makes one thing through the services and fills in what the test does not care about."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from io import BytesIO
from itertools import count
from typing import Any

import orjson
from django.test import Client

from alerts.models import Threshold
from alerts.services.thresholds import Scope, create_threshold
from devices.models import Device
from devices.services import issue_token, register_device
from factory.accounts.api_tokens import create_token
from factory.accounts.models import User
from factory.accounts.services import create_user, open_session
from grouping.models import BatchOperation, Group
from grouping.services import create_batch, create_group
from ota.models import Firmware
from ota.services.firmware import upload_firmware
from telemetry.batch import Outcome, Sample
from telemetry.services import store_readings
from tests.declared import assert_declared

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
PASSWORD = "seven wooden ladders"
_numbers = count(1)


def ms(moment: datetime) -> int:
    """A moment as telemetry times are told: milliseconds since the epoch."""
    return int(moment.timestamp() * 1000)


def make_user(*, role: str = "user", email: str = "", name: str = "") -> User:
    email = email or f"{role}{next(_numbers)}@example.com"
    return create_user(email=email, password=PASSWORD, name=name, role=User.Role(role))


def make_device(*, external_id: str = "", name: str = "", type: str = "sensor", **properties: Any) -> Device:
    number = next(_numbers)
    device, _ = register_device(
        external_id=external_id or f"device-{number}",
        name=name or f"Device {number}",
        type=type,
        at=NOON,
        **properties,
    )
    return device


def make_token(device: Device, *, at: datetime | None = None, lifetime: timedelta | None = None) -> str:
    return issue_token(device=device, at=at or NOON, lifetime=lifetime)


def make_threshold(
    device: Device | None = None,
    *,
    metric: str = "temperature",
    group: Group | None = None,
    device_type: str | None = None,
    **bounds: Any,
) -> Threshold:
    scope = Scope(device=device, group=group, device_type=device_type)
    return create_threshold(scope=scope, metric=metric, at=NOON, **(bounds or {"max_value": 90.0}))


def store(
    device: Device,
    *points: tuple[datetime, float],
    metric: str = "temperature",
    received: datetime | None = None,
) -> list[Outcome]:
    """Store (moment, value) points of one metric in one transaction, received when the last was measured."""
    samples = [Sample(device.pk, ms(moment), {metric: value}) for moment, value in points]
    received = received or max(moment for moment, _ in points)
    return store_readings(samples=samples, received_at=ms(received))


def sign_in(client: Client, user: User) -> str:
    """Give a test client the cookie of a session of this user; returns the token."""
    from django.utils import timezone

    token = open_session(user=user, at=timezone.now())
    client.cookies["app_session_id"] = token
    return token


def make_api_token(user: User, scope: str = "read", *, name: str = "ERP", **properties: Any) -> str:
    from django.utils import timezone

    properties = {"at": timezone.now(), **properties}
    return create_token(user=user, name=name, scope=scope, password=PASSWORD, **properties)[1]


class Trpc:
    """Procedures over Django's test client, plain dialect, as a person, a device or a stranger."""

    def __init__(self, client: Client, *, bearer: str = "") -> None:
        self.client = client
        self.headers = {"authorization": f"Bearer {bearer}"} if bearer else {}

    def query(self, path: str, input: Any = None):
        params = {} if input is None else {"input": orjson.dumps(input).decode()}
        return self.client.get(f"/api/trpc/{path}", params, headers=self.headers)

    def mutate(self, path: str, input: Any = None, **headers: str):
        body = b"" if input is None else orjson.dumps(input)
        return self.post(path, body, origin="http://testserver", **headers)

    def post(self, path: str, body: bytes, **headers: str):
        headers = {"content-type": "application/json", **self.headers, **headers}
        return self.client.post(f"/api/trpc/{path}", body, content_type="application/json", headers=headers)


def data_of(response) -> Any:
    """What a successful answer carries."""
    assert response.status_code == 200, response.content
    data = orjson.loads(response.content)["result"].get("data")
    assert_declared(response.wsgi_request.path, data)
    return data


def refusal_of(response) -> tuple[int, str, str]:
    """(HTTP status, code, message) of a refusal."""
    error = orjson.loads(response.content)["error"]
    assert error["data"]["httpStatus"] == response.status_code
    return response.status_code, error["data"]["code"], error["message"]


def make_group(
    *,
    name: str = "",
    type: str = "custom",
    devices: Iterable[Device] = (),
    parent: Group | None = None,
    **properties: Any,
) -> Group:
    return create_group(
        name=name or f"Group {next(_numbers)}",
        type=type,
        parent_id=parent.pk if parent else None,
        device_ids=[device.pk for device in devices],
        at=NOON,
        **properties,
    )


def make_batch(
    *,
    operation: str = "restart",
    parameters: dict[str, Any] | None = None,
    devices: Iterable[Device] | None = None,
    group: Group | None = None,
    by: User | None = None,
    at: datetime = NOON,
    **others: Any,
) -> BatchOperation:
    return create_batch(
        operation=operation,
        parameters=parameters or {},
        device_ids=None if devices is None else [device.pk for device in devices],
        group_id=group.pk if group else None,
        by=by or make_user(role="operator"),
        at=at,
        **others,
    )


def make_firmware(
    *,
    content: bytes = b"",
    version: str = "",
    device_type: str = "sensor",
    by: User | None = None,
    **about: Any,
) -> Firmware:
    number = next(_numbers)
    return upload_firmware(
        file=BytesIO(content or f"firmware {number}".encode()),
        version=version or f"1.{number}.0",
        device_type=device_type,
        by=by or make_user(role="technician"),
        at=about.pop("at", NOON),
        **about,
    )
