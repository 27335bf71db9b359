"""The console's pages of energy and OEE: what is typed goes through the services, all else is only looked at."""

from datetime import date, timedelta

import pytest
from django.test import Client

from analytics.models import (
    Calendar,
    EnergyMeter,
    EnergyPrice,
    Line,
    MachineProfile,
    ShiftResult,
    StateInterval,
    StopCode,
    StopReason,
)
from analytics.oee.sums import NUMBERS
from analytics.services.calendars import Target
from analytics.services.machines import set_line, set_products, start_product
from analytics.services.meters import set_energy_meter, set_energy_price
from analytics.services.stops import add_stop, set_stop_code
from telemetry.services.metrics import declare_metric
from tests.analytics.setting_up import look_at_rules, make_machine, plan
from tests.builders import NOON, make_device, make_group, make_user, ms, sign_in

pytestmark = pytest.mark.django_db
ADMIN = "/admin/analytics/"
QUERIES = {  # the person, filters, counts, and the rows joined with what they show
    "machineprofile": 4,
    "product": 4,
    "productrun": 4,
    "line": 3,
    "calendar": 5,
    "stopcode": 3,
    "stopreason": 5,
    "stateinterval": 5,
    "shiftresult": 4,
    "energymeter": 5,
    "energyprice": 3,
}
PAGES = tuple(QUERIES)
LOOKED_AT = (
    "machineprofile",
    "product",
    "productrun",
    "calendar",
    "stopreason",
    "stateinterval",
    "shiftresult",
)


@pytest.fixture(autouse=True)
def boss(client):
    boss = make_user(role="admin", email="boss@example.com")
    sign_in(client, boss)
    return boss


def words_of(response):
    return [str(message) for message in response.context["messages"]]


def errors_of(response):
    assert response.status_code == 200
    return dict(response.context["adminform"].form.errors)


def act(client, page, action, rows):
    selected = {"action": action, "_selected_action": [row.pk for row in rows]}
    return client.post(f"{ADMIN}{page}/", selected, follow=True)


def make_code(code="jam", **meaning):
    return set_stop_code(code=code, label=code.capitalize(), **{"planned": False, **meaning})


def make_stop(device, code, *, minute=0):
    start = ms(NOON) - 3_600_000 + minute * 60_000
    return add_stop(device=device, start=start, end=start + 60_000, code=code.code, by=None, at=NOON)


def make_result(device, start=0):
    return ShiftResult.objects.create(
        device=device, start=start, end=start + 1, **dict.fromkeys(NUMBERS, 60_000)
    )


def everything(count=1):
    """So many rows of each page, each of a device of its own."""
    for device in [_one_of_each() for _ in range(count)]:
        make_result(device)  # the last: a change of shifts forgets them


def _one_of_each():
    device = make_machine()
    group = make_group(devices=[device])
    set_products(device=device, products=[("P", 1.0)])
    start_product(device=device, product="P", start=ms(NOON), at=NOON)
    set_line(group=group, station=device)
    plan(Target(group=group), holidays=[date(2026, 12, 25)])
    code = make_code(f"c{device.pk}")
    make_stop(device, code)
    StopReason.objects.create(device=device, start=0, end=1, code=code, by=make_user(), at=NOON)
    set_energy_meter(device=device, power_metric="power", measured_by=make_device())
    set_energy_price(per_kwh=0.24, currency="EUR")
    return device


@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize(("page", "queries"), QUERIES.items())
def test_a_list_costs_the_same_for_any_number_of_rows(client, page, rows, queries, django_assert_num_queries):
    everything(rows)
    look_at_rules()

    with django_assert_num_queries(queries):
        response = client.get(f"{ADMIN}{page}/")

    assert len(response.context["cl"].result_list) == (1 if page == "energyprice" else rows)


@pytest.mark.parametrize("page", PAGES)
def test_the_page_of_one_opens(client, page):
    everything()
    row = client.get(f"{ADMIN}{page}/").context["cl"].result_list[0]

    assert client.get(f"{ADMIN}{page}/{row.pk}/change/").status_code == 200


