"""What people do with alerts over the wire: create, comment, assign, shelve, plan maintenance."""

import pytest

from alerts.models import Alert, AlertEvent
from tests.builders import (
    NOON,
    Trpc,
    data_of,
    make_device,
    make_group,
    make_threshold,
    make_user,
    refusal_of,
    sign_in,
    store,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def operator(client):
    user = make_user(role="operator", name="Mira")
    sign_in(client, user)
    return user


@pytest.fixture
def api(client, operator) -> Trpc:
    return Trpc(client)


@pytest.fixture
def alert():
    device = make_device()
    make_threshold(device, max_value=90.0)
    store(device, (NOON, 95))
    return Alert.objects.get()


def kinds():
    return list(AlertEvent.objects.order_by("pk").values_list("kind", flat=True))


class TestCreate:
    def trouble(self, **values):
        return {"type": "maintenance_required", "severity": "warning", "message": "Oil is low", **values}

    def test_the_same_trouble_again_is_the_same_alert_counted_once_more(self, api, operator):
        device = make_device()
        first = data_of(api.mutate("alerts.create", self.trouble(deviceId=device.external_id)))
        again = data_of(api.mutate("alerts.create", self.trouble(deviceId=device.pk, severity="info")))

        assert (first["deviceId"], first["type"], first["severity"], first["occurrences"]) == (
            device.pk,
            "maintenance_required",
            "warning",
            1,
        )
        assert (again["id"], again["severity"], again["occurrences"]) == (first["id"], "warning", 2)
        assert list(AlertEvent.objects.values_list("kind", "by")) == [("opened", operator.pk)]

    def test_worse_makes_it_rise(self, api):
        first = data_of(api.mutate("alerts.create", self.trouble()))
        worse = data_of(api.mutate("alerts.create", self.trouble(severity="critical", message="No oil")))

        assert (worse["id"], worse["severity"], worse["message"]) == (first["id"], "critical", "No oil")
        assert kinds() == ["opened", "rose"]

    def test_two_devices_and_the_plant_are_three_alerts(self, api):
        for reference in ({"deviceId": make_device().pk}, {"deviceId": make_device().pk}, {}):
            data_of(api.mutate("alerts.create", self.trouble(**reference)))

        assert Alert.objects.open().count() == 3

    @pytest.mark.parametrize(
        ("values", "word"),
        [
            ({"type": "nonsense"}, "type"),
            ({"severity": "bad"}, "severity"),
            ({"message": ""}, "message"),
            ({"metric": "Not A Metric", "deviceId": True}, "deviceId"),
            ({"metric": "Not A Metric"}, "metric"),
            ({"value": "95"}, "value"),
        ],
    )
    def test_bad_input_is_told_by_name_and_leaves_nothing(self, api, values, word):
        status, code, message = refusal_of(api.mutate("alerts.create", self.trouble(**values)))

        assert (status, code) == (400, "BAD_REQUEST")
        assert word in message
        assert Alert.objects.count() == 0


def test_a_comment_is_an_event_with_who_and_what_also_when_it_is_over(api, alert, operator):
    data_of(api.mutate("alerts.resolve", {"ids": [alert.pk]}))

    answer = data_of(api.mutate("alerts.comment", {"id": alert.pk, "text": "The fan was blocked"}))

    last = answer["events"][-1]
    assert (last["kind"], last["by"], last["note"]) == ("commented", operator.pk, "The fan was blocked")
    assert refusal_of(api.mutate("alerts.comment", {"id": alert.pk, "text": ""}))[0] == 400
    assert refusal_of(api.mutate("alerts.comment", {"id": 999, "text": "x"}))[0] == 404


def test_assigning_over_somebody_elses_assignment_is_a_conflict(api, alert, operator):
    ben = make_user(name="Ben")

    mine = data_of(api.mutate("alerts.assign", {"id": alert.pk, "userId": operator.pk}))
    assert mine["assignedTo"] == operator.pk

    status, _, message = refusal_of(api.mutate("alerts.assign", {"id": alert.pk, "userId": ben.pk}))
    assert (status, "Mira" in message) == (409, True)

    known = {"id": alert.pk, "userId": ben.pk, "assignedTo": operator.pk}
    assert data_of(api.mutate("alerts.assign", known))["assignedTo"] == ben.pk
    nobody = {"id": alert.pk, "userId": None, "assignedTo": ben.pk}
    assert data_of(api.mutate("alerts.assign", nobody))["assignedTo"] is None
    assert refusal_of(api.mutate("alerts.assign", {"id": alert.pk, "userId": 999}))[0] == 404


def test_shelving_needs_a_reason_and_an_end(api, alert):
    shelving = {"id": alert.pk, "minutes": 60, "reason": "The part is ordered"}

    for bad in ({"reason": ""}, {"minutes": 0}, {"minutes": 10_081}, {"minutes": 1.5}):
        assert refusal_of(api.mutate("alerts.shelve", {**shelving, **bad}))[0] == 400
    assert data_of(api.mutate("alerts.shelve", shelving))["silence"] == "shelved"
    assert refusal_of(api.mutate("alerts.shelve", shelving))[:2] == (409, "CONFLICT")

    assert data_of(api.mutate("alerts.unshelve", {"id": alert.pk}))["shelvedUntil"] is None
    assert refusal_of(api.mutate("alerts.unshelve", {"id": alert.pk}))[:2] == (409, "CONFLICT")


def test_alerts_can_be_asked_for_by_group(api, alert):
    group, empty = make_group(devices=[alert.device]), make_group()

    assert [row["id"] for row in data_of(api.query("alerts.list", {"groupId": group.pk}))] == [alert.pk]
    assert data_of(api.query("alerts.list", {"groupId": empty.pk})) == []
    assert refusal_of(api.query("alerts.list", {"groupId": 999}))[0] == 404


class TestMaintenance:
    WINDOW = {
        "name": "Belt change",
        "zone": "Hall A",
        "startTime": "2026-06-01T06:00:00Z",
        "days": [6, 7],
        "start": "22:00",
        "end": "06:00",
        "timeZone": "Europe/Berlin",
    }

    def test_a_plan_is_told_as_it_was_given(self, api, operator):
        row = data_of(api.mutate("maintenance.plan", self.WINDOW))

        assert {
            name: row[name] for name in ("name", "zone", "days", "start", "end", "timeZone", "createdBy")
        } == {
            "name": "Belt change",
            "zone": "Hall A",
            "days": [6, 7],
            "start": "22:00",
            "end": "06:00",
            "timeZone": "Europe/Berlin",
            "createdBy": operator.pk,
        }
        assert [window["id"] for window in data_of(api.query("maintenance.list"))] == [row["id"]]

    def test_ending_it_twice_is_a_conflict(self, api):
        row = data_of(api.mutate("maintenance.plan", self.WINDOW))

        assert data_of(api.mutate("maintenance.end", {"id": row["id"]}))["open"] is False
        assert refusal_of(api.mutate("maintenance.end", {"id": row["id"]}))[0] == 409
        assert refusal_of(api.mutate("maintenance.end", {"id": 999}))[0] == 404

    @pytest.mark.parametrize(
        ("values", "field"),
        [
            ({"start": "25:00"}, "start"),
            ({"days": [0]}, "days"),
            ({"name": ""}, "name"),
            ({"deviceId": 999}, None),
            ({"groupId": 999}, None),
            ({"startTime": "tomorrow"}, "startTime"),
            ({"endTime": "2026-05-01T06:00:00Z"}, "endTime"),
        ],
    )
    def test_bad_plans_are_refused(self, api, values, field):
        status, _, message = refusal_of(api.mutate("maintenance.plan", {**self.WINDOW, **values}))

        assert status == (400 if field else 404)
        assert field is None or field in message


class TestThresholdScopes:
    @pytest.fixture
    def tara(self):
        return make_user(role="technician", name="Tara")

    @pytest.fixture
    def technician(self, client, tara) -> Trpc:
        sign_in(client, tara)
        return Trpc(client)

    def test_a_group_and_a_type_can_be_expected_something_of(self, technician):
        device = make_device(type="sensor")
        group = make_group(devices=[device])
        of_group = {"groupId": group.pk, "metric": "temperature", "maxValue": 70}
        of_type = {"deviceType": "sensor", "metric": "power", "maxValue": 9}

        rows = [data_of(technician.mutate("thresholds.create", each)) for each in (of_group, of_type)]

        assert [(row["deviceId"], row["groupId"], row["deviceType"]) for row in rows] == [
            (None, group.pk, None),
            (None, None, "sensor"),
        ]
        by_device = {"deviceId": device.pk}
        assert data_of(technician.query("thresholds.getForDevice", by_device)) == []
        in_force = data_of(technician.query("thresholds.getForDevice", {**by_device, "inForce": True}))
        assert [row["id"] for row in in_force] == [rows[1]["id"], rows[0]["id"]]
        by_group = data_of(technician.query("thresholds.list", {"groupId": group.pk}))
        assert [row["id"] for row in by_group] == [rows[0]["id"]]
        assert refusal_of(technician.mutate("thresholds.create", of_group))[:2] == (409, "CONFLICT")

    @pytest.mark.parametrize("scope", [{}, {"deviceType": "sensor", "deviceId": "press-1"}])
    def test_exactly_one_scope_is_named(self, technician, scope):
        make_device(external_id="press-1")

        answer = technician.mutate("thresholds.create", {"metric": "power", "maxValue": 1, **scope})

        assert refusal_of(answer) == (
            400,
            "BAD_REQUEST",
            "Name exactly one of deviceId, groupId and deviceType.",
        )

    def test_the_history_says_who_changed_what_and_when(self, technician, tara):
        row = data_of(
            technician.mutate("thresholds.create", {"deviceType": "sensor", "metric": "power", "maxValue": 5})
        )
        technician.mutate("thresholds.update", {"id": row["id"], "maxValue": 6, "holdSeconds": 0})
        technician.mutate("thresholds.update", {"id": row["id"], "maxValue": 6})  # changes nothing
        technician.mutate("thresholds.delete", {"id": row["id"]})

        changes = data_of(technician.query("thresholds.history", {"thresholdId": row["id"]}))

        assert [(change["kind"], change["scope"], change["by"]) for change in changes] == [
            ("deleted", "every sensor", tara.pk),
            ("changed", "every sensor", tara.pk),
            ("created", "every sensor", tara.pk),
        ]
        times = [change["at"] for change in changes]
        assert times == sorted(times, reverse=True)
        assert (changes[1]["before"], changes[1]["after"]) == ({"maxValue": 5.0}, {"maxValue": 6.0})


@pytest.mark.parametrize("path", ["alerts.create", "alerts.shelve", "alerts.assign", "maintenance.plan"])
def test_viewers_do_not_do_what_is_for_operators(client, path):
    sign_in(client, make_user())

    assert refusal_of(Trpc(client).mutate(path, {}))[:2] == (403, "FORBIDDEN")


def test_the_figures_tell_load_severities_and_the_worst(api, alert):
    period = {"startTime": "2026-06-01T00:00:00Z", "endTime": "2026-06-02T00:00:00Z", "operators": 2}

    figures = data_of(api.query("alerts.getFigures", period))

    told = {
        name: figures[name]
        for name in ("activations", "perOperatorDay", "busiest", "severities", "floodShare")
    }
    assert told == {
        "activations": 1,
        "perOperatorDay": 0.5,
        "busiest": 1,
        "severities": {"critical": 1, "warning": 0, "info": 0},
        "floodShare": 0.0,
    }
    assert [(each["alert"]["id"], each["activations"]) for each in figures["worst"]] == [(alert.pk, 1)]
    for bad in ({"operators": 0}, {"endTime": "2026-05-01T00:00:00Z"}, {"startTime": "2020-01-01T00:00:00Z"}):
        assert refusal_of(api.query("alerts.getFigures", {**period, **bad}))[0] == 400


@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize("path", ["thresholds.list", "thresholds.history", "maintenance.list"])
def test_lists_cost_the_same_for_any_number_of_rows(api, rows, path, django_assert_num_queries):
    for _ in range(rows):
        device = make_device()
        make_threshold(device)
        api.mutate("maintenance.plan", {**TestMaintenance.WINDOW, "zone": "Hall"})
    expected = (
        3 if path == "thresholds.list" else 2
    )  # the session with its user, the rows; how many there are

    with django_assert_num_queries(expected):
        assert len(data_of(api.query(path))) == rows
