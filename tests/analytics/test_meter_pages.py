from datetime import timedelta

import pytest
from django.utils import timezone

from analytics.models import EnergyMeter, EnergyPrice
from analytics.services.meters import find_meters, set_energy_meter, set_energy_price
from devices.services import deactivate_devices
from telemetry.models import MeterExchange
from telemetry.services import note_exchange
from telemetry.services.metrics import declare_metric
from telemetry.services.rollups import roll_up_due
from tests.analytics.looking import NASTY, ROLES, words
from tests.analytics.setting_up import at_work, look_at_rules
from tests.builders import NOON, make_device, make_user, ms, sign_in, store

pytestmark = pytest.mark.django_db
METERS, EXCHANGES = "/energy/meters/", "/energy/exchanges/"
QUARTER = timedelta(minutes=15)


@pytest.fixture
def energy():
    declare_metric(key="energy", kind="counter", unit="kWh", label="Energy")
    look_at_rules()


def of(device):
    return f"{METERS}{device.pk}/"


def powered(**about):
    device = make_device(**about)
    store(device, (NOON, 11_200.0), metric="power")
    return device


def counting(value=498.2, **about):
    device = powered(**about)
    store(device, (NOON, value), metric="energy")
    return device


def exchange(device, *, metric="energy", at=NOON, **about):
    values = {"old_value": 1_234_567.8, "new_value": 0.0, "by": None, "now": NOON, **about}
    return note_exchange(device=device, metric=metric, at=ms(at), **values)


class TestTheList:
    def test_by_what_each_device_tells_its_energy(self, client, mira, energy):
        hall = counting(name="Hall meter", zone="Hall B")
        press = powered(name="Press 3")
        make_device(name="Lamp")
        set_energy_meter(device=press, power_metric="power", measured_by=hall)
        set_energy_meter(device=hall, counter_metric="energy", power_metric="power", counter_since=ms(NOON))

        text = words(client.get(METERS))

        assert "Two devices tell their energy." in text
        assert "Hall meter Hall B energy counter, kWh 1 Jun, 12:00 before: power – chosen" in text
        assert "power power, W – Hall meter chosen" in text
        assert "Lamp" not in text

    def test_what_is_found_says_so(self, client, mira, energy):
        counting()

        assert "energy counter, kWh always – found" in words(client.get(METERS))

    def test_of_whom_something_was_said_is_listed_though_it_tells_nothing(self, client, mira):
        set_energy_meter(device=make_device(name="Lamp"), measured_by=powered())

        assert "nothing yet" in words(client.get(METERS))

    def test_an_empty_plant_says_how_devices_come_in(self, client, mira):
        assert "No device tells its energy yet: one that reports power" in words(client.get(METERS))

    def test_one_finds_devices_and_leaves_out_those_out_of_service(self, client, mira):
        powered(name="Press 3")
        powered(name="Mill")
        gone = powered(name="Press 4")
        deactivate_devices(device_ids=[gone.pk], at=NOON)

        found = client.get(METERS, {"search": "press"}).context["meters"]

        assert [row.device.name for row in found] == ["Press 3"]
        assert "No device that matches" in words(client.get(METERS, {"search": "robot"}))

    def test_any_other_device_is_reached_by_its_id(self, client, tess):
        device = make_device(external_id="lamp-1")

        assert client.get(METERS, {"named": "lamp-1"})["Location"] == of(device)
        missed = client.get(METERS, {"named": "lamp-2"})
        assert (missed.status_code, "There is no such device." in missed.text) == (422, True)

    def test_pages_of_meters(self, client, mira):
        for number in range(51):
            powered(name=f"M {number:02}")

        assert [row.device.name for row in client.get(METERS, {"page": 2}).context["meters"]] == ["M 50"]

    @pytest.mark.parametrize("rows", [1, 3])
    def test_it_costs_the_same_for_any_number_of_meters(
        self, client, boss, rows, energy, django_assert_num_queries
    ):
        for _ in range(rows):
            set_energy_meter(device=counting(), measured_by=powered())

        look_at_rules()
        # the person, the open count, the devices, what was said of them (2), what they report, in service, names,
        # a page of them, the price (2)
        with django_assert_num_queries(11):
            assert client.get(METERS).status_code == 200


