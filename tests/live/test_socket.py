"""The `/ws` protocol over the real channel layer, with the real channels of the house."""

import asyncio
import itertools
from datetime import timedelta

import pytest
from asgiref.sync import sync_to_async

from alerts.models import Alert, AlertEvent
from alerts.queries.alerts import live_item
from alerts.services.handling import acknowledge_alert
from devices.services import edit_device
from factory.live import consumer, following
from factory.live.broadcast import broadcast
from telemetry.consumers import sensor
from tests.builders import make_threshold
from tests.live.sockets import STRANGER, a_device, a_session, a_token, a_viewer, connected, now, stored

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize(
    "credentials", [{}, {"bearer": "nonsense"}, {"cookie": "nonsense", "origin": "http://testserver"}]
)
async def test_a_stranger_is_accepted_and_closed_with_4401(credentials):
    async with connected(**credentials) as socket:
        assert await socket.closed_with() == STRANGER


async def test_a_cookie_counts_from_our_own_pages_only():
    _, token = await a_session()

    async with connected(cookie=token, origin="http://testserver") as socket:
        await socket.subscribe("alerts")
        assert await socket.next() == ("subscription_confirm", {"channels": ["alerts"]})
    for origin in ("https://evil.example", "", "null", "http://[", "http://testserver\0"):
        async with connected(cookie=token, origin=origin) as socket:
            assert await socket.closed_with() == STRANGER


async def test_who_must_set_up_a_second_factor_first_hears_nothing(settings):
    settings.REQUIRE_TOTP = "all"
    _, token = await a_session()

    async with connected(bearer=token) as socket:
        await socket.subscribe("alerts")
        assert await socket.next() == ("error", {"error": "Unknown or forbidden: alerts"})


async def test_a_browser_may_bring_the_token_as_sub_protocol():
    _, token = await a_session()

    async with connected(subprotocols=[f"bearer.{token}"]) as socket:
        assert socket.chosen == f"bearer.{token}"
        await socket.send_json_to({"type": "ping"})
        assert await socket.next() == ("pong", {})


async def test_unknown_and_forbidden_channels_are_named_and_the_rest_confirmed():
    device = await a_device()

    async with await a_viewer() as socket:
        await socket.subscribe("alerts", "nonsense", "device:999:sensor", f"device:{device.pk}:status")
        assert await socket.next() == (
            "error",
            {"error": "Unknown or forbidden: nonsense, device:999:sensor"},
        )
        assert await socket.next() == (
            "subscription_confirm",
            {"channels": ["alerts", f"device:{device.pk}:status"]},
        )


async def test_a_device_hears_nothing_of_others_and_hands_in_readings():
    device = await a_device(external_id="press-1")

    async with connected(bearer=await a_token(device)) as socket:
        await socket.subscribe("readings", "alerts", f"device:{device.pk}:sensor")
        kind, data = await socket.next()
        assert (kind, data["error"][:21]) == ("error", "Unknown or forbidden:")

        await socket.send_json_to({"type": "reading", "data": {"power": 5}})
        assert await socket.next() == (
            "reading_ack",
            {"success": True, "accepted": 1, "duplicates": 0, "rejected": []},
        )
        await socket.send_json_to({"type": "reading", "deviceId": "press-2", "data": {"power": 5}})
        assert await socket.next() == ("error", {"error": "deviceId: this token belongs to another device."})


async def test_a_person_hands_in_no_readings():
    async with await a_viewer() as socket:
        await socket.send_json_to({"type": "reading", "deviceId": 1, "data": {"power": 5}})
        assert await socket.next() == ("error", {"error": "reading: not allowed here"})


async def test_a_reading_reaches_those_who_follow_its_device_once():
    device, other = await a_device(), await a_device()
    at = now()

    async with await a_viewer() as socket:
        await socket.subscribe("readings", f"device:{device.pk}:sensor")
        await socket.next("subscription_confirm")
        await stored(other, (at, 1.5))
        await stored(device, (at, 2.5))

        first, second = [await socket.next("sensor_data") for _ in range(2)]

    assert (first[1]["deviceId"], first[1]["temperature"]) == (other.pk, 1.5)
    assert second[1] == {
        "deviceId": device.pk,
        "timestamp": int(at.timestamp() * 1000),
        **dict.fromkeys(("humidity", "vibration", "power", "pressure", "rpm")),
        "temperature": 2.5,
        "data": {"temperature": 2.5},
    }


