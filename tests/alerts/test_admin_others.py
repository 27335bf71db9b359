"""The console's pages of alerts, shelves and maintenance, and who may open any of them."""

from datetime import timedelta

import pytest
from django.test import Client

from alerts.models import Alert, AlertEvent, MaintenanceWindow
from alerts.services.handling import acknowledge_alert, shelve_alert
from alerts.services.maintenance import plan_maintenance
from tests.alerts.console import ADMIN, act, errors_of, make_alert, words_of
from tests.builders import NOON, make_group, make_user, sign_in

pytestmark = pytest.mark.django_db
PAGES = ("alert", "shelf", "maintenancewindow", "notificationconfig", "delivery", "outage", "thresholdchange")


@pytest.fixture(autouse=True)
def boss(client):
    boss = make_user(role="admin", email="boss@example.com")
    sign_in(client, boss)
    return boss


class TestAlerts:
    def test_an_alert_is_shown_with_its_events_and_not_typed_into(self, client, boss):
        alert = make_alert()
        acknowledge_alert(alert=alert, by=boss, at=NOON, note="On my way")
        page = f"{ADMIN}alert/{alert.pk}/change/"

        assert "On my way" in client.get(page).content.decode()
        assert client.post(page, {"status": "resolved"}).status_code == 403
        assert client.post(f"{ADMIN}alert/{alert.pk}/delete/", {"post": "yes"}).status_code == 403
        assert Alert.objects.get().status == "acknowledged"

    @pytest.mark.parametrize(("action", "done"), [("acknowledge", "acknowledged"), ("resolve", "resolved")])
    def test_the_first_of_two_wins_and_the_other_is_told(self, client, boss, action, done):
        alerts = [make_alert(), make_alert()]

        first = act(client, "alert", action, alerts)
        again = act(client, "alert", action, alerts[:1])

        assert words_of(first) == [f"Alerts {done}: 2."]
        assert words_of(again)[0].startswith(f"Alert {alerts[0].pk} is {done} already")
        assert AlertEvent.objects.filter(by=boss, kind=done).count() == 2

    def test_what_many_refusals_have_in_common_is_not_told_a_hundred_times(self, client):
        alerts = [make_alert() for _ in range(5)]

        [words] = words_of(act(client, "alert", "unshelve", alerts))

        assert words.count("is not shelved.") == 3
        assert words.endswith("And 2 more.")

    def test_a_shelved_one_is_taken_off_the_shelf(self, client, boss):
        alert = make_alert()
        shelve_alert(alert=alert, by=boss, at=NOON, reason="Known", lasting=timedelta(hours=1))
        assert "Known" in client.get(f"{ADMIN}shelf/").content.decode()

        assert words_of(act(client, "alert", "unshelve", [alert])) == ["Alerts taken off the shelf: 1."]
        assert Alert.objects.get().silence == ""


class TestMaintenance:
    def form(self, **changes):
        single = {"starts_at_0": "2026-06-01", "starts_at_1": "06:00:00", "ends_at_0": "2026-06-01"}
        return {"name": "Cleaning", **single, "ends_at_1": "14:00:00", "time_zone": "UTC", **changes}

    def plan(self, client, **changes):
        return client.post(f"{ADMIN}maintenancewindow/add/", self.form(**changes))

    def test_a_single_window_is_planned(self, client, boss):
        group = make_group(name="Line 7")

        assert self.plan(client, group=group.pk).status_code == 302

        window = MaintenanceWindow.objects.get()
        assert (window.group, window.starts_at.hour, window.created_by) == (group, 6, boss)
        page = client.get(f"{ADMIN}maintenancewindow/").content.decode()
        assert "group Line 7" in page

    def test_a_weekly_window_is_planned(self, client):
        weekly = {"days": ["6", "7"], "start_time": "22:00", "end_time": "06:00", "time_zone": ""}

        self.plan(client, **weekly, ends_at_0="", ends_at_1="")

        window = MaintenanceWindow.objects.get()
        assert (window.days, window.ends_at, window.time_zone) == ([6, 7], None, "UTC")
        page = client.get(f"{ADMIN}maintenancewindow/").content.decode()
        assert "Sat, Sun 22:00 to 06:00 (UTC)" in page
        assert "the whole plant" in page

    @pytest.mark.parametrize(
        ("changes", "errors"),
        [
            ({"name": ""}, {"name": ["This field is required."]}),
            ({"starts_at_0": "soon"}, {"starts_at": ["Enter a valid date."]}),
            ({"ends_at_1": "05:00:00"}, {"ends_at": ["must be after startTime"]}),
            ({"ends_at_0": "", "ends_at_1": ""}, {"ends_at": ["a single window needs its end"]}),
            ({"time_zone": "Mars"}, {"time_zone": ["'Mars' is no time zone such as Europe/Berlin"]}),
            ({"days": ["1"]}, {"start_time": ["a weekly window needs start and end, as 06:00"]}),
            ({"days": ["8"]}, {"days": ["Select a valid choice. 8 is not one of the available choices."]}),
            (
                {"start_time": "06:00", "end_time": "07:00"},
                {"days": ["start and end are of a weekly window; name its days"]},
            ),
            (
                {"zone": "Hall A", "device_type": "sensor"},
                {
                    "name": [
                        "Name at most one of deviceId, groupId, deviceType and zone; none is the whole plant."
                    ]
                },
            ),
        ],
    )
    def test_what_cannot_be_planned_is_told_at_its_field(self, client, changes, errors):
        assert errors_of(self.plan(client, **changes)) == errors
        assert MaintenanceWindow.objects.count() == 0

    def test_a_window_is_ended_and_otherwise_left_alone(self, client):
        def plan(ends_at):
            return plan_maintenance(name="Work", starts_at=NOON, ends_at=ends_at, by=None, at=NOON)

        over, going_on = plan(NOON + timedelta(hours=1)), plan(NOON + timedelta(days=36_500))

        words = words_of(act(client, "maintenancewindow", "end", [over, going_on]))

        assert words == ["Windows ended: 1.", f"Maintenance window {over.pk} is over already."]
        going_on.refresh_from_db()
        assert going_on.ends_at.year < 2100
        change = f"{ADMIN}maintenancewindow/{over.pk}/change/"
        assert client.get(change).status_code == 200
        assert client.post(change, self.form()).status_code == 403


@pytest.mark.parametrize("role", ["technician", None])
@pytest.mark.parametrize("page", PAGES)
def test_the_pages_are_for_admins(role, page):
    stranger = Client()
    if role:
        sign_in(stranger, make_user(role=role))

    response = stranger.get(f"{ADMIN}{page}/")

    assert (response.status_code, response["Location"].split("?")[0]) == (302, "/admin/login/")


@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize(
    ("page", "queries"),
    [("alert", 4), ("shelf", 3), ("maintenancewindow", 4)],
)
def test_a_list_costs_the_same_for_any_number_of_rows(client, rows, page, queries, django_assert_num_queries):
    for _ in range(rows):
        person, alert = make_user(), make_alert()
        acknowledge_alert(alert=alert, by=person, at=NOON)
        shelve_alert(
            alert=alert, by=make_user(role="operator"), at=NOON, reason="x", lasting=timedelta(days=1)
        )
        plan_maintenance(
            name="Work",
            device=alert.device,
            starts_at=NOON,
            ends_at=NOON + timedelta(days=1),
            by=person,
            at=NOON,
        )

    with django_assert_num_queries(queries):
        response = client.get(f"{ADMIN}{page}/")

    assert len(response.context["cl"].result_list) == rows
