"""What the status of a device was since when: written with every change, whoever makes it."""

from datetime import timedelta

import pytest

from devices.models import StatusChange
from devices.queries import statuses_of
from devices.services import (
    deactivate_devices,
    edit_device,
    forget_old_statuses,
    note_seen,
    notice_silent_devices,
)
from devices.services.status_history import KEEP
from devices.services.statuses import set_status_many
from tests.builders import NOON, Trpc, data_of, make_device, make_user, refusal_of, sign_in

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)


def history(device):
    rows = StatusChange.objects.filter(device=device).order_by("at", "pk")
    return [(status, at) for status, at in rows.values_list("status", "at")]


def test_every_way_in_which_a_status_changes_is_written_down():
    device, other = make_device(), make_device()

    note_seen(device_ids=[device.pk], at=NOON + MINUTE)
    device.refresh_from_db()
    edit_device(device=device, at=NOON + 2 * MINUTE, status="maintenance")
    edit_device(device=device, at=NOON + 3 * MINUTE, status="maintenance", name="Press")
    set_status_many(device_ids=[device.pk, other.pk], status="error", at=NOON + 4 * MINUTE)
    deactivate_devices(device_ids=[device.pk], at=NOON + 5 * MINUTE)

    assert history(device) == [
        ("offline", NOON),
        ("online", NOON + MINUTE),
        ("maintenance", NOON + 2 * MINUTE),
        ("error", NOON + 4 * MINUTE),
        ("offline", NOON + 5 * MINUTE),
    ]
    assert history(other) == [("offline", NOON), ("error", NOON + 4 * MINUTE)]


def test_who_fell_silent_is_offline_since_it_was_last_heard():
    device = make_device()
    note_seen(device_ids=[device.pk], at=NOON + MINUTE)

    notice_silent_devices(at=NOON + 30 * MINUTE)

    assert history(device)[-1] == ("offline", NOON + MINUTE)


def test_who_was_called_online_after_it_was_last_heard_did_not_go_before_that():
    device = make_device()
    note_seen(device_ids=[device.pk], at=NOON + MINUTE)
    notice_silent_devices(at=NOON + 10 * MINUTE)
    device.refresh_from_db()
    edit_device(device=device, at=NOON + 20 * MINUTE, status="online")

    notice_silent_devices(at=NOON + 60 * MINUTE)

    assert history(device)[-2:] == [("online", NOON + 20 * MINUTE), ("offline", NOON + 20 * MINUTE)]


def test_a_stretch_of_history_begins_with_what_was_true_at_its_start():
    device, unknown = make_device(status="online"), make_device()
    StatusChange.objects.filter(device=unknown).delete()
    edit_device(device=device, at=NOON + 5 * MINUTE, status="error")
    edit_device(device=device, at=NOON + 9 * MINUTE, status="online")

    def asked(start, end):
        found = statuses_of(
            device_ids=[device.pk, unknown.pk], start=NOON + start * MINUTE, end=NOON + end * MINUTE
        )
        assert found.pop(unknown.pk) == []
        return found[device.pk]

    assert asked(1, 9) == [(NOON, "online"), (NOON + 5 * MINUTE, "error")]
    assert asked(5, 10) == [(NOON + 5 * MINUTE, "error"), (NOON + 9 * MINUTE, "online")]
    assert asked(-9, 0) == []


@pytest.mark.parametrize("devices", [1, 3])
def test_histories_cost_the_same_for_any_number_of_devices(devices, django_assert_num_queries):
    ids = [make_device().pk for _ in range(devices)]

    with django_assert_num_queries(2):
        assert len(statuses_of(device_ids=ids, start=NOON, end=NOON + MINUTE)) == devices


def test_what_is_older_than_a_year_goes_but_for_what_still_holds():
    device = make_device()
    edit_device(device=device, at=NOON + MINUTE, status="error")
    edit_device(device=device, at=NOON + 2 * MINUTE, status="online")

    assert forget_old_statuses(at=NOON + KEEP + 3 * MINUTE) == 2
    assert history(device) == [("online", NOON + 2 * MINUTE)]
    assert forget_old_statuses(at=NOON + KEEP + 3 * MINUTE) == 0


def test_a_viewer_reads_the_history_and_a_range_that_is_none_is_refused(client):
    device = make_device(status="online")
    sign_in(client, make_user())
    mira = Trpc(client)
    asked = {"id": device.external_id, "startTime": "2026-06-01T12:00:00Z", "endTime": "2026-06-02T12:00:00Z"}

    assert data_of(mira.query("devices.getStatusHistory", asked)) == [
        {"status": "online", "since": "2026-06-01T12:00:00.000Z"}
    ]
    wrong = {**asked, "endTime": asked["startTime"]}
    assert refusal_of(mira.query("devices.getStatusHistory", wrong)) == (
        400,
        "BAD_REQUEST",
        "endTime: must be after startTime",
    )