class TestThePrice:
    def test_an_admin_says_what_a_kwh_costs(self, client, boss):
        answer = client.post("/energy/price", {"per_kwh": "0.24", "currency": "eur"}, follow=True)

        price = EnergyPrice.objects.get()
        assert (price.per_kwh, price.currency) == (0.24, "EUR")
        assert "A kWh costs 0.24 EUR." in words(answer)

    def test_an_admin_takes_it_back(self, client, boss):
        set_energy_price(per_kwh=0.24, currency="EUR")

        answer = client.post("/energy/price", {"per_kwh": "", "currency": ""}, follow=True)

        assert "Nobody has said yet what a kWh costs." in words(answer)

    @pytest.mark.parametrize(
        ("price", "field", "reason"),
        [
            ({"per_kwh": "-1", "currency": "EUR"}, "per_kwh", "Must be from 0 to 1000"),
            ({"per_kwh": "x", "currency": "EUR"}, "per_kwh", "Enter a number."),
            ({"per_kwh": "0.2", "currency": ""}, "currency", "Must be three letters such as EUR"),
            ({"per_kwh": "0.2", "currency": "€€€"}, "currency", "Must be three letters such as EUR"),
            ({"per_kwh": "0.2", "currency": "EURO"}, "currency", "Ensure this value has at most 3"),
        ],
    )
    def test_what_cannot_be_a_price_is_said_at_its_field(self, client, boss, price, field, reason):
        answer = client.post("/energy/price", price)

        errors = answer.context["price_form"].errors
        assert (answer.status_code, list(errors)) == (422, [field])
        assert errors[field][0].startswith(reason)
        assert not EnergyPrice.objects.exists()


class TestOneMeter:
    def test_a_technician_chooses_by_which_metrics(self, client, tess, energy):
        device, hall = counting(name="Press 3"), powered(external_id="hall-1")

        answer = client.post(
            of(device),
            {
                "told": "chosen",
                "counter_metric": "energy",
                "power_metric": "power",
                "counter_since": "2026-06-01T10:05",
                "measured_by": "hall-1",
            },
            follow=True,
        )

        meter = EnergyMeter.objects.get()
        assert (meter.counter_metric, meter.power_metric, meter.is_chosen) == ("energy", "power", True)
        assert meter.counter_since == ms(NOON - timedelta(hours=2) + QUARTER)  # the next quarter of an hour
        assert meter.measured_by == hall
        assert "Saved: how the energy of Press 3 is told." in words(answer)

    def test_what_is_found_may_have_a_meter_above_it(self, client, tess, energy):
        device, hall = counting(), powered(external_id="hall-1")

        client.post(of(device), {"told": "found", "counter_metric": "nonsense!", "measured_by": "hall-1"})

        meter = EnergyMeter.objects.get()
        assert (meter.measured_by, meter.is_chosen, meter.counter_metric) == (hall, False, "")

    def test_the_form_shows_what_there_is_and_what_would_fit(self, client, tess, energy):
        device = counting()
        found = client.get(of(device))
        set_energy_meter(device=device, power_metric="power", measured_by=powered(external_id="hall-1"))
        chosen = client.get(of(device))

        names = ("told", "counter_metric", "power_metric", "measured_by")
        shown = [[page.context["form"][name].value() for name in names] for page in (found, chosen)]
        assert shown == [["found", "energy", "power", ""], ["chosen", "", "power", "hall-1"]]
        assert '<option value="energy">Energy, 498.2 kWh</option>' in found.text
        assert '<option value="power">Power, 11,200 W</option>' in found.text
        assert "Its energy is told by the counter energy" in words(found)

    @pytest.mark.parametrize(
        ("change", "field", "reason"),
        [
            ({"counter_metric": ""}, "counter_metric", "Name a counter, a power, or both."),
            ({"counter_metric": "parts"}, "counter_metric", "Must be declared as a counter in Wh"),
            ({"power_metric": "energy"}, "power_metric", "Must be declared as a gauge in W"),
            ({"counter_since": "soon"}, "counter_since", "Enter a valid date/time."),
            ({"measured_by": "nobody"}, "measured_by", "There is no such device."),
            ({"measured_by": "press-3"}, "measured_by", "Press 3 would measure itself"),
            ({"told": ""}, "told", "This field is required."),
        ],
    )
    def test_what_cannot_be_is_said_at_its_field(self, client, tess, energy, change, field, reason):
        device = counting(external_id="press-3", name="Press 3")
        asked = {"told": "chosen", "counter_metric": "energy", **change}

        answer = client.post(of(device), asked)

        errors = answer.context["form"].errors
        assert (answer.status_code, list(errors)) == (422, [field])
        assert errors[field][0].startswith(reason)
        assert f'id="id_{field}_error"' in answer.text
        assert not EnergyMeter.objects.exists()

    def test_a_counter_that_came_later_says_since_when_it_tells(self, client, mira, energy):
        device = powered()
        store(device, (NOON + 2 * QUARTER, 11_000.0), metric="power")
        store(device, (NOON + 3 * QUARTER, 5.0), (NOON + 4 * QUARTER, 6.0), metric="energy")
        roll_up_due()
        find_meters()

        text = words(client.get(of(device)))

        assert "told by the counter energy since 1 Jun, 13:00 , before that by power" in text

    def test_a_viewer_reads_how_it_is_told(self, client, mira, energy):
        text = words(client.get(of(counting())))

        assert "Counter energy Power power Known found by what it reports Measured as well by –" in text
        assert "Save" not in text


