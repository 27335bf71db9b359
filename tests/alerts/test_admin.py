import pytest
from django.test import Client

from alerts.models import Threshold, ThresholdChange
from alerts.services.thresholds import delete_threshold, edit_threshold
from tests.builders import NOON, make_device, make_group, make_threshold, make_user, sign_in

pytestmark = pytest.mark.django_db
THRESHOLDS = "/admin/alerts/threshold/"
CHANGES = "/admin/alerts/thresholdchange/"
NUMBERS = {"hysteresis": "0", "hold_seconds": "0", "clear_seconds": "0", "count": "1", "enabled": "on"}


@pytest.fixture(autouse=True)
def boss(client):
    boss = make_user(role="admin", email="boss@example.com")
    sign_in(client, boss)
    return boss


def errors_of(response):
    assert response.status_code == 200
    return dict(response.context["adminform"].form.errors)


def test_a_threshold_can_be_added_edited_and_deleted(client):
    device = make_device()

    client.post(
        f"{THRESHOLDS}add/", {"device": device.pk, "metric": "temperature", "max_value": "90", **NUMBERS}
    )
    threshold = Threshold.objects.get()
    client.post(f"{THRESHOLDS}{threshold.pk}/change/", {"max_value": "95", **NUMBERS})

    threshold.refresh_from_db()
    assert (threshold.device, threshold.metric, threshold.max_value) == (device, "temperature", 95)
    client.post(f"{THRESHOLDS}{threshold.pk}/delete/", {"post": "yes"})
    assert Threshold.objects.count() == 0


@pytest.mark.parametrize(
    ("change", "errors"),
    [
        ({"min_value": "100"}, {"max_value": ["must not be below minValue (100)"]}),
        (
            {"max_value": ""},
            {"max_value": ["give at least one of minValue, maxValue, warningMin, warningMax"]},
        ),
        ({"hysteresis": "-50"}, {"hysteresis": ["must be 0 or more"]}),
        ({"count": "0"}, {"count": ["must be from 1 to 1000"]}),
        ({"hold_seconds": "86401"}, {"hold_seconds": ["must be from 0 to 86400"]}),
        ({"clear_seconds": "86401"}, {"clear_seconds": ["must be from 0 to 86400"]}),
        ({"count": ""}, {"count": ["This field is required."]}),
    ],
)
def test_an_edit_that_cannot_be_meant_is_told_at_its_field(client, change, errors):
    threshold = make_threshold(make_device(), max_value=90.0)

    response = client.post(f"{THRESHOLDS}{threshold.pk}/change/", {"max_value": "90", **NUMBERS, **change})

    assert errors_of(response) == errors
    assert Threshold.objects.values_list("max_value", "hysteresis", "count").get() == (90, 0, 1)


@pytest.mark.parametrize(
    ("metric", "errors"),
    [
        ("", {"metric": ["This field is required."]}),
        ("Not One", {"metric": ["is no metric name: a-z first, then a-z, 0-9 and _, at most 63"]}),
        ("temperature", {"__all__": ["Threshold with this Device and Metric already exists."]}),
    ],
)
def test_a_new_threshold_needs_a_metric_that_has_none(client, metric, errors):
    device = make_device()
    make_threshold(device)

    new = {"device": device.pk, "metric": metric, "max_value": "90", **NUMBERS}

    assert errors_of(client.post(f"{THRESHOLDS}add/", new)) == errors
    assert Threshold.objects.count() == 1


def test_selected_thresholds_are_deleted(client, boss):
    thresholds = [make_threshold(make_device()) for _ in range(2)]

    selected = {"action": "delete_selected", "_selected_action": [t.pk for t in thresholds], "post": "yes"}

    assert client.post(THRESHOLDS, selected).status_code == 302
    assert Threshold.objects.count() == 0
    deleted = ThresholdChange.objects.filter(kind="deleted", by=boss)
    assert set(deleted.values_list("threshold_id", flat=True)) == {t.pk for t in thresholds}