@pytest.mark.parametrize("page", LOOKED_AT)
def test_what_is_derived_or_set_up_elsewhere_is_not_typed_into(client, page):
    everything()
    row = client.get(f"{ADMIN}{page}/").context["cl"].result_list[0]

    assert client.get(f"{ADMIN}{page}/add/").status_code == 403
    assert client.post(f"{ADMIN}{page}/{row.pk}/change/", {}).status_code == 403
    assert client.post(f"{ADMIN}{page}/{row.pk}/delete/", {"post": "yes"}).status_code == 403


@pytest.mark.parametrize("role", ["technician", None])
@pytest.mark.parametrize("page", PAGES)
def test_the_pages_are_for_admins(role, page):
    stranger = Client()
    if role:
        sign_in(stranger, make_user(role=role))

    response = stranger.get(f"{ADMIN}{page}/")

    assert (response.status_code, response["Location"].split("?")[0]) == (302, "/admin/login/")


@pytest.mark.parametrize("page", PAGES)
def test_the_menu_leads_there(client, page):
    assert f'href="{ADMIN}{page}/"' in client.get("/admin/").text


def test_a_device_with_all_of_it_is_deleted(client):
    device = make_machine(make_device())
    make_stop(device, make_code())
    make_result(device)
    set_energy_meter(device=device, power_metric="power")

    client.post(f"/admin/devices/device/{device.pk}/delete/", {"post": "yes"}, follow=True)

    assert not MachineProfile.objects.exists()
    assert not StateInterval.objects.exists()


class TestStopCodes:
    def test_one_is_added_and_changed(self, client):
        client.post(f"{ADMIN}stopcode/add/", {"code": "jam", "label": "Jam", "failure": "on", "active": "on"})
        added = StopCode.objects.get()
        client.post(f"{ADMIN}stopcode/jam/change/", {"label": "Cleaning", "planned": "on"})

        changed = StopCode.objects.get()
        assert (added.code, added.label, added.planned, added.failure, added.active) == (
            "jam",
            "Jam",
            False,
            True,
            True,
        )
        assert (changed.code, changed.label, changed.planned, changed.failure, changed.active) == (
            "jam",
            "Cleaning",
            True,
            False,
            False,
        )

    @pytest.mark.parametrize(
        ("change", "errors"),
        [
            ({"planned": "on", "failure": "on"}, {"failure": ["a planned stop is no failure"]}),
            ({"code": ".."}, {"code": ["a letter or a digit first, then letters, digits and . _ - only"]}),
            ({"code": ""}, {"code": ["This field is required."]}),
            ({"code": "tool"}, {"code": ["Stop code with this Code already exists."]}),
            ({"label": ""}, {"label": ["This field is required."]}),
        ],
    )
    def test_what_cannot_be_is_told_at_its_field(self, client, change, errors):
        make_code("tool")

        answer = client.post(f"{ADMIN}stopcode/add/", {"code": "jam", "label": "Jam", **change})

        assert errors_of(answer) == errors
        assert StopCode.objects.count() == 1

    def test_what_becomes_planned_works_the_past_out_anew(self, client):
        device, code = make_machine(), make_code()
        make_stop(device, code)
        make_result(device)

        client.post(f"{ADMIN}stopcode/jam/change/", {"label": "Jam", "planned": "on"})

        assert not ShiftResult.objects.exists()

    def test_they_are_offered_or_not_and_never_deleted(self, client):
        codes = [make_code("jam"), make_code("tool", active=False)]

        withdrawn = words_of(act(client, "stopcode", "withdraw", codes))
        offered = words_of(act(client, "stopcode", "offer", codes[:1]))

        assert (withdrawn, offered) == (["Not offered any more: 1."], ["Offered: 1."])
        assert set(StopCode.objects.values_list("code", "active")) == {("jam", True), ("tool", False)}
        assert client.post(f"{ADMIN}stopcode/jam/delete/", {"post": "yes"}).status_code == 403


