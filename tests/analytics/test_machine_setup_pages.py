import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from analytics.models import MachineProfile, Product, ProductRun
from analytics.services.calendars import Target
from analytics.services.machines import set_products, start_product
from devices.services import deactivate_devices
from telemetry.rules import metric_for
from tests.analytics.looking import NASTY, ROLES, words
from tests.analytics.setting_up import PROFILE, at_work, look_at_rules, make_machine, plan
from tests.builders import NOON, make_device, make_group, make_user, ms, sign_in, store

pytestmark = pytest.mark.django_db
MACHINES = "/oee/machines/"
LATER = NOON + timedelta(hours=3)


def of(device, way=""):
    return f"{MACHINES}{device.pk}/{way}"


def products(*rows, **more):
    form = {"products": str(len(rows)), **more}
    for place, (name, seconds) in enumerate(rows):
        form |= {f"product-{place}-name": name, f"product-{place}-ideal_cycle_seconds": seconds}
    return form


class TestTheList:
    def test_each_machine_is_told_as_it_is_set_up(self, client, mira):
        press = make_machine(make_device(name="Press 3", zone="Hall B"))
        line = make_group(name="Line 7", devices=[press])
        plan(Target(group=line))
        set_products(device=press, products=[("Flange 40", 2.0)])
        start_product(device=press, product="Flange 40", start=ms(NOON), at=NOON)

        text = words(client.get(MACHINES))

        assert "One machine is set up." in text
        assert "Press 3 Hall B · Line 7 1.5 s 40 pieces a minute parts rejects: rejects" in text
        assert "running above 0 Line 7 Flange 40" in text

    def test_where_there_is_no_device_one_is_told_to_add_one(self, client, tess):
        text = words(client.get(MACHINES))

        assert "No device is a machine yet. Devices" in text
        assert "There is no device to set up yet. Add a device" in text

    @pytest.mark.parametrize(
        ("profile", "told"),
        [
            ({"running_by": "events"}, "running begins and ends"),
            ({"running_by": "status", "running_statuses": ["error", "online"]}, "error or online"),
            ({"running_metric": "power", "running_above": 1500.0}, "power above 1,500 W"),
            ({"reject_metric": "", "good_metric": "good"}, "good: good"),
            ({"reject_metric": ""}, "quality is not counted"),
            ({"ideal_cycle_seconds": 90.0}, "90 s 40 pieces an hour"),
            ({"ideal_cycle_seconds": 60.0}, "60 s 1 piece a minute"),
            ({"ideal_cycle_seconds": 0.05}, "0.05 s 1,200 pieces a minute"),
            ({"ideal_cycle_seconds": 172_800.0}, "172,800 s 0.5 pieces a day"),
        ],
    )
    def test_how_it_runs_and_counts_is_told_in_words(self, client, mira, profile, told):
        make_machine(**profile)

        assert told in words(client.get(MACHINES))

    def test_whose_shifts_are_in_force_is_told(self, client, mira):
        own, grouped, inner, _ = (make_machine(make_device(name=name)) for name in "ABCD")
        outer = make_group(name="Hall", devices=[grouped])
        make_group(name="Cell", devices=[inner], parent=outer)
        plan(Target(device=own))
        plan(Target(group=outer))

        def shifts():
            return [
                (row.works_by.target.split(":")[0], str(row.works_by.group or ""))
                for row in client.get(MACHINES).context["machines"]
            ]

        assert shifts() == [("device", ""), ("group", "Hall"), ("group", "Hall"), ("", "")]
        plan()
        assert shifts()[3] == ("plant", "")

    def test_shifts_that_begin_later_are_not_in_force_yet(self, client, mira):
        make_machine()
        tomorrow = timezone.localdate() + timedelta(days=1)
        plan(valid_from=tomorrow)

        [row] = client.get(MACHINES).context["machines"]

        assert row.works_by.target == ""

    def test_a_machine_out_of_service_stays_in_the_list_and_says_so(self, client, mira):
        device = make_machine()
        deactivate_devices(device_ids=[device.pk], at=NOON)

        assert "out of service" in words(client.get(MACHINES))

    def test_one_finds_machines_and_devices_that_may_become_one(self, client, tess):
        make_machine(make_device(name="Press 1"))
        make_machine(make_device(name="Mill 1"))
        make_device(name="Press 2")
        make_device(name="Robot")

        page = client.get(MACHINES, {"search": "press"})

        assert [row.device.name for row in page.context["machines"]] == ["Press 1"]
        assert [device.name for device in page.context["offered"]] == ["Press 2"]

    def test_of_many_devices_the_first_are_offered(self, client, tess):
        for _ in range(21):
            make_device()

        page = client.get(MACHINES)

        assert len(page.context["offered"]) == 20
        assert "There are more. Find one above" in words(page)

    def test_an_empty_plant_says_who_sets_up(self, client, mira):
        make_device(name="Press 1")

        text = words(client.get(MACHINES))

        assert "No device is a machine yet. Technicians set them up." in text
        assert "Press 1" not in text

    def test_pages_of_machines(self, client, mira):
        for number in range(51):
            make_machine(make_device(name=f"M {number:02}"))

        page = client.get(MACHINES, {"page": "2"})

        assert [row.device.name for row in page.context["machines"]] == ["M 50"]

    @pytest.mark.parametrize("rows", [1, 3])
    def test_it_costs_the_same_for_any_number_of_machines(
        self, client, tess, rows, django_assert_num_queries
    ):
        for _ in range(rows):
            device = make_machine()
            make_machine(device, valid_from=ms(NOON))
            group = make_group(devices=[device])
            plan(Target(group=group))
            plan(Target(device=device))
            set_products(device=device, products=[("P", 1.0)])
            start_product(device=device, product="P", start=ms(NOON), at=NOON)
            make_device()

        look_at_rules()
        # the person, the open count, how many, the machines, profiles, who is in which group (3), what they
        # make, calendars, devices that are none
        with django_assert_num_queries(11):
            assert client.get(MACHINES).status_code == 200