async def test_one_who_follows_a_device_hears_nothing_of_another_in_the_same_shard():
    device = await a_device()
    others = [await a_device() for _ in range(17)]  # one of them shares its shard

    async with await a_viewer() as socket:
        await socket.subscribe(f"device:{device.external_id}:sensor")
        await socket.next("subscription_confirm")
        for each in (*others, device):
            await stored(each, (now(), 1))
        assert (await socket.next("sensor_data"))[1]["deviceId"] == device.pk
        assert await socket.receive_nothing(timeout=0.2)


async def test_batches_come_together_when_asked_for():
    device = await a_device()
    start = now()

    async with await a_viewer() as socket:
        await socket.subscribe("readings", batch=True)
        await socket.next("subscription_confirm")
        await stored(device, *((start + timedelta(milliseconds=n), n) for n in range(50)))

        _, data = await socket.next("sensor_batch")

    assert [row["temperature"] for row in data["readings"]] == list(range(50))


async def test_unsubscribing_ends_the_news():
    device = await a_device()

    async with await a_viewer() as socket:
        await socket.subscribe("readings")
        await socket.next("subscription_confirm")
        await socket.send_json_to({"type": "unsubscribe", "channels": ["readings"]})
        await socket.next("subscription_confirm")
        await stored(device, (now(), 1))
        assert await socket.receive_nothing(timeout=0.3)


async def test_an_alert_arrives_by_itself_and_so_does_what_becomes_of_it():
    user, token = await a_session()
    device = await a_device()
    await sync_to_async(make_threshold)(device, max_value=90.0)

    async with connected(bearer=token) as socket:
        await socket.subscribe("alerts", f"device:{device.pk}:alert")
        await socket.next("subscription_confirm")
        await stored(device, (now(), 95))
        _, opened = await socket.next("alert")
        alert = await Alert.objects.aget()
        await sync_to_async(acknowledge_alert)(alert=alert, by=user, at=now())
        _, seen = await socket.next("alert")

    assert {
        name: opened[name] for name in ("alertId", "deviceId", "severity", "status", "metric", "value")
    } == {
        "alertId": alert.pk,
        "deviceId": device.pk,
        "severity": "critical",
        "status": "active",
        "metric": "temperature",
        "value": 95.0,
    }
    assert (seen["alertId"], seen["status"], seen["seq"]) == (alert.pk, "acknowledged", opened["seq"] + 1)


async def test_a_gap_in_the_numbers_is_refilled_before_the_next_one():
    device = await a_device()
    await sync_to_async(make_threshold)(device, max_value=90.0)

    async with await a_viewer() as socket:
        await socket.subscribe("alerts")
        await socket.next("subscription_confirm")
        await stored(device, (now(), 95))
        await socket.next("alert")
        # Two steps whose broadcast gets lost, then one that arrives.
        alert = await Alert.objects.aget()
        for _ in range(2):
            event = await alert.events.acreate(kind="rose", severity="critical", status="active", at=now())
        step = {**live_item(event)[1], "seq": event.pk + 1}
        await sync_to_async(broadcast)("alert", [(device.pk, step)])
        told = [(await socket.next("alert"))[1]["seq"] for _ in range(3)]

    assert told == [event.pk - 1, event.pk, event.pk + 1]


async def test_status_changes_are_told():
    device = await a_device()

    async with await a_viewer() as socket:
        await socket.subscribe("devices")
        await socket.next("subscription_confirm")
        await sync_to_async(edit_device)(device=device, at=now(), status="maintenance")
        _, data = await socket.next("device_status")

    assert (data["deviceId"], data["status"]) == (device.pk, "maintenance")


async def test_a_reader_behind_keeps_the_newest_of_each_device_and_is_told(monkeypatch):
    monkeypatch.setattr(following, "PENDING_LIMIT", 3)
    one, two = await a_device(), await a_device()
    start = now()
    moments = [start + timedelta(milliseconds=n) for n in itertools.islice(itertools.count(), 4)]

    async with await a_viewer() as socket:
        await socket.subscribe("readings", batch=True)
        await socket.next("subscription_confirm")
        await asyncio.gather(stored(one, *((at, n) for n, at in enumerate(moments))), stored(two, (start, 7)))
        _, lagging = await socket.next("lagging")
        newest = {}
        while len(newest) < 2:
            _, data = await socket.next("sensor_batch")
            newest.update({row["deviceId"]: row["temperature"] for row in data["readings"]})

    assert lagging["skipped"] >= 3
    assert newest == {one.pk: 3, two.pk: 7}