@pytest.mark.parametrize("scopes", [(), ("device", "group"), ("group", "device_type")])
def test_a_threshold_reaches_exactly_one_thing(client, scopes):
    named = {"device": make_device().pk, "group": make_group().pk, "device_type": "sensor"}
    new = {"metric": "temperature", "max_value": "90", **NUMBERS, **{name: named[name] for name in scopes}}

    errors = errors_of(client.post(f"{THRESHOLDS}add/", new))

    assert list(errors.values()) == [["Name exactly one device, group or type."]]
    assert Threshold.objects.count() == 0


@pytest.mark.parametrize("device", ["x", "-1", "9" * 30, "1.5", "None"])
def test_a_device_that_cannot_be_is_told_at_its_field(client, device):
    new = {"device": device, "metric": "temperature", "max_value": "90", **NUMBERS}

    assert list(errors_of(client.post(f"{THRESHOLDS}add/", new))) == ["device"]


@pytest.mark.parametrize("kind", ["device", "group", "device_type"])
def test_a_threshold_can_be_for_any_of_them(client, kind):
    named = {"device": make_device(), "group": make_group(), "device_type": "gateway"}
    value = named[kind] if kind == "device_type" else named[kind].pk

    client.post(f"{THRESHOLDS}add/", {kind: value, "metric": "power", "max_value": "90", **NUMBERS})

    assert getattr(Threshold.objects.get(), kind) == named[kind]


def test_what_it_is_for_and_its_metric_stay(client):
    threshold, other = make_threshold(make_device()), make_device()
    change = {"device": other.pk, "metric": "power", "max_value": "95", **NUMBERS}

    client.post(f"{THRESHOLDS}{threshold.pk}/change/", change)

    found = Threshold.objects.values_list("device", "metric", "max_value").get()
    assert found == (threshold.device_id, "temperature", 95)


def test_what_somebody_else_changed_while_the_form_was_open_stays(client):
    threshold = make_threshold(make_device(), max_value=90.0)
    page = client.get(f"{THRESHOLDS}{threshold.pk}/change/").content.decode()
    edit_threshold(threshold=threshold, at=NOON, max_value=70.0)

    shown = {"initial-max_value": "90.0", "initial-hysteresis": "0.0", "initial-count": "1"}
    shown |= {"initial-hold_seconds": "0", "initial-clear_seconds": "0", "initial-enabled": "True"}
    client.post(
        f"{THRESHOLDS}{threshold.pk}/change/", {"max_value": "90.0", **NUMBERS, "count": "3", **shown}
    )

    assert 'name="initial-max_value"' in page
    assert Threshold.objects.values_list("max_value", "count").get() == (70, 3)


def test_a_threshold_shows_who_changed_what_and_when(client, boss):
    threshold = make_threshold(make_device(), max_value=90.0)
    edit_threshold(threshold=threshold, by=boss, at=NOON, max_value=95.0, enabled=False)
    other = make_threshold(make_device(), max_value=11.0)
    edit_threshold(threshold=other, at=NOON, max_value=12.0)

    page = client.get(f"{THRESHOLDS}{threshold.pk}/change/").content.decode()

    assert "max value 90 → 95, enabled yes → no" in page
    assert "boss@example.com" in page
    assert "11 → 12" not in page


def test_its_history_is_the_one_of_all_doors(client):
    threshold = make_threshold(make_device(), max_value=90.0)
    make_threshold(make_device(external_id="pump-1"), max_value=70.0)

    response = client.get(f"{THRESHOLDS}{threshold.pk}/history/", follow=True)

    assert [change.threshold_id for change in response.context["cl"].result_list] == [threshold.pk]