class TestTheProfile:
    def test_a_technician_makes_a_device_a_machine(self, client, tess):
        device = make_device(name="Press 3")

        answer = client.post(of(device), PROFILE)

        profile = MachineProfile.objects.get()
        assert answer["Location"] == of(device)
        assert (profile.device, profile.valid_from) == (device, 0)
        assert (profile.ideal_cycle_seconds, profile.total_metric) == (1.5, "parts")
        assert (profile.reject_metric, profile.good_metric) == ("rejects", "")
        assert (profile.running_by, profile.running_metric, profile.running_above) == ("metric", "running", 0)
        assert metric_for("parts").is_counter
        assert "Press 3 is a machine now." in words(client.get(answer["Location"]))

    @pytest.mark.parametrize(
        ("change", "kept"),
        [
            (
                {"running_by": "status", "running_statuses": ["online", "error"]},
                ("status", "", 0.0, ["error", "online"]),
            ),
            ({"running_by": "events", "running_above": "5"}, ("events", "running", 0.0, [])),
            ({"running_above": "2.5", "running_statuses": ["online"]}, ("metric", "running", 2.5, [])),
            ({"running_above": ""}, ("metric", "running", 0.0, [])),
        ],
    )
    def test_only_what_was_chosen_counts(self, client, tess, change, kept):
        client.post(of(make_device()), {**PROFILE, **change})

        profile = MachineProfile.objects.get()
        assert (
            profile.running_by,
            profile.running_metric,
            profile.running_above,
            profile.running_statuses,
        ) == kept

    @pytest.mark.parametrize(
        ("by", "kept"), [("reject", ("", "count")), ("good", ("count", "")), ("", ("", ""))]
    )
    def test_quality_is_told_by_one_counter_or_by_none(self, client, tess, by, kept):
        client.post(of(make_device()), {**PROFILE, "quality_by": by, "quality_metric": "count"})

        profile = MachineProfile.objects.get()
        assert (profile.good_metric, profile.reject_metric) == kept

    @pytest.mark.parametrize(
        ("change", "field", "reason"),
        [
            ({"ideal_cycle_seconds": ""}, "ideal_cycle_seconds", "This field is required."),
            ({"ideal_cycle_seconds": "0"}, "ideal_cycle_seconds", "Must be from 0.001 s"),
            ({"ideal_cycle_seconds": "nan"}, "ideal_cycle_seconds", "Enter a number."),
            ({"ideal_cycle_seconds": "604801"}, "ideal_cycle_seconds", "Must be from 0.001 s to a week"),
            ({"total_metric": ""}, "total_metric", "This field is required."),
            ({"total_metric": "Parts!"}, "total_metric", "Is no metric name"),
            ({"total_metric": "temperature"}, "total_metric", "Temperature is declared as a gauge"),
            ({"total_metric": "rejects"}, "total_metric", "Counts all pieces"),
            ({"quality_metric": ""}, "quality_metric", "Name it, or choose"),
            ({"quality_metric": "9"}, "quality_metric", "Is no metric name"),
            ({"quality_metric": "power"}, "quality_metric", "Power is declared as a gauge"),
            ({"quality_by": "good", "quality_metric": "rpm"}, "quality_metric", "Rpm is declared as a gauge"),
            ({"running_by": "sometimes"}, "running_by", "Select a valid choice."),
            ({"running_metric": ""}, "running_metric", "Say which metric tells"),
            ({"running_by": "events", "running_metric": "No"}, "running_metric", "Is no metric name"),
            ({"running_by": "status"}, "running_statuses", "Name at least one status"),
            (
                {"running_by": "status", "running_statuses": ["offline"]},
                "running_statuses",
                "Select a valid choice.",
            ),
            ({"micro_stop_seconds": "301"}, "micro_stop_seconds", "Ensure this value is less than"),
        ],
    )
    def test_what_cannot_be_meant_is_said_at_its_field(self, client, tess, change, field, reason):
        device = make_device()

        answer = client.post(of(device), {**PROFILE, **change})

        errors = answer.context["profile_form"].errors
        assert (answer.status_code, list(errors)) == (422, [field])
        assert errors[field][0].startswith(reason)
        assert f'id="id_{field}_error"' in answer.text
        assert not MachineProfile.objects.exists()

    def test_the_form_shows_what_is_there_and_what_the_device_reports(self, client, tess):
        device = make_machine(
            reject_metric="", good_metric="good", running_by="status", running_statuses=["online"]
        )
        store(device, (NOON, 12_331.0), metric="parts")

        page = client.get(of(device))

        shown = page.context["profile_form"]
        assert (shown["quality_by"].value(), shown["quality_metric"].value()) == ("good", "good")
        assert shown["running_statuses"].value() == ["online"]
        assert '<option value="parts">Parts, 12,331.00</option>' in page.text
        assert "40 pieces a minute" in words(page)

    def test_the_unit_of_the_level_stands_in_its_field(self, client, tess):
        device = make_machine(running_metric="power", running_above=1500.0)

        page = client.get(of(device)).text

        assert (
            'value="1500" step="any" aria-describedby="id_running_above_helptext" id="id_running_above">'
            in page
        )
        assert '<i aria-hidden="true">W</i>' in page

    def test_a_change_leaves_the_past_alone_unless_asked(self, client, tess):
        device = make_machine()
        form = client.get(of(device)).context["profile_form"]
        assert form["since"].value() == "today"

        with at_work(client, LATER):
            changed = {**PROFILE, "ideal_cycle_seconds": "2", "since": "today"}
            text = words(client.post(of(device), changed, follow=True))

        told = MachineProfile.objects.values_list("valid_from", "ideal_cycle_seconds")
        assert list(told) == [(0, 1.5), (ms(NOON.replace(hour=0)), 2.0)]
        assert "from today on." in text

    def test_today_begins_at_the_plants_midnight(self, client, tess, settings):
        device = make_machine()
        zone = ZoneInfo("Europe/Berlin")
        settings.PLANT_TIME_ZONE = zone.key

        with at_work(client, datetime(2026, 6, 1, 23, tzinfo=UTC)):
            client.post(of(device), {**PROFILE, "since": "today"})

        assert MachineProfile.objects.last().valid_from == ms(datetime(2026, 6, 2, tzinfo=zone))

    def test_a_change_holds_from_a_moment_on(self, client, tess):
        device = make_machine()

        client.post(of(device), {**PROFILE, "since": "moment", "since_at": "2026-06-01T11:30"})

        assert MachineProfile.objects.last().valid_from == ms(NOON - timedelta(minutes=30))

    def test_a_change_for_the_past_too_replaces_all_that_was_said(self, client, tess):
        device = make_machine()
        make_machine(device, valid_from=ms(NOON))

        answer = client.post(of(device), {**PROFILE, "since": "always"}, follow=True)

        assert MachineProfile.objects.get().valid_from == 0
        assert "for the past too." in words(answer)

    def test_what_was_said_for_later_is_named(self, client, tess):
        device = make_machine()
        make_machine(device, valid_from=ms(NOON))

        with at_work(client, LATER):
            form = client.get(of(device)).context["profile_form"]
            answer = client.post(of(device), {**PROFILE, "since": "today"}, follow=True)
            page = words(answer)

        assert form["since"].value() == "moment"  # today it began already, and a change is to be one of that
        assert "from today on, up to 12:00; from then on something else was said already." in page
        assert "What held when" in page

    @pytest.mark.parametrize(
        ("since_at", "reason"),
        [
            ("", "Say from which moment on."),
            ("soon", "Enter a valid date/time."),
            ("2100-01-01T00:00", "Is in the future"),
            ("0001-01-01T00:00", "Say a moment after 1970."),
            ("9999-12-31T23:59", "Is in the future"),
        ],
    )
    def test_a_moment_that_cannot_be_is_said_at_its_field(self, client, tess, since_at, reason):
        device = make_machine()

        answer = client.post(of(device), {**PROFILE, "since": "moment", "since_at": since_at})

        errors = answer.context["profile_form"].errors
        assert (answer.status_code, errors["since_at"]) == (422, [reason])
        assert MachineProfile.objects.count() == 1

    @pytest.mark.parametrize("profiles", [1, 3])
    def test_a_page_costs_the_same_for_any_number_of_profiles_and_products(
        self, client, tess, profiles, django_assert_num_queries
    ):
        device = make_machine()
        for number in range(profiles):
            make_machine(device, valid_from=ms(NOON) - number)
            make_group(devices=[device])
        set_products(device=device, products=[(f"P {n}", 1.0) for n in range(profiles)])
        for number in range(profiles):
            start_product(device=device, product=f"P {number}", start=ms(NOON) - number, at=NOON)

        look_at_rules()
        # the person, the device, profiles, products, what was made, groups (3), calendars, its own ones,
        # what it reports, the open count
        with django_assert_num_queries(12):
            assert client.get(of(device)).status_code == 200