async def test_the_heartbeat_brings_what_was_lost_last(settings):
    settings.WS_TIMEOUT = 0.6
    device = await a_device()
    await sync_to_async(make_threshold)(device, max_value=90.0)

    async with await a_viewer() as socket:
        await socket.subscribe("alerts")
        await socket.next("subscription_confirm")
        await stored(device, (now(), 95))
        await socket.next("alert")
        alert = await Alert.objects.aget()
        lost = await alert.events.acreate(kind="rose", severity="critical", status="active", at=now())

        assert (await socket.next("alert"))[1]["seq"] == lost.pk
        await socket.next("heartbeat")
        assert (await socket.next())[0] == "heartbeat"  # and it comes once


async def test_unsubscribing_one_channel_leaves_the_others_on_its_stream():
    device = await a_device()
    await sync_to_async(make_threshold)(device, max_value=90.0)

    async with await a_viewer() as socket:
        await socket.subscribe("alerts", "alerts:all", "devices")
        await socket.next("subscription_confirm")
        await socket.send_json_to({"type": "unsubscribe", "channels": ["alerts:all", "devices", "nonsense"]})
        assert await socket.next() == ("subscription_confirm", {"channels": ["alerts"]})
        await stored(device, (now(), 95))
        assert (await socket.next("alert"))[1]["deviceId"] == device.pk


async def test_the_last_channel_of_a_shard_leaves_its_group(monkeypatch):
    one, two = await a_device(), await a_device()
    left = []
    leave = consumer.LiveConsumer._leave

    async def noting(self, group):
        if group in self.joined:
            left.append(group)
        await leave(self, group)

    monkeypatch.setattr(consumer.LiveConsumer, "_leave", noting)

    async with await a_viewer() as socket:
        await socket.subscribe(*(f"device:{device.pk}:sensor" for device in (one, two)))
        await socket.next("subscription_confirm")
        await socket.send_json_to({"type": "unsubscribe", "channels": [f"device:{one.pk}:sensor"]})
        assert await socket.next() == ("subscription_confirm", {"channels": [f"device:{two.pk}:sensor"]})
        assert left == sensor.groups_for(one.pk)
        await stored(two, (now(), 1))
        assert (await socket.next("sensor_data"))[1]["deviceId"] == two.pk


async def test_whoever_comes_back_is_not_told_what_passed_meanwhile():
    device = await a_device()
    await sync_to_async(make_threshold)(device, max_value=90.0)

    async with await a_viewer() as socket, await a_viewer() as another:
        for each in (socket, another):
            await each.subscribe("alerts")
            await each.next("subscription_confirm")
        await socket.send_json_to({"type": "unsubscribe", "channels": ["alerts"]})
        assert await socket.next() == ("subscription_confirm", {"channels": []})
        for value in (95, 1, 95, 1):
            await stored(device, (now(), value))
            await another.next("alert")  # now it has passed
        await socket.subscribe("alerts")
        await socket.next("subscription_confirm")
        newest = await AlertEvent.objects.alatest("pk")
        await stored(device, (now(), 95))

        assert (await socket.next("alert"))[1]["seq"] > newest.pk


async def test_batches_go_on_when_something_else_is_subscribed_without():
    device = await a_device()

    async with await a_viewer() as socket:
        await socket.subscribe("readings", batch=True)
        await socket.subscribe("alerts")
        for _ in range(2):
            await socket.next("subscription_confirm")
        await stored(device, (now(), 1))
        assert (await socket.next())[0] == "sensor_batch"

        await socket.subscribe(f"device:{device.pk}:sensor")
        await socket.next("subscription_confirm")
        await stored(device, (now(), 1))
        assert (await socket.next())[0] == "sensor_data"


async def test_a_gap_of_more_than_a_page_is_refilled_to_its_end():
    device = await a_device()
    await sync_to_async(make_threshold)(device, max_value=90.0)

    async with await a_viewer() as socket:
        await socket.subscribe("alerts")
        await socket.next("subscription_confirm")
        await stored(device, (now(), 95))
        first = (await socket.next("alert"))[1]["seq"]
        alert = await Alert.objects.aget()
        step = {"alert": alert, "kind": "rose", "severity": "critical", "status": "active", "at": now()}
        await AlertEvent.objects.abulk_create(AlertEvent(**step) for _ in range(1200))
        newest = await AlertEvent.objects.select_related("alert").alatest("pk")
        last = newest.pk + 1
        await sync_to_async(broadcast)("alert", [(device.pk, {**live_item(newest)[1], "seq": last})])
        told = [(await socket.next("alert"))[1]["seq"] for _ in range(1201)]

    assert told == list(range(first + 1, last + 1))