def test_changes_are_found_by_who_and_what_and_never_edited(client, boss):
    make_threshold(make_device(), metric="power")
    threshold = make_threshold(make_device())
    edit_threshold(threshold=threshold, by=boss, at=NOON, max_value=95.0)
    delete_threshold(threshold=threshold, by=boss, at=NOON)

    def kinds(**query):
        return [change.kind for change in client.get(CHANGES, query).context["cl"].result_list]

    assert kinds(by__id__exact=boss.pk) == ["deleted", "changed"]
    assert kinds(metric="power") == ["created"]
    assert kinds(kind__exact="changed") == ["changed"]
    change = ThresholdChange.objects.first()
    assert client.get(f"{CHANGES}{change.pk}/change/").status_code == 200
    assert client.post(f"{CHANGES}{change.pk}/change/", {"metric": "x"}).status_code == 403
    assert client.get(f"{CHANGES}add/").status_code == 403


class TestTheList:
    @pytest.fixture(autouse=True)
    def _thresholds(self):
        oven = make_device(external_id="oven-1", zone="Hall A")
        gateway = make_device(external_id="gate-1", type="gateway", zone="Hall B")
        line = make_group(name="Line 7", devices=[oven])
        self.plant = make_group(name="Plant")
        line.parent = self.plant
        line.save(update_fields=["parent"])
        make_threshold(oven, metric="temperature")
        make_threshold(gateway, metric="power", enabled=False, max_value=1.0)
        make_threshold(group=line, metric="vibration")
        make_threshold(device_type="gateway", metric="humidity")

    @pytest.mark.parametrize(
        ("query", "metrics"),
        [
            ({}, {"temperature", "power", "vibration", "humidity"}),
            ({"scope": "device"}, {"temperature", "power"}),
            ({"scope": "group"}, {"vibration"}),
            ({"scope": "device_type"}, {"humidity"}),
            ({"scope": "pk"}, {"temperature", "power", "vibration", "humidity"}),
            ({"type": "gateway"}, {"power", "humidity"}),
            ({"zone": "Hall A"}, {"temperature"}),
            ({"metric": "power"}, {"power"}),
            ({"enabled__exact": "0"}, {"power"}),
            ({"in_group": "plant"}, {"temperature"}),
            ({"in_group": "nonsense"}, set()),
            ({"in_group": "999"}, set()),
            ({"q": "OVEN"}, {"temperature"}),
            ({"q": "line 7"}, {"vibration"}),
        ],
    )
    def test_is_narrowed(self, client, query, metrics):
        if query.get("in_group") == "plant":
            query = {"in_group": self.plant.pk}

        found = client.get(THRESHOLDS, query).context["cl"].result_list

        assert {threshold.metric for threshold in found} == metrics

    def test_says_what_is_expected(self, client):
        make_threshold(
            device_type="sensor", warning_min=10.0, max_value=90.5, hysteresis=2.0, hold_seconds=30, count=3
        )

        page = client.get(THRESHOLDS, {"scope": "device_type"}).content.decode()

        for words in ("every sensor", "temperature (°C)", "90.5", "back by 2, after 30 s, 3 in a row"):
            assert words in page


@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize(("path", "queries"), [("threshold", 6), ("thresholdchange", 5)])
def test_a_list_costs_the_same_for_any_number_of_rows(
    client, boss, rows, path, queries, django_assert_num_queries
):
    for _ in range(rows):
        device = make_device()
        threshold = make_threshold(device)
        edit_threshold(threshold=threshold, by=boss, at=NOON, max_value=5.0)
        make_threshold(group=make_group(), metric="power")

    with django_assert_num_queries(queries):
        response = client.get(f"/admin/alerts/{path}/")

    assert len(response.context["cl"].result_list) == rows * (2 if path == "threshold" else 3)


@pytest.mark.parametrize("role", ["technician", "user", None])
@pytest.mark.parametrize("page", ["", "add/", "import/", "export/", "edit-many/", "copy/", "revise/"])
def test_the_console_is_for_admins(role, page):
    threshold, stranger = make_threshold(make_device()), Client()
    if role:
        sign_in(stranger, make_user(role=role))

    for response in (stranger.get(f"{THRESHOLDS}{page}"), stranger.post(f"{THRESHOLDS}{page}", {})):
        assert response.status_code == 302
        assert response["Location"].startswith("/admin/login/")
    assert list(Threshold.objects.all()) == [threshold]