class TestExchanges:
    FORM = {
        "device": "press-3",
        "metric": "energy",
        "moment": "2026-06-01T11:30",
        "old_value": "1234567.8",
        "new_value": "0",
        "note": "Calibration was due",
    }

    @pytest.fixture
    def press(self, energy):
        return counting(external_id="press-3", name="Press 3")

    def test_a_technician_notes_one_and_it_is_listed(self, client, press):
        with at_work(client, NOON):
            answer = client.post(EXCHANGES, self.FORM, follow=True)
            text = words(answer)
            own = words(client.get(of(press)))

        noted = MeterExchange.objects.get()
        assert (noted.device, noted.metric, noted.at) == (press, "energy", ms(NOON) - 1_800_000)
        assert (noted.old_value, noted.new_value) == (1_234_567.8, 0.0)
        assert "Noted: energy of Press 3 was exchanged." in text
        assert "One counter was exchanged." in text
        assert "Press 3: energy 1,234,567.8 → 0 kWh, 11:30 Calibration was due · noted by technician" in text
        assert "energy 1,234,567.8 → 0 kWh, 11:30" in own

    def test_the_form_knows_the_device_it_was_opened_for(self, client, tess, press):
        page = client.get(EXCHANGES, {"device": "press-3", "metric": "energy"})

        form = page.context["form"]
        assert (form["device"].value(), form["metric"].value()) == ("press-3", "energy")
        assert '<option value="energy">' in page.text
        assert f"{EXCHANGES}?device=press-3&amp;metric=energy#note" in client.get(of(press)).text

    @pytest.mark.parametrize(
        ("change", "field", "reason"),
        [
            ({"device": "nobody"}, "device", "There is no such device."),
            ({"device": ""}, "device", "This field is required."),
            ({"metric": "power"}, "metric", "Power is not declared as a counter"),
            ({"moment": "2100-01-01T00:00"}, "moment", "Is in the future"),
            ({"moment": ""}, "moment", "This field is required."),
            ({"old_value": "1e301"}, "old_value", "Must be at most 1e300"),
            ({"new_value": "inf"}, "new_value", "Enter a number."),
            ({"note": "x" * 301}, "note", "Ensure this value has at most 300 characters"),
        ],
    )
    def test_what_cannot_be_is_said_at_its_field(self, client, tess, press, change, field, reason):
        answer = client.post(EXCHANGES, {**self.FORM, **change})

        errors = answer.context["form"].errors
        assert (answer.status_code, list(errors)) == (422, [field])
        assert errors[field][0].startswith(reason)
        assert f'id="id_{field}_error"' in answer.text
        assert not MeterExchange.objects.exists()

    def test_one_of_that_moment_is_noted_already(self, client, tess, press):
        exchange(press, at=NOON - timedelta(minutes=30))

        answer = client.post(EXCHANGES, self.FORM)

        assert answer.status_code == 422
        assert "An exchange of energy at this moment is noted already." in words(answer)

    def test_it_is_taken_back_once(self, client, tess, press):
        noted = exchange(press)
        path = f"{EXCHANGES}{noted.pk}/forget"
        assert "Take back the exchange of energy of Press 3?" in client.get(EXCHANGES).text

        first, again = client.post(path, follow=True), client.post(path, follow=True)

        assert "Taken back." in words(first)
        assert f"There is no exchange {noted.pk}." in words(again)
        assert not MeterExchange.objects.exists()

    @pytest.mark.parametrize("rows", [1, 3])
    def test_lists_cost_the_same_for_any_number_of_exchanges(
        self, client, tess, press, rows, django_assert_num_queries
    ):
        for number in range(rows):
            exchange(press, at=NOON - timedelta(minutes=number), by=make_user())
            exchange(counting(), by=make_user())

        look_at_rules()
        with django_assert_num_queries(5):  # the person, the open count, the device asked for, how many, they
            assert client.get(EXCHANGES).status_code == 200
        look_at_rules()
        # the person, the device, what was said of it, how it is told (3), what it reports, exchanges, open count
        with django_assert_num_queries(9):
            assert client.get(of(press)).status_code == 200


