"""What can be subscribed to, and that whoever comes back hears what was missed."""

from contextlib import AsyncExitStack
from datetime import timedelta

import pytest
from asgiref.sync import sync_to_async
from channels.layers import get_channel_layer

from alerts.models import Alert, AlertEvent
from alerts.queries.alerts import events_after
from alerts.services.handling import acknowledge_alert
from devices.queries import status_changes_after
from devices.services import edit_device
from factory.accounts.services import revoke_all_sessions
from factory.live.broadcast import broadcaster
from factory.urls import gateway, registry
from grouping.queries.batches import progress_now
from ota.queries.deployments import deployments_after
from tests.builders import make_batch, make_threshold, ms, store
from tests.grouping.batching import answer, work_off
from tests.live.listening import connected, listening, refused, subscribe
from tests.live.sockets import a_device, a_session, a_token, now, stored
from tests.ota.updating import make_deployment, say

pytestmark = pytest.mark.django_db(transaction=True)
ENDED = ("UNAUTHORIZED", "The session or token that opened this has ended.")


async def a_viewer():
    _, token = await a_session()
    return token


# Readings


async def test_a_reading_reaches_those_who_subscribed_to_its_device():
    device, other = await a_device(), await a_device()
    at = now()

    async with listening(
        "readings.onReading", {"deviceId": device.external_id}, bearer=await a_viewer()
    ) as stream:
        await stored(other, (at, 1.5))
        await stored(device, (at, 2.5))

        assert await stream.next() == (
            f"{ms(at)}.{device.pk}.{ms(at)}",
            {
                "deviceId": device.pk,
                "timestamp": ms(at),
                **dict.fromkeys(("humidity", "vibration", "power", "pressure", "rpm")),
                "temperature": 2.5,
                "data": {"temperature": 2.5},
            },
        )


async def test_readings_that_were_missed_come_first_in_the_order_they_came_in():
    devices = [await a_device() for _ in range(3)]
    token, start = await a_viewer(), now() - timedelta(seconds=30)

    async with listening("readings.onReading", bearer=token) as stream:
        await stored(devices[0], (start, 1.0))
        id, _ = await stream.next()
    for n in (2, 3):
        await stored(devices[n % 2], (start + timedelta(seconds=n), float(n)))
    async with listening("readings.onReading", bearer=token, lastEventId=id) as stream:
        await stored(devices[2], (start + timedelta(seconds=9), 9.0))
        heard = [(await stream.next())[1]["temperature"] for _ in range(3)]

    assert heard == [2.0, 3.0, 9.0]


async def test_the_devices_that_were_asked_for_and_no_others_are_made_up_for():
    one, two, three = [await a_device() for _ in range(3)]
    token, start = await a_viewer(), now() - timedelta(seconds=30)

    await stored(one, (start, 1.0))
    for n, device in enumerate((three, two, one), start=2):
        await stored(device, (start + timedelta(seconds=n), float(n)))
    last = f"{ms(start)}.{one.pk}.{ms(start)}"
    given = {"deviceIds": [one.pk, two.external_id], "lastEventId": last}
    async with listening("readings.onReading", given, bearer=token) as stream:
        heard = [(await stream.next())[1]["temperature"] for _ in range(2)]

    assert heard == [3.0, 4.0]


async def test_of_a_big_plant_the_newest_reading_of_each_device_is_made_up_for(monkeypatch):
    monkeypatch.setattr("telemetry.queries.DEVICES_MADE_UP", 1)
    devices = [await a_device() for _ in range(2)]
    start = now() - timedelta(seconds=30)
    for n in range(6):
        await stored(devices[n % 2], (start + timedelta(seconds=n), float(n)))

    last = f"{ms(start)}.{devices[0].pk}.{ms(start)}"
    async with listening("readings.onReading", bearer=await a_viewer(), lastEventId=last) as stream:
        heard = sorted([(await stream.next())[1]["temperature"] for _ in range(2)])
        await stored(devices[0], (now(), 9.0))
        assert (await stream.next())[1]["temperature"] == 9.0

    assert heard == [4.0, 5.0]


# Alerts


