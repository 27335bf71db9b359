"""Being heard, falling silent and being edited at the same time, on a real database."""

import random
import threading
import time
from datetime import timedelta
from functools import partial

import pytest
from django.db import connection, transaction

from devices.models import Device, Presence
from devices.services import edit_device, note_seen, notice_silent_devices
from factory.retrying import again_after_deadlock
from tests.builders import NOON, make_device

pytestmark = pytest.mark.django_db(transaction=True)
LATER = NOON + timedelta(hours=1)


def in_thread(work):
    """Run `work` beside us; `join` returns what it returned or raised."""
    outcome = []

    def run():
        try:
            outcome.append(work())
        except Exception as error:
            outcome.append(error)
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()

    def join():
        thread.join(60)
        return outcome[0]

    return join


def test_one_who_is_just_being_heard_is_not_silent():
    heard, silent = make_device(), make_device()
    note_seen(device_ids=[heard.pk, silent.pk], at=NOON)

    with transaction.atomic():
        note_seen(device_ids=[heard.pk], at=LATER)
        noticed = in_thread(lambda: notice_silent_devices(at=LATER))
        time.sleep(0.3)  # MariaDB passes the one by; SQLite waits for us

    assert noticed() == [silent.pk]
    assert list(Device.objects.order_by("pk").values_list("status", flat=True)) == ["online", "offline"]


def test_one_who_is_just_being_called_online_is_waited_for():
    device = make_device(status="maintenance")
    note_seen(device_ids=[device.pk], at=NOON)

    with transaction.atomic():
        edit_device(device=device, at=LATER, status="online")
        noticed = in_thread(lambda: notice_silent_devices(at=LATER))
        time.sleep(0.3)
    noticed()
    notice_silent_devices(at=LATER + timedelta(hours=1))

    assert Device.objects.get().status == "offline"


def test_hearing_silence_and_editing_do_not_get_in_each_others_way():
    devices = [make_device() for _ in range(12)]
    ids = [device.pk for device in devices]
    end = time.monotonic() + 3
    clock = iter(range(10**9))

    def again(work):
        def run():
            done = 0
            while time.monotonic() < end:
                # As their doors do: the gateway and the group commit try again what lost a deadlock.
                again_after_deadlock(partial(work, NOON + timedelta(seconds=next(clock))))
                done += 1
                time.sleep(0.005)
            return done

        return in_thread(run)

    def hear(at):
        with transaction.atomic():
            note_seen(device_ids=random.sample(ids, 6), at=at)

    def edit(at):
        status = random.choice(["online", "offline", "maintenance"])
        edit_device(device=Device.objects.get(pk=random.choice(ids)), at=at, status=status)

    def notice(at):
        notice_silent_devices(at=at + timedelta(days=1))

    outcomes = [join() for join in [again(work) for work in (hear, hear, edit, edit, notice, notice)]]

    assert [outcome for outcome in outcomes if not isinstance(outcome, int)] == []
    notice_silent_devices(at=NOON + timedelta(days=999))
    assert not Device.objects.filter(status="online").exists()
    assert not Presence.objects.exclude(silent_at=None).exists()