class TestWhoMay:
    def test_each_role_does_only_what_it_may(self, client, energy):
        device = counting(external_id="press-3")
        may = {}
        for number, role in enumerate(ROLES):
            sign_in(client, make_user(role=role))
            noted = exchange(device, at=NOON - timedelta(minutes=number + 1))
            moment = timezone.localtime(NOON - timedelta(hours=number + 1))
            forms = {
                "/energy/price": {"per_kwh": "0.2", "currency": "EUR"},
                of(device): {"told": "found"},
                EXCHANGES: {**TestExchanges.FORM, "moment": f"{moment:%Y-%m-%dT%H:%M}"},
                f"{EXCHANGES}{noted.pk}/forget": {},
            }
            shown = ["Save the price" in client.get(METERS).text, "Note it" in client.get(EXCHANGES).text]
            may[role] = (shown, [client.post(path, form).status_code for path, form in forms.items()])

        assert may == {
            "user": ([False, False], [403] * 4),
            "operator": ([False, False], [403] * 4),
            "technician": ([False, True], [403, 302, 302, 302]),
            "admin": ([True, True], [302] * 4),
        }

    def test_a_stranger_is_led_to_the_sign_in(self, client):
        device = powered()

        for path in (METERS, of(device), EXCHANGES):
            assert client.get(path)["Location"] == f"/sign-in?next={path}"
        assert client.post("/energy/price", {}).status_code == 302

    def test_an_unknown_device_is_not_found(self, client, tess):
        assert client.get(f"{METERS}99/").status_code == 404

    def test_names_are_text(self, client, tess, energy):
        device = counting(name=NASTY, zone=NASTY)
        set_energy_meter(device=device, counter_metric="energy", measured_by=powered(name=NASTY))
        exchange(device, note=NASTY)

        for path in (METERS, of(device), EXCHANGES):
            assert NASTY not in client.get(path).text