class TestProducts:
    @pytest.fixture
    def press(self):
        return make_machine(make_device(name="Press 3"))

    def test_rows_come_and_go_without_being_saved(self, client, tess, press):
        two = client.post(of(press, "products"), products(("A", "1"), ("B", "2"), do="add-product"))
        one = client.post(of(press, "products"), products(("A", "1"), ("B", "x"), do="remove-product-0"))

        def shown(answer):
            rows = answer.context["products_form"].rows
            return [(row["name"].value(), row["ideal_cycle_seconds"].value()) for row in rows]

        assert (two.status_code, shown(two)) == (200, [("A", "1"), ("B", "2"), ("", "")])
        assert shown(one) == [("B", "x")]
        assert re.findall(r'<input[^>]*name="([^"]*)"[^>]* autofocus', two.text) == ["product-2-name"]
        assert not Product.objects.exists()

    def test_they_are_added_changed_and_removed(self, client, tess, press):
        set_products(device=press, products=[("A", 1.0), ("B", 2.0)])

        answer = client.post(of(press, "products"), products(("A", "1.25"), ("", ""), ("C", "3")))

        assert answer["Location"] == of(press)
        kept = Product.objects.order_by("name").values_list("name", "ideal_cycle_seconds")
        assert list(kept) == [("A", 1.25), ("C", 3.0)]

    @pytest.mark.parametrize(
        ("rows", "place", "field", "reason"),
        [
            ([("A", "1"), ("A", "2")], 1, "name", "Two products are called A"),
            ([("", ""), ("A", "0")], 1, "ideal_cycle_seconds", "Must be from 0.001 s"),
            ([("A", "")], 0, "ideal_cycle_seconds", "This field is required."),
            ([("", "1")], 0, "name", "This field is required."),
            ([("A", "fast")], 0, "ideal_cycle_seconds", "Enter a number."),
        ],
    )
    def test_what_cannot_be_is_said_in_its_row(self, client, tess, press, rows, place, field, reason):
        answer = client.post(of(press, "products"), products(*rows))

        form = answer.context["products_form"]
        assert answer.status_code == 422
        assert [dict(row.errors) != {} for row in form.rows] == [at == place for at in range(len(rows))]
        assert form.rows[place].errors[field][0].startswith(reason)
        assert f'href="#id_product-{place}-{field}"' in answer.text
        assert not Product.objects.exists()

    def test_one_that_was_made_already_is_not_removed(self, client, tess, press):
        set_products(device=press, products=[("A", 1.0)])
        start_product(device=press, product="A", start=ms(NOON), at=NOON)

        answer = client.post(of(press, "products"), products())

        assert answer.status_code == 422
        assert "A was made already. Leave it in, or change its cycle." in words(answer)
        assert Product.objects.count() == 1

    def test_too_many_are_refused(self, client, tess, press, monkeypatch):
        monkeypatch.setattr("analytics.services.machines.PRODUCTS_LIMIT", 1)

        answer = client.post(of(press, "products"), products(("A", "1"), ("B", "1")))

        assert "Products: at most 1" in words(answer)