class TestStates:
    def test_only_what_people_added_is_taken_back(self, client):
        device, code = make_machine(), make_code()
        added = make_stop(device, code)
        told = StateInterval.objects.create(device=device, start=0, end=60_000, state="stopped")

        words = words_of(act(client, "stateinterval", "take_back", [added, told]))

        assert words == [
            "Stops taken back: 1.",
            "The machine tells of this stop itself. Give it a code instead.",
        ]
        assert StateInterval.objects.get() == told

    def test_times_are_on_the_plants_clock(self, client):
        make_stop(make_machine(), make_code())

        assert "2026-06-01 11:00" in client.get(f"{ADMIN}stateinterval/").text

    def test_what_many_refusals_have_in_common_is_not_told_a_hundred_times(self, client):
        device = make_machine()
        told = [
            StateInterval.objects.create(device=device, start=n, end=n + 1, state="stopped") for n in range(5)
        ]

        [words] = words_of(act(client, "stateinterval", "take_back", told))

        assert words.count("Give it a code instead.") == 3
        assert words.endswith("And 2 more.")


class TestMachines:
    def test_they_are_told_with_their_pace_and_lead_to_their_page(self, client):
        device = make_machine()

        page = client.get(f"{ADMIN}machineprofile/").text

        assert "1.5 s, 40 pieces a minute" in page
        assert "parts, rejects: rejects" in page
        assert "running above 0" in page
        assert "since ever" in page
        assert f'href="/oee/machines/{device.pk}/"' in page

    def test_a_device_is_no_machine_any_more(self, client):
        device, other = make_machine(), make_machine()
        make_machine(device, valid_from=ms(NOON))

        words = words_of(
            act(client, "machineprofile", "forget", MachineProfile.objects.filter(device=device))
        )

        assert words == ["No machines any more: 1."]
        assert MachineProfile.objects.get().device == other


class TestLines:
    @pytest.fixture
    def line(self):
        return make_group(name="Line 7", devices=[make_machine(), make_machine()])

    def test_a_station_is_chosen_changed_and_taken_away(self, client, line):
        first, second = (membership.device for membership in line.memberships.order_by("pk"))

        client.post(f"{ADMIN}line/add/", {"group": line.pk, "station": first.pk})
        chosen = Line.objects.get().station
        client.post(f"{ADMIN}line/{line.pk}/change/", {"station": second.pk})
        changed = Line.objects.get().station
        client.post(f"{ADMIN}line/{line.pk}/delete/", {"post": "yes"})

        assert (chosen, changed, Line.objects.count()) == (first, second, 0)

    def test_selected_ones_are_no_lines_any_more(self, client, line):
        set_line(group=line, station=line.memberships.first().device)
        selected = {"action": "delete_selected", "_selected_action": [line.pk], "post": "yes"}

        client.post(f"{ADMIN}line/", selected)

        assert not Line.objects.exists()

    @pytest.mark.parametrize("station", ["x", "-1", "9" * 30, "1.5", "999"])
    def test_a_station_that_cannot_be_is_told_at_its_field(self, client, line, station):
        answer = client.post(f"{ADMIN}line/add/", {"group": line.pk, "station": station})

        assert list(errors_of(answer)) == ["station"]

    def test_what_the_service_refuses_is_told_at_its_field(self, client, line):
        other = make_machine(make_device(name="Robot"))

        answer = client.post(f"{ADMIN}line/add/", {"group": line.pk, "station": other.pk})

        assert errors_of(answer) == {"station": ["Robot is not in Line 7"]}
        assert not Line.objects.exists()


class TestCalendars:
    def test_whose_they_are_and_what_they_say(self, client):
        group = make_group(name="Line 7")
        plan(Target(group=group), valid_from=date(2026, 6, 1))
        plan(holidays=[date(2026, 12, 25), date(2026, 12, 26)])

        page = client.get(f"{ADMIN}calendar/").text
        one = client.get(f"{ADMIN}calendar/{Calendar.objects.get(target='plant').pk}/change/").text

        assert "2026-12-25, 2026-12-26" in one
        assert "Mon to Fri" in one
        assert "Early 06:00–14:00" in page
        assert "from Mon 1 Jun 2026 on" in page
        assert "the plant" in page
        assert f'href="/oee/shifts/edit?group={group.pk}"' in page

    def test_all_versions_of_whom_is_selected_are_deleted(self, client):
        device = make_device()
        plan()
        plan(Target(device=device))
        plan(Target(device=device), valid_from=date(2026, 6, 1))

        words = words_of(act(client, "calendar", "drop", Calendar.objects.filter(device=device)))

        assert words == ["Have no shifts of their own: 1."]
        assert Calendar.objects.get().target == "plant"