async def test_an_alert_arrives_by_itself_and_after_a_break_so_does_what_became_of_it():
    device = await a_device()
    await sync_to_async(make_threshold)(device=device)
    user, token = await a_session()

    async with listening("alerts.onAlert", bearer=token) as stream:
        await stored(device, (now(), 95.0))
        id, alert = await stream.next()
    event = await AlertEvent.objects.aget()
    assert (id, alert["seq"], alert["status"], alert["deviceId"]) == (
        str(event.pk),
        event.pk,
        "active",
        device.pk,
    )

    found = await Alert.objects.aget()
    await sync_to_async(acknowledge_alert)(alert=found, by=user, at=now())
    for given, headers in (({}, [(b"last-event-id", id.encode())]), ({"lastEventId": id}, [])):
        async with listening("alerts.onAlert", given, bearer=token, headers=headers) as stream:
            later, news = await stream.next()
        assert (int(later) > event.pk, news["alertId"], news["status"]) == (True, found.pk, "acknowledged")


async def test_whoever_asks_for_nothing_that_was_missed_hears_only_what_is_new():
    device = await a_device()
    await sync_to_async(make_threshold)(device=device)
    token, start = await a_viewer(), now()
    await stored(device, (start, 95.0))

    async with listening("alerts.onAlert", {"deviceId": device.pk}, bearer=token) as stream:
        await stored(device, (start + timedelta(seconds=1), 20.0))
        assert (await stream.next())[1]["status"] == "resolved"


async def test_an_alert_that_was_lost_on_its_way_is_found_at_the_next_heartbeat(monkeypatch, settings):
    settings.WS_TIMEOUT = 0.4
    device = await a_device()
    await sync_to_async(make_threshold)(device=device)

    async with listening("alerts.onAlert", bearer=await a_viewer()) as stream:
        with monkeypatch.context() as patch:
            patch.setattr(broadcaster, "send", lambda *_: None)
            await stored(device, (now(), 95.0))
        assert (await stream.next())[1]["status"] == "active"


async def test_a_gap_in_the_numbers_is_filled_before_the_next_alert(monkeypatch):
    device = await a_device()
    await sync_to_async(make_threshold)(device=device)
    start = now()

    async with listening("alerts.onAlert", bearer=await a_viewer()) as stream:
        with monkeypatch.context() as patch:
            patch.setattr(broadcaster, "send", lambda *_: None)
            await stored(device, (start, 95.0))
        await stored(device, (start + timedelta(seconds=1), 20.0))
        heard = [(await stream.next())[1]["status"] for _ in range(2)]

    assert heard == ["active", "resolved"]


# Devices, deployments, batches


async def test_a_status_is_told_when_it_changes_and_after_a_break_those_that_were_missed():
    device, other = await a_device(), await a_device()
    token = await a_viewer()
    edit = sync_to_async(edit_device)

    async with listening("devices.onStatus", {"deviceId": device.pk}, bearer=token) as stream:
        await edit(device=other, status="error", at=now())
        at = now()
        await edit(device=device, status="maintenance", at=at)
        id, news = await stream.next()
    told = at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    assert news == {"deviceId": device.pk, "status": "maintenance", "timestamp": told}

    await edit(device=device, status="error", at=now())
    await edit(device=device, status="offline", at=now())
    async with listening("devices.onStatus", bearer=token, lastEventId=id) as stream:
        heard = [(await stream.next())[1] for _ in range(2)]
    assert [(each["deviceId"], each["status"]) for each in heard] == [
        (device.pk, "error"),
        (device.pk, "offline"),
    ]


async def test_a_deployment_is_told_as_it_moves_and_after_a_break_as_it_stands():
    token = await a_viewer()
    deployment = await sync_to_async(make_deployment)(at=now())
    word = sync_to_async(say)

    async with listening("ota.onDeployment", {"deviceId": deployment.device_id}, bearer=token) as stream:
        await word(deployment, "downloading", progress=30, at=now())
        id, news = await stream.next()
    assert (news["deploymentId"], news["status"], news["progress"]) == (deployment.pk, "downloading", 30)

    await word(deployment, "downloading", progress=60, at=now())
    await word(deployment, "installing", at=now())
    async with listening("ota.onDeployment", bearer=token, lastEventId=id) as stream:
        assert (await stream.next())[1]["status"] == "installing"
        await word(deployment, "failed", at=now())
        assert (await stream.next())[1]["status"] == "failed"