class TestWhatItMakes:
    @pytest.fixture
    def press(self):
        device = make_machine(make_device(name="Press 3"))
        set_products(device=device, products=[("Flange 40", 2.0)])
        return device

    def test_what_was_started_by_mistake_is_taken_back_once(self, client, omar, press):
        start_product(device=press, product="Flange 40", start=ms(NOON), at=NOON)

        answers = [client.post(of(press, "take-back"), {"start": ms(NOON)}, follow=True) for _ in range(2)]

        assert "It is taken back: what was made before goes on." in words(answers[0])
        assert "That is taken back already." in words(answers[1])
        assert not ProductRun.objects.exists()
        set_products(device=press, products=[])  # and is not in use any more

    def test_a_viewer_takes_nothing_back(self, client, mira, press):
        start_product(device=press, product="Flange 40", start=ms(NOON), at=NOON)

        assert client.post(of(press, "take-back"), {"start": ms(NOON)}).status_code == 403
        assert ProductRun.objects.count() == 1

    def test_an_operator_starts_a_product_now(self, client, press):
        with at_work(client, LATER, role="operator"):
            answer = client.post(of(press, "start"), {"product": "Flange 40", "start": ""}, follow=True)

        run = ProductRun.objects.get()
        assert (run.product.name, run.start) == ("Flange 40", ms(LATER))
        assert "Press 3 makes Flange 40." in words(answer)
        assert "Flange 40 in 2 s a piece, since" in words(answer)

    def test_it_began_at_a_moment_and_goes_back_to_its_profile(self, client, omar, press):
        client.post(of(press, "start"), {"product": "Flange 40", "start": "2026-06-01T10:00"})
        client.post(of(press, "start"), {"product": "", "start": "2026-06-01T11:00"})

        runs = [(run.start, str(run.product)) for run in ProductRun.objects.order_by("start")]
        assert runs == [(ms(NOON) - 7_200_000, "Flange 40"), (ms(NOON) - 3_600_000, "None")]
        text = words(client.get(of(press)))
        assert "What its profile says, in 1.5 s a piece, since 1 Jun, 11:00 ." in text

    @pytest.mark.parametrize(
        ("sent", "field", "reason"),
        [
            ({"product": "Ring"}, "product", "Select a valid choice."),
            ({"product": "Flange 40", "start": "2100-01-01T00:00"}, "start", "Is in the future"),
            ({"product": "Flange 40", "start": "x"}, "start", "Enter a valid date/time."),
        ],
    )
    def test_what_cannot_be_is_said_at_its_field(self, client, omar, press, sent, field, reason):
        answer = client.post(of(press, "start"), sent)

        errors = answer.context["start_form"].errors
        assert (answer.status_code, list(errors)) == (422, [field])
        assert errors[field][0].startswith(reason)
        assert not ProductRun.objects.exists()


