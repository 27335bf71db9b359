from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from alerts.models import Alert, MaintenanceWindow
from alerts.services.maintenance import plan_maintenance
from tests.analytics.looking import NASTY, make_alert, words
from tests.builders import NOON, make_device, make_group, make_user, sign_in

pytestmark = pytest.mark.django_db
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
FORM = {
    "name": "Oil change",
    "reach": "plant",
    "starts_at": "2030-06-01T08:00",
    "ends_at": "2030-06-01T10:00",
}


def plan(name: str, **window) -> MaintenanceWindow:
    return plan_maintenance(name=name, by=None, at=NOON, **window)


def test_what_goes_on_what_is_planned_and_what_is_over_stand_apart(client, mira):
    now = timezone.now()
    plan("Going on", starts_at=now - HOUR, ends_at=now + HOUR, zone="Hall B")
    plan("To come", starts_at=now + DAY, ends_at=now + 2 * DAY)
    plan("Done", starts_at=now - 2 * DAY, ends_at=now - DAY)

    page = client.get("/maintenance/")

    text = words(page)
    assert "One window of planned work is open." in text
    assert "Going on now" in text
    work = page.context["work"]
    names = {group: [w.name for w in getattr(work, group)] for group in ("open", "planned", "over")}
    assert names == {"open": ["Going on"], "planned": ["To come"], "over": ["Done"]}
    assert "Going on Zone Hall B" in text
    assert "To come The whole plant" in text


def test_an_empty_page_says_who_plans(client, mira):
    assert "Nothing is planned. Operators plan work." in words(client.get("/maintenance/"))
    assert "/maintenance/new" not in client.get("/maintenance/").content.decode()


def test_a_weekly_window_is_told_as_people_say_it(client, mira):
    plan(
        "Cleaning",
        starts_at=NOON,
        days=[5, 1],
        start_time=datetime(2000, 1, 1, 22).time(),
        end_time=datetime(2000, 1, 1, 6).time(),
        time_zone="Europe/Berlin",
        device_type="sensor",
    )

    text = words(client.get("/maintenance/"))

    assert "Cleaning Every sensor Mon, Fri 22:00–06:00 (Europe/Berlin), from 1 Jun, 12:00 on" in text


@pytest.mark.parametrize("reach", ["device", "group", "type", "zone", "plant"])
def test_an_operator_plans_work_on_what_was_chosen_and_nothing_else(client, omar, reach):
    device = make_device(external_id="press-3", type="controller", zone="Hall B")
    group = make_group(name="Presses")
    everything = {"device": " press-3 ", "group": group.pk, "type": "controller", "zone": "Hall B"}

    response = client.post("/maintenance/new", {**FORM, **everything, "reach": reach})

    window = MaintenanceWindow.objects.get()
    assert response["Location"] == "/maintenance/"
    reached = (window.device, window.group, window.device_type, window.zone)
    assert (
        reached
        == {
            "device": (device, None, "", ""),
            "group": (None, group, "", ""),
            "type": (None, None, "controller", ""),
            "zone": (None, None, "", "Hall B"),
            "plant": (None, None, "", ""),
        }[reach]
    )
    assert (window.created_by, window.days) == (omar, [])


def test_times_are_on_the_plants_clock(client, omar, settings):
    settings.PLANT_TIME_ZONE = "Europe/Berlin"
    client.post("/maintenance/new", FORM)

    assert MaintenanceWindow.objects.get().starts_at.isoformat() == "2030-06-01T06:00:00+00:00"


def test_every_week_needs_no_end_but_days_and_hours(client, omar):
    turn = {"weekly": "weekly", "days": ["1", "5"], "turn_starts": "22:00", "turn_ends": "06:00"}

    client.post("/maintenance/new", {**FORM, **turn, "ends_at": ""})

    window = MaintenanceWindow.objects.get()
    assert (window.days, f"{window.start_time:%H:%M}", window.ends_at) == ([1, 5], "22:00", None)