async def test_what_was_told_is_not_told_again_at_a_heartbeat(settings):
    settings.WS_TIMEOUT = 0.4
    token = await a_viewer()
    deployment = await sync_to_async(make_deployment)(at=now())
    paths = ("ota.onDeployment", "devices.onStatus", "alerts.onAlert")

    async with AsyncExitStack() as stack:
        streams = [await stack.enter_async_context(listening(path, bearer=token)) for path in paths]
        await sync_to_async(make_threshold)(device=deployment.device)
        await sync_to_async(say)(deployment, "downloading", at=now())
        await stored(deployment.device, (now(), 95.0))
        await sync_to_async(edit_device)(device=deployment.device, status="error", at=now())
        for stream in streams:
            await stream.next()
        for stream in streams:
            assert await stream.is_quiet(seconds=1.0)


async def test_a_batch_is_told_at_once_as_it_moves_and_ends_the_subscription_with_its_end():
    devices = [await a_device() for _ in range(2)]
    batch = await sync_to_async(make_batch)(devices=devices, at=now())
    token = await a_viewer()

    async with listening("groups.onBatchProgress", {"id": batch.pk}, bearer=token) as stream:
        _, news = await stream.next()
        assert (news["batchId"], news["status"], news["pending"]) == (batch.pk, "pending", 2)
        await sync_to_async(work_off)(batch, at=now())
        await sync_to_async(answer)(batch, at=now())
        heard = []
        while (told := await stream.next())[0] != "return":
            heard.append(told[1]["status"])
        assert heard[-1] == "completed"
    async with listening("groups.onBatchProgress", {"id": batch.pk}, bearer=token) as stream:
        _, news = await stream.next()
        assert (news["progress"], news["succeeded"]) == (100, 2)
        assert await stream.next() == ("return", None)


@sync_to_async
def one_of_each_that_is_stored():
    """{path: the members of an event as `/ws` has it}."""
    deployment = make_deployment(at=now())
    make_threshold(device=deployment.device)
    store(deployment.device, (now(), 95.0))
    batch = make_batch(devices=[deployment.device], at=now())
    return {
        "alerts.onAlert": events_after("0", None)[0].data,
        "devices.onStatus": status_changes_after("0", None)[0].data,
        "ota.onDeployment": deployments_after("0.0", None)[0].data,
        "groups.onBatchProgress": progress_now(batch.pk, at=now()).data,
    }


async def test_an_event_is_declared_with_just_the_members_it_has():
    for path, data in (await one_of_each_that_is_stored()).items():
        assert list(registry.find(path).output.row(data)) == list(data), path


async def test_a_superjson_client_gets_dates():
    device = await a_device()

    async with listening("devices.onStatus", {"json": {}}, bearer=await a_viewer()) as stream:
        await sync_to_async(edit_device)(device=device, status="error", at=now())
        _, news = await stream.next()

    assert (news["json"]["status"], news["meta"]) == ("error", {"values": {"timestamp": ["Date"]}, "v": 1})


# Who may, and for how long


@pytest.mark.parametrize(
    "path",
    [
        "readings.onReading",
        "alerts.onAlert",
        "devices.onStatus",
        "ota.onDeployment",
        "groups.onBatchProgress",
    ],
)
async def test_strangers_and_devices_hear_nothing(path):
    device = await a_device()

    assert await refused(path) == ("UNAUTHORIZED", "Sign in first.")
    assert await refused(path, bearer=await a_token(device)) == ("FORBIDDEN", f"{path} is for: user.")


async def test_what_is_not_there_or_no_id_is_refused():
    token = await a_viewer()
    no_id = "lastEventId: is not the id of an event of this subscription"

    assert await refused("readings.onReading", {"deviceId": 999}, bearer=token) == (
        "NOT_FOUND",
        "There is no 999 to listen to.",
    )
    assert await refused("groups.onBatchProgress", {"id": 999}, bearer=token) == (
        "NOT_FOUND",
        "There is no batch operation 999.",
    )
    for path in ("readings.onReading", "alerts.onAlert", "devices.onStatus", "ota.onDeployment"):
        for id in ("x", "1.x", "-1", "1.2.3.4", "9" * 30, f"{'9' * 18}.1"):
            assert await refused(path, bearer=token, lastEventId=id) == ("BAD_REQUEST", no_id)