class TestTheEnd:
    def test_it_is_asked_with_its_name_and_then_done(self, client, tess):
        device = make_machine(make_device(name="Press 3"))
        set_products(device=device, products=[("A", 1.0)])

        asked = client.get(of(device, "delete"))
        answer = client.post(of(device, "delete"))

        assert "Is Press 3 no machine any more? Its profile and all that was worked out from it" in words(
            asked
        )
        assert "Delete the profile of Press 3" in words(asked)
        assert answer["Location"] == MACHINES
        assert (MachineProfile.objects.count(), Product.objects.count()) == (0, 0)

    def test_what_is_none_is_not_found(self, client, tess):
        device = make_device()

        assert client.get(of(device, "delete")).status_code == 404
        assert client.post(of(device, "delete")).status_code == 404


class TestWhoMay:
    def test_each_role_does_only_what_it_may(self, client):
        device = make_machine()
        set_products(device=device, products=[("A", 1.0)])
        other = make_device()
        paths = {
            of(other): PROFILE,
            of(device, "products"): products(("A", "1")),
            of(device, "start"): {"product": "A"},
            of(device, "delete"): {},
        }
        may = {}
        for role in ROLES:
            sign_in(client, make_user(role=role))
            page = client.get(of(device)).text
            shown = [word in page for word in ("/products", "/start", "/delete")]
            may[role] = (shown, [client.post(path, form).status_code != 403 for path, form in paths.items()])
            make_machine(device)  # again, for the next one
            set_products(device=device, products=[("A", 1.0)])

        assert may == {
            "user": ([False] * 3, [False] * 4),
            "operator": ([False, True, False], [False, False, True, False]),
            "technician": ([True] * 3, [True] * 4),
            "admin": ([True] * 3, [True] * 4),
        }

    def test_a_viewer_reads_what_it_is(self, client, mira):
        device = make_machine(make_device(name="Press 3"))

        text = words(client.get(of(device)))

        assert "Ideal cycle 1.5 s, 40 pieces a minute All pieces parts Quality rejects: rejects" in text
        assert "It has no products with cycles of their own." in text
        assert "Save" not in text

    def test_a_viewer_reads_that_it_is_none(self, client, mira):
        assert "is no machine yet. Technicians set it up." in words(client.get(of(make_device())))

    def test_a_stranger_is_led_to_the_sign_in(self, client):
        device = make_machine()

        for path in (MACHINES, of(device), of(device, "delete")):
            assert client.get(path)["Location"] == f"/sign-in?next={path}"
        assert client.post(of(device), PROFILE).status_code == 302
        assert MachineProfile.objects.count() == 1

    @pytest.mark.parametrize("way", ["", "products", "start", "delete"])
    def test_an_unknown_device_is_not_found(self, client, boss, way):
        assert client.post(f"{MACHINES}99/{way}", {}).status_code == 404

    def test_names_are_text(self, client, tess):
        device = make_machine(make_device(name=NASTY, zone=NASTY))
        make_group(name=NASTY, devices=[device])
        set_products(device=device, products=[(NASTY, 1.0)])
        start_product(device=device, product=NASTY, start=ms(NOON), at=NOON)

        for path in (MACHINES, of(device), of(device, "delete")):
            assert NASTY not in client.get(path).text
