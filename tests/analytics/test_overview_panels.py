"""The panels of the overview that come after it, and what its figures were before."""

from datetime import timedelta

import pytest
from django.utils import timezone

from alerts.models import AlertEvent
from alerts.services.handling import resolve_alert
from analytics.queries.changes import Kind, changes_until
from analytics.queries.trends_now import trends_at
from devices.models import StatusChange
from devices.services import edit_device
from tests.analytics.looking import HTMX, NASTY, make_alert, words
from tests.builders import make_device, make_user, store

pytestmark = pytest.mark.django_db
PANELS = ("energy", "lines", "changes")


@pytest.mark.parametrize("panel", PANELS)
def test_a_panel_is_for_people_and_no_whole_page(client, panel):
    from tests.builders import sign_in

    assert client.get(f"/overview/{panel}", headers=HTMX).status_code == 401
    sign_in(client, make_user())
    answer = client.get(f"/overview/{panel}", headers=HTMX)
    assert answer.status_code == 200
    assert "<html" not in answer.text


def test_panels_of_an_empty_plant_say_what_to_do(client, mira):
    make_device()

    assert "No energy is known of today." in words(client.get("/overview/energy"))
    assert "No production line has machines yet." in words(client.get("/overview/lines"))
    assert "Nothing changed in the last hour." in words(client.get("/overview/changes"))


def test_the_page_asks_for_its_panels_afterwards(client, mira):
    make_device()

    page = client.get("/").text

    for panel in PANELS:
        assert f'hx-get="/overview/{panel}"' in page
    assert page.count("data-again=") == 3


def test_open_alerts_are_counted_by_severity_and_lead_to_them(client, mira):
    make_alert(make_device(), value=96.0)
    make_alert(make_device(), value=85.0)

    page = client.get("/").text

    assert (
        '<a href="/alerts/?severity=critical"><span class="mark" data-state="critical"></span>1 critical</a>'
        in page
    )
    assert (
        '<a href="/alerts/?severity=warning"><span class="mark" data-state="warning"></span>1 warning</a>'
        in page
    )
    assert "/alerts/?severity=info" not in page


def test_a_zone_says_its_states_in_shapes_and_words(client, mira):
    make_alert(make_device(zone="Hall A"), value=96.0)
    make_device(zone="Hall A")
    store(make_device(zone="Hall B"), (timezone.now(), 20.0))

    text = words(client.get("/overview/zones"))

    assert "Hall A 1 of 2 1 critical 1 silent" in text
    assert "Hall B 1 all normal" in text


def test_what_changed_is_told_the_newest_first(client, mira, boss):
    now = timezone.now()
    device = make_device(name="Press 3")
    alert = make_alert(device)
    resolve_alert(alert=alert, by=boss, at=now)
    edit_device(device=make_device(name="Mixer 1"), status="online", at=now)

    found = changes_until(timezone.now())

    assert {(change.kind, change.about) for change in found} >= {
        (Kind.OPENED, "Press 3"),
        (Kind.CLOSED, "Press 3"),
        (Kind.BACK, "Mixer 1"),
    }
    assert [change.at for change in found] == sorted((change.at for change in found), reverse=True)
    text = words(client.get("/overview/changes"))
    assert "Mixer 1 is back" in text
    assert "Press 3 over: " in text


def test_what_is_older_than_an_hour_is_left_out(client, mira):
    make_alert()
    long_ago = timezone.now() - timedelta(hours=1, minutes=1)
    AlertEvent.objects.update(at=long_ago)
    StatusChange.objects.update(at=long_ago)

    assert changes_until(timezone.now()) == []


def test_names_are_no_markup(client, mira):
    make_alert(make_device(name=NASTY))

    assert NASTY not in client.get("/overview/changes").text


@pytest.mark.parametrize("alerts", [1, 3])
def test_what_changed_costs_the_same_for_any_number(client, mira, alerts, django_assert_num_queries):
    for _ in range(alerts):
        make_alert(make_device())
    client.get("/overview/changes")

    with django_assert_num_queries(8):
        client.get("/overview/changes")


def test_the_figures_say_what_was_an_hour_ago(client, mira):
    make_alert(make_device())
    now = timezone.now()

    young = trends_at(now, open_now=1)
    AlertEvent.objects.update(at=now - timedelta(hours=3))
    old = trends_at(now, open_now=1)

    assert (young.open_before, old.open_before) == (0, 1)
    assert (young.open_course[0], young.open_course[-1], len(young.open_course)) == (0, 1, 26)
    assert old.open_course[-2:] == [1, 1]
    assert "as many as an hour ago" in words(client.get("/overview/now"))


def test_a_device_that_was_just_added_did_not_fall_silent(client, mira):
    make_device(name="Press 3", status="offline")

    assert changes_until(timezone.now()) == []
    assert trends_at(timezone.now(), open_now=0).went == 0


def test_who_went_and_who_came_is_counted(client, mira):
    device = make_device()
    for status in ("online", "offline"):
        edit_device(device=device, status=status, at=timezone.now())

    trends = trends_at(timezone.now(), open_now=0)

    assert (trends.went, trends.came) == (1, 1)
    assert "last hour: 1 fell silent, 1 came back" in words(client.get("/"))