class TestEnergy:
    @pytest.fixture
    def meter(self):
        declare_metric(key="energy", kind="counter", unit="kWh")
        look_at_rules()
        return make_device(name="Press 3")

    def test_a_meter_is_chosen_and_changed(self, client, meter):
        hall = make_device()
        since = {"since_0": "2026-06-01", "since_1": "10:05:00"}

        client.post(
            f"{ADMIN}energymeter/add/",
            {"device": meter.pk, "counter_metric": "energy", "measured_by": hall.pk, **since},
        )
        chosen = EnergyMeter.objects.get()
        shown = client.get(f"{ADMIN}energymeter/{meter.pk}/change/").text
        client.post(f"{ADMIN}energymeter/{meter.pk}/change/", {"power_metric": "power"})

        changed = EnergyMeter.objects.get()
        assert (chosen.device, chosen.counter_metric, chosen.measured_by) == (meter, "energy", hall)
        assert chosen.counter_since == ms(NOON - timedelta(hours=1, minutes=45))
        assert 'value="10:15:00"' in shown
        assert (changed.counter_metric, changed.power_metric, changed.measured_by) == ("", "power", None)
        assert changed.counter_since is None

    def test_what_was_found_is_not_chosen_by_saving_it(self, client, meter):
        EnergyMeter.objects.create(device=meter, counter_metric="energy", counter_since=ms(NOON))

        page = client.get(f"{ADMIN}energymeter/{meter.pk}/change/")
        form = page.context["adminform"].form
        hall = make_device()
        client.post(f"{ADMIN}energymeter/{meter.pk}/change/", {"measured_by": hall.pk})

        assert [form[name].value() for name in ("counter_metric", "power_metric")] == ["", ""]
        found = EnergyMeter.objects.get()
        assert (found.is_chosen, found.counter_metric, found.measured_by) == (False, "energy", hall)

    @pytest.mark.parametrize(
        ("change", "errors"),
        [
            ({"counter_metric": "power"}, {"counter_metric"}),
            ({"power_metric": "energy"}, {"power_metric"}),
            ({"measured_by": "9" * 30}, {"measured_by"}),
            ({"since_0": "soon"}, {"since"}),
        ],
    )
    def test_what_cannot_be_is_told_at_its_field(self, client, meter, change, errors):
        answer = client.post(f"{ADMIN}energymeter/add/", {"device": meter.pk, **change})

        assert set(errors_of(answer)) == errors
        assert not EnergyMeter.objects.exists()

    def test_no_meter_measures_itself(self, client, meter):
        set_energy_meter(device=meter, power_metric="power")

        answer = client.post(f"{ADMIN}energymeter/{meter.pk}/change/", {"measured_by": meter.pk})

        assert errors_of(answer) == {"measured_by": ["Press 3 would measure itself"]}

    def test_there_is_one_price(self, client):
        client.post(f"{ADMIN}energyprice/add/", {"per_kwh": "0.24", "currency": "EUR"})
        client.post(f"{ADMIN}energyprice/add/", {"per_kwh": "0.28", "currency": "EUR"})
        assert EnergyPrice.objects.get().per_kwh == 0.28, "it takes the place of the first one"
        client.post(f"{ADMIN}energyprice/1/change/", {"per_kwh": "0.3", "currency": "EUR"})
        refused = client.post(f"{ADMIN}energyprice/1/change/", {"per_kwh": "0.3", "currency": "euro"})
        unknown = client.post(f"{ADMIN}energyprice/1/change/", {"per_kwh": "-1", "currency": "EUR"})

        price = EnergyPrice.objects.get()
        assert (price.per_kwh, price.currency) == (0.3, "EUR")
        assert list(errors_of(refused)) == ["currency"]
        assert errors_of(unknown) == {"per_kwh": ["must be from 0 to 1000"]}
        assert client.post(f"{ADMIN}energyprice/1/delete/", {"post": "yes"}).status_code == 403