async def test_signing_out_ends_what_was_subscribed_to():
    user, token = await a_session()

    async with listening("alerts.onAlert", bearer=token) as stream, connected(bearer=token) as socket:
        await socket.ask(subscribe(1, "alerts.onAlert"))
        assert await socket.next() == {"id": 1, "result": {"type": "started"}}
        await sync_to_async(revoke_all_sessions)(user=user, at=now())

        event, error = await stream.next()
        assert (event, error["data"]["code"], error["message"]) == ("serialized-error", *ENDED)
        told = await socket.next()
        assert (told["id"], told["error"]["data"]["code"]) == (1, "UNAUTHORIZED")
        told = await socket.next()
        assert (told["id"], told["error"]["data"]["code"]) == (None, "UNAUTHORIZED")
        assert await socket.closed_with() == 4401


async def test_an_end_that_nobody_told_of_is_noticed(settings, monkeypatch):
    settings.WS_TIMEOUT = 0.4
    user, token = await a_session()

    async with listening("alerts.onAlert", bearer=token) as stream:
        with monkeypatch.context() as patch:
            patch.setattr(broadcaster, "send", lambda *_: None)
            await sync_to_async(revoke_all_sessions)(user=user, at=now())
        event, error = await stream.next()

    assert (event, error["data"]["code"]) == ("serialized-error", "UNAUTHORIZED")


async def test_a_cookie_counts_on_sockets_of_our_own_pages_only():
    _, token = await a_session()
    cookie = (b"cookie", f"app_session_id={token}".encode())

    for origin, told in (("http://testserver", "result"), ("https://evil.example", "error"), ("", "error")):
        headers = [cookie, (b"origin", origin.encode())] if origin else [cookie]
        async with connected(headers=headers) as socket:
            await socket.ask({"id": 1, "method": "query", "params": {"path": "devices.getStats"}})
            assert told in await socket.next()


async def test_a_page_on_an_allowed_origin_may_read_a_stream_with_its_cookie(monkeypatch):
    monkeypatch.setattr(gateway, "allowed_origins", {"https://front.example"})
    cookie = (b"cookie", f"app_session_id={await a_viewer()}".encode())

    for origin, told in (
        (b"https://front.example", b"https://front.example"),
        (b"https://evil.example", None),
    ):
        async with listening("alerts.onAlert", headers=[cookie, (b"origin", origin)]) as stream:
            assert stream.headers.get(b"access-control-allow-origin") == told


async def test_while_redis_is_away_the_client_is_told_to_try_again(monkeypatch):
    async def away(*_):
        raise ConnectionRefusedError

    token = await a_viewer()
    layer = get_channel_layer()
    with monkeypatch.context() as patch:
        patch.setattr(layer, "new_channel", away)
        assert (await refused("alerts.onAlert", bearer=token))[0] == "SERVICE_UNAVAILABLE"
        async with connected(bearer=token) as socket:
            assert (await socket.next())["error"]["data"]["code"] == "SERVICE_UNAVAILABLE"
            assert await socket.closed_with() == 1013


# Over the socket


async def test_a_socket_carries_calls_and_subscriptions_side_by_side():
    device = await a_device()
    token = await a_viewer()

    async with connected(query="?connectionParams=1") as socket:
        await socket.ask({"method": "connectionParams", "data": {"token": token}})
        await socket.ask(
            subscribe("a", "devices.onStatus"),
            {"id": 2, "method": "query", "params": {"path": "devices.getById", "input": {"id": device.pk}}},
        )
        answers = {each["id"]: each for each in [await socket.next(), await socket.next()]}
        assert answers["a"] == {"id": "a", "result": {"type": "started"}}
        assert answers[2]["result"]["data"]["deviceId"] == device.external_id

        await sync_to_async(edit_device)(device=device, status="error", at=now())
        news = (await socket.next())["result"]
        assert (news["type"], news["data"]["id"], news["data"]["data"]["status"]) == (
            "data",
            news["id"],
            "error",
        )

        await socket.ask({"id": "a", "method": "subscription.stop"})
        assert await socket.next() == {"id": "a", "result": {"type": "stopped"}}
        await sync_to_async(edit_device)(device=device, status="offline", at=now())
        await socket.ask(subscribe("a", "devices.onStatus", lastEventId=news["id"]))
        assert await socket.next() == {"id": "a", "result": {"type": "started"}}
        assert (await socket.next())["result"]["data"]["data"]["status"] == "offline"


def test_both_sockets_take_as_many_messages_as_is_set(settings):
    from factory.asgi import trpc_socket

    assert trpc_socket.rate == settings.RATE_SOCKET