@pytest.mark.parametrize(
    ("change", "field", "reason"),
    [
        ({"reach": ""}, "reach", "This field is required."),
        ({"reach": "zone"}, "zone", "Choose one."),
        ({"reach": "group", "group": "77"}, "group", "Select a valid choice"),
        ({"reach": "device", "device": "nobody"}, "device", "There is no such device."),
        ({"ends_at": ""}, "ends_at", "A single window needs its end"),
        ({"ends_at": "2030-06-01T07:00"}, "ends_at", "Must be after"),
        ({"starts_at": "tomorrow"}, "starts_at", "Enter a valid date/time."),
        ({"weekly": "weekly", "days": ["1"]}, "turn_starts", "A weekly window needs"),
        ({"name": ""}, "name", "This field is required."),
    ],
)
def test_what_cannot_be_meant_is_said_at_its_field(client, omar, change, field, reason):
    make_device(zone="Hall B")

    response = client.post("/maintenance/new", {**FORM, **change})

    assert response.status_code == 422
    errors = response.context["form"].errors
    assert list(errors) == [field]
    assert errors[field][0].startswith(reason)
    assert not MaintenanceWindow.objects.exists()


def test_a_device_leads_here_with_its_name_filled_in(client, omar):
    device = make_device(external_id="press:3")

    assert 'href="/maintenance/new?device=press%3A3"' in client.get(f"/devices/{device.pk}/").content.decode()
    form = client.get("/maintenance/new?device=press%3A3").context["form"]
    assert (form["device"].value(), form["reach"].value()) == ("press:3", "device")


def test_ending_it_early_lets_its_alerts_speak(client, omar):
    now = timezone.now()
    window = plan("Oil", starts_at=now - HOUR, ends_at=now + HOUR)
    make_alert()
    assert Alert.objects.get().silence == "maintenance"

    response = client.post(f"/maintenance/{window.pk}/end")

    window.refresh_from_db()
    assert window.ends_at < now + HOUR
    assert "Over: Oil." in words(client.get(response["Location"]))


def test_what_is_over_or_gone_cannot_be_ended(client, omar):
    window = plan("Oil", starts_at=NOON - 2 * DAY, ends_at=NOON - DAY)

    response = client.post(f"/maintenance/{window.pk}/end")

    assert f"Maintenance window {window.pk} is over already." in words(client.get(response["Location"]))
    assert client.post("/maintenance/999/end").status_code == 404
    assert client.get(f"/maintenance/{window.pk}/end").status_code == 405


def test_a_viewer_and_a_stranger_plan_and_end_nothing(client):
    now = timezone.now()
    window = plan("Oil", starts_at=now - HOUR, ends_at=now + HOUR)
    paths = ("/maintenance/new", f"/maintenance/{window.pk}/end")

    strangers = [client.post(path, FORM).status_code for path in paths]
    sign_in(client, make_user())
    viewers = [client.post(path, FORM).status_code for path in paths]

    assert (strangers, viewers) == ([302, 302], [403, 403])
    window.refresh_from_db()
    assert (window.ends_at, MaintenanceWindow.objects.count()) == (now + HOUR, 1)


def test_names_are_text(client, omar):
    plan(NASTY, starts_at=NOON, ends_at=timezone.now() + DAY)

    assert NASTY not in client.get("/maintenance/").content.decode()


@pytest.mark.parametrize("windows", [1, 3])
def test_it_costs_the_same_for_any_number_of_windows(client, mira, windows, django_assert_num_queries):
    now = timezone.now()
    for n in range(windows):
        group = make_group(devices=[make_device()])
        plan(f"Now {n}", starts_at=now - HOUR, ends_at=now + HOUR, group=group)
        plan(f"Then {n}", starts_at=now - DAY, ends_at=now - HOUR, device=make_device())

    with django_assert_num_queries(4):  # the person, the open count, what is not over, what is
        assert client.get("/maintenance/").status_code == 200
