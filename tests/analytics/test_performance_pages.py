"""Pages about energy, OEE and performance: what they say, to whom, and the files they give."""

import csv
import io
import re
from datetime import UTC, date, datetime, timedelta
from urllib.parse import quote

import pytest
from django.utils import timezone

from analytics.models import StateInterval, StopReason
from analytics.periods import named_period
from analytics.plant_clock import plant_zone
from analytics.services.following import follow_machines
from analytics.services.meters import set_energy_price
from analytics.services.stops import set_stop_code
from analytics.templatetags.measured import oee_sentence
from telemetry.batch import Sample
from telemetry.rules import rules
from telemetry.services import store_readings
from telemetry.services.metrics import declare_metric
from telemetry.services.rollups import roll_up_due
from tests.analytics.looking import HTMX, NASTY, ROLES, words
from tests.analytics.setting_up import make_machine
from tests.builders import make_device, make_group, make_user, ms, sign_in

pytestmark = pytest.mark.django_db

MINUTE = 60_000
HOUR = 60 * MINUTE
PAGES = ("/performance/", "/energy/", "/oee/")
YESTERDAY = "?period=yesterday"


def yesterday() -> int:
    """Its midnight, ms."""
    day = timezone.localdate() - timedelta(days=1)
    return ms(datetime(day.year, day.month, day.day, tzinfo=UTC))


@pytest.fixture
def press():
    """A machine that runs yesterday from 6 to 14 but for a quarter of an hour at 9, and takes 4 kW."""
    declare_metric(key="power", unit="W", integration="hold", max_gap_seconds=900)
    rules.forget()
    device = make_machine(make_device(name="Press 3", type="controller"), ideal_cycle_seconds=5.0)
    rules.keep(rules.declared())
    start = yesterday()
    minutes = range(6 * 60, 14 * 60 + 1, 5)
    samples = [
        Sample(
            device.pk,
            start + minute * MINUTE,
            {
                "power": 4000.0,
                "running": float(not 9 * 60 <= minute < 9 * 60 + 15),
                "parts": 10.0 * (minute - 6 * 60),
                "rejects": 0.1 * (minute - 6 * 60),
            },
        )
        for minute in minutes
    ]
    store_readings(samples=samples, received_at=ms(timezone.now()))
    work()
    set_stop_code(code="jam", label="Jam", planned=False, failure=True)
    set_stop_code(code="cleaning", label="Cleaning", planned=True)
    return device


def work() -> None:
    roll_up_due()
    follow_machines(now=ms(timezone.now()))


def stop_of(device) -> StateInterval:
    return StateInterval.objects.get(device=device, state="stopped")


def rows_of(response) -> list[list[str]]:
    return list(csv.reader(io.StringIO(response.content.decode())))


# Who may


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("role", ROLES)
def test_whoever_may_sign_in_may_read(client, press, page, role):
    sign_in(client, make_user(role=role))

    assert client.get(page).status_code == 200


@pytest.mark.parametrize(
    "page", [*PAGES, "/energy/energy.csv", "/energy/energy.svg", "/oee/stops.csv", "/performance/energy.svg"]
)
def test_a_stranger_signs_in_first(client, press, page):
    response = client.get(page)

    assert (response.status_code, response["Location"]) == (302, f"/sign-in?next={quote(page)}")


@pytest.mark.parametrize("path", ["/oee/stops/{stop}/reason", "/oee/stops/new", "/oee/stops/{stop}/remove"])
def test_a_viewer_says_nothing_of_stops(client, mira, press, path):
    response = client.post(path.format(stop=stop_of(press).pk), {"code": "jam"})

    assert response.status_code == 403
    assert StopReason.objects.count() == 0


# What they say


def test_energy_says_first_how_much_it_was(client, mira, press):
    set_energy_price(per_kwh=0.25, currency="EUR")

    text = words(client.get(f"/energy/{YESTERDAY}"))

    assert "32.0 kWh yesterday." in text
    assert "Cost 8.00 EUR at 0.25 per kWh" in text
    assert "Peak, 15 minutes 4.00 kW" in text
    assert "Press 3 32.0 kWh 100 %" in text


def test_oee_says_first_how_good_it_was_and_what_was_lost(client, mira, press):
    response = client.get(f"/oee/{YESTERDAY}")

    metrics = response.context["metrics"]
    assert (metrics["run_seconds"], metrics["down_seconds"]) == (8 * 3600, 900)
    assert f"OEE {metrics['oee']:.1f} % yesterday; most was lost in time of which nothing is known." in words(
        response
    )


def test_performance_shows_both_what_fails_and_what_rings(client, mira, press):
    text = words(client.get(f"/performance/{YESTERDAY}"))

    assert "and 32.0 kWh yesterday." in text
    assert "Press 3 by stops 1 8 h 00 min 15 min" in text
    assert "No alert opened." in text


@pytest.mark.parametrize("page", PAGES)
def test_a_plant_without_machines_and_meters_is_told_what_to_do_next(client, tess, page):
    text = words(client.get(page))

    expected = {
        "/performance/": "Nothing measures energy here.",
        "/energy/": "Send one of them, and it is counted here from then on.",
        "/oee/": "Set up machines",
    }
    assert expected[page] in text


def test_of_a_group_or_a_device_alone(client, mira, press):
    group = make_group(name="Hall B", devices=[make_device()])

    assert "Hall B" in words(client.get(f"/energy/{YESTERDAY}&group={group.pk}"))
    assert "No energy is known of yesterday." in words(client.get(f"/energy/{YESTERDAY}&group={group.pk}"))
    assert "32.0 kWh yesterday." in words(client.get(f"/energy/{YESTERDAY}&device={press.pk}"))
    assert [
        row["label"] for row in client.get(f"/oee/{YESTERDAY}&device={press.pk}").context["view"].machines
    ] == ["Press 3"]


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("?device=4711", 404),
        ("?group=4711", 404),
        ("?device=nonsense&group=nonsense", 200),
        ("?period=nonsense", 200),
        ("?from=nonsense&to=2026-01-01", 200),
        ("?from=2026-02-01&to=2026-01-01", 200),
        ("?from=1971-01-01&to=2100-01-01", 200),
        ("?from=8999-12-31", 200),
        ("?metric=nonsense&by=nonsense&stops=nonsense", 200),
        ("?by=hour&period=year", 200),
    ],
)
def test_whatever_stands_in_the_address_is_answered(client, mira, press, page, query, status):
    assert client.get(f"{page}{query}").status_code == status


@pytest.mark.parametrize("page", PAGES)
def test_names_that_people_gave_are_text(client, mira, press, page):
    press.name = NASTY
    press.save()

    content = client.get(f"{page}{YESTERDAY}").content.decode()

    assert NASTY not in content
    assert "&lt;script&gt;" in content


@pytest.mark.parametrize(("page", "queries"), [("/performance/", 101), ("/energy/", 36), ("/oee/", 67)])
def test_a_page_costs_the_same_for_any_number_of_machines(
    client, mira, press, page, queries, django_assert_num_queries
):
    for number in (1, 3):
        while StateInterval.objects.values("device").distinct().count() < number:
            machine = make_machine(make_device(type="controller"), ideal_cycle_seconds=5.0)
            rules.keep(rules.declared())
            at = yesterday() + 6 * HOUR
            store_readings(
                samples=[
                    Sample(machine.pk, at + 5 * n * MINUTE, {"power": 1.0, "running": 1.0, "parts": 10.0 * n})
                    for n in range(13)
                ],
                received_at=ms(timezone.now()),
            )
            work()
        rules.keep(rules.declared())
        with django_assert_num_queries(queries):
            client.get(f"{page}{YESTERDAY}")


def test_most_may_be_lost_in_stops_of_which_nobody_said_why():
    lost = [{"kind": "down", "code": None, "label": "No reason given", "minutes": 90.0},
            {"kind": "down", "code": "jam", "label": "Jam", "minutes": 12.0}]  # fmt: skip
    metrics = {"flags": [], "oee": 71.4, "losses": lost}

    said = oee_sentence(metrics, named_period("7d", today=date(2026, 11, 28), zone=plant_zone())).replace(
        "\u00a0", " "
    )
    assert said == "OEE 71.4 % in the last seven days; most was lost in stops without a reason."


@pytest.mark.parametrize("page", PAGES)
def test_a_number_in_the_first_sentence_stays_with_its_unit(client, mira, press, page):
    sentence = re.search("<h1>(.*?)</h1>", client.get(f"{page}{YESTERDAY}").content.decode()).group(1)

    assert re.findall(r"[\d.] (?:kWh|%)", sentence) == []
    assert re.findall("[\\d.]\u00a0(?:kWh|%)", sentence) != []


# Files


def test_the_numbers_of_energy_are_had_as_a_table(client, mira, press):
    response = client.get(f"/energy/energy.csv{YESTERDAY}&by=hour")

    assert response["Content-Type"] == "text/csv; charset=utf-8; header=present"
    assert response["Content-Disposition"].startswith('attachment; filename="energy-')
    head, *rows = rows_of(response)
    assert head == ["from", "to", "energyKwh", "peakKw", "coverage", "flags", "cost", "currency"]
    assert len(rows) == 24
    assert sum(float(row[2]) for row in rows if row[2]) == pytest.approx(32.0)


@pytest.mark.parametrize("name", ["days", "machines", "lines", "shifts"])
def test_the_numbers_of_oee_are_had_as_tables(client, mira, press, name):
    make_group(name="Line 1", type="production_line", devices=[press])

    head, row = rows_of(client.get(f"/oee/{name}.csv{YESTERDAY}"))

    told = dict(zip(head, row, strict=True))
    assert (told["runSeconds"], told["total"]) == ("28800.0", "4800.0")


def test_all_stops_are_had_as_a_table(client, omar, press):
    client.post(f"/oee/stops/{stop_of(press).pk}/reason", {"code": "jam", "note": "=1+1"})

    head, row = rows_of(client.get(f"/oee/stops.csv{YESTERDAY}"))

    told = dict(zip(head, row, strict=True))
    assert (told["device"], told["seconds"], told["code"], told["note"]) == (
        "Press 3",
        "900.0",
        "jam",
        "'=1+1",
    )


@pytest.mark.parametrize(
    "path",
    [
        "/energy/energy.svg",
        "/energy/demand.svg",
        "/oee/levels.svg",
        "/oee/losses.svg",
        "/oee/states.svg",
        "/oee/reasons.svg",
        "/performance/energy.svg",
        "/performance/trend.svg",
    ],
)
def test_a_plot_is_had_as_a_file(client, mira, press, path):
    response = client.get(f"{path}{YESTERDAY}&metric=power")

    assert response["Content-Type"] == "image/svg+xml"
    assert response.content.startswith(b"<svg ")


@pytest.mark.parametrize("path", ["/energy/x.svg", "/oee/x.svg", "/oee/x.csv", "/performance/x.svg"])
def test_what_no_page_shows_is_no_file(client, mira, press, path):
    assert client.get(path).status_code == 404


# Stops


def test_an_operator_says_why_it_stood_and_the_row_says_so(client, omar, press):
    stop = stop_of(press)

    response = client.post(f"/oee/stops/{stop.pk}/reason", {"code": "jam", "note": "Sheet"}, headers=HTMX)

    assert response.status_code == 200
    assert 'value="jam" selected' in response.content.decode()
    assert "said by Omar" in words(response)
    assert "Press 3: Jam." in words(response)
    assert StopReason.objects.get().note == "Sheet"


def test_with_a_reason_the_count_of_those_without_one_follows(client, omar, press):
    stop = stop_of(press)
    page = f"/oee/{YESTERDAY}"
    before = int(re.search(r"Without a reason (\d+)", words(client.get(page))).group(1))

    form = {"code": "jam", "next": f"{page}&stops=open"}
    response = client.post(f"/oee/stops/{stop.pk}/reason", form, headers=HTMX)

    assert f"Without a reason {before - 1}" in words(response)
    assert 'id="stop-counts" hx-swap-oob="true"' in response.content.decode()
    assert f'href="{YESTERDAY}&amp;stops=open#stops" aria-current="true"' in response.content.decode()


@pytest.mark.parametrize("next_page", ["/", "/alerts/", "https://evil.example/oee/", ""])
def test_a_reason_that_is_given_elsewhere_brings_no_counts(client, omar, press, next_page):
    form = {"code": "jam", "next": next_page}
    response = client.post(f"/oee/stops/{stop_of(press).pk}/reason", form, headers=HTMX)

    assert (response.status_code, "stop-counts" in response.content.decode()) == (200, False)


@pytest.mark.parametrize(
    ("page", "said"),
    [
        ("/energy/", ("kWh gestern", "Energie nach Stunden", "Grundlast", "Spitze", "Als Tabelle")),
        ("/oee/", ("Verfügbarkeit", "Wo die Zeit blieb", "Warum Maschinen standen", "Ohne Grund")),
        ("/performance/", ("Was am häufigsten ausfällt", "Alles zur OEE", "kein Vergleich möglich")),
    ],
)
def test_the_pages_speak_german_and_write_numbers_as_german_does(client, mira, press, page, said):
    response = client.get(f"{page}{YESTERDAY}", headers={"accept-language": "de"})

    text = words(response).replace("\u00a0", " ")
    assert [each for each in said if each not in text] == []
    assert re.search(r"\d,\d (%|kWh)", text)
    assert not re.search(r"\d\.\d (%|kWh)", text)
    assert 'lang="de"' in response.content.decode()


def test_a_file_is_the_same_in_any_language(client, mira, press):
    files = {
        spoken: client.get(f"/energy/energy.csv{YESTERDAY}", headers={"accept-language": spoken}).content
        for spoken in ("en", "de")
    }
    assert files["en"] == files["de"]


def test_a_reason_is_taken_back(client, omar, press):
    path = f"/oee/stops/{stop_of(press).pk}/reason"
    client.post(path, {"code": "jam"})

    response = client.post(path, {"code": ""}, headers=HTMX)

    assert "Press 3: no reason any more." in words(response)
    assert StopReason.objects.count() == 0


def test_without_a_script_one_comes_back_to_the_page(client, omar, press):
    response = client.post(
        f"/oee/stops/{stop_of(press).pk}/reason", {"code": "jam", "next": "/oee/?period=7d"}
    )

    assert (response.status_code, response["Location"]) == (302, "/oee/?period=7d")


@pytest.mark.parametrize(
    ("form", "status"),
    [({"code": "unheard-of"}, 409), ({"code": "jam", "note": "x" * 301}, 422), ({"code": "x" * 65}, 422)],
)
def test_what_cannot_be_said_is_refused_in_words(client, omar, press, form, status):
    response = client.post(f"/oee/stops/{stop_of(press).pk}/reason", form, headers=HTMX)

    assert response.status_code == status
    assert StopReason.objects.count() == 0


def test_only_those_without_a_reason_are_shown_when_one_asks_for_them(client, omar, press):
    client.post(f"/oee/stops/{stop_of(press).pk}/reason", {"code": "jam"})

    assert [stop["code"] for stop in client.get(f"/oee/{YESTERDAY}").context["stops"]] == ["jam"]
    response = client.get(f"/oee/{YESTERDAY}&stops=open")
    assert response.context["stops"] == []
    assert "Every stop has its reason." in words(response)


def test_a_stop_that_no_machine_told_of_is_added_and_taken_back(client, omar, press):
    day = (timezone.localdate() - timedelta(days=1)).isoformat()
    form = {
        "device": press.pk,
        "starts_at": f"{day}T12:00",
        "ends_at": f"{day}T12:30",
        "code": "cleaning",
        "next": "/oee/",
    }
    assert client.post("/oee/stops/new", form)["Location"] == "/oee/"
    assert client.get(f"/oee/{YESTERDAY}").context["metrics"]["planned_stop_seconds"] == 1800

    added = StateInterval.objects.get(is_added=True)
    assert "added by Omar" in words(client.get(f"/oee/{YESTERDAY}"))
    client.post(f"/oee/stops/{added.pk}/remove")
    assert client.get(f"/oee/{YESTERDAY}").context["metrics"]["planned_stop_seconds"] == 0


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"device": ""}, "Choose a machine."),
        ({"device": "4711"}, "There is no device"),
        ({"starts_at": ""}, "Say from when on it stood."),
        ({"ends_at": "2020-01-01T00:00"}, "must be after its start"),
        ({"ends_at": "2090-01-01T00:00"}, "The stop's end must be at most a year"),
        ({"code": "unheard-of"}, "There is no stop code unheard-of."),
        ({"code": "old"}, "code: old is not used any more"),
    ],
)
def test_a_stop_that_cannot_be_is_refused_in_words(client, omar, press, change, said):
    set_stop_code(code="old", label="Old", planned=False, active=False)
    day = (timezone.localdate() - timedelta(days=1)).isoformat()
    form = {
        "device": press.pk,
        "starts_at": f"{day}T12:00",
        "ends_at": f"{day}T12:30",
        "code": "jam",
        "next": "/oee/",
        **change,
    }

    response = client.post("/oee/stops/new", form, follow=True)

    assert said in words(response)
    assert StateInterval.objects.filter(is_added=True).count() == 0


def test_what_a_machine_told_itself_is_not_removed(client, omar, press):
    response = client.post(f"/oee/stops/{stop_of(press).pk}/remove", {"next": "/oee/"}, follow=True)

    assert "The machine tells of this stop itself." in words(response)
    assert stop_of(press)


@pytest.mark.parametrize("path", PAGES)
def test_where_many_devices_are_meant_the_page_goes_out_before_its_figures(
    client, mira, press, monkeypatch, path
):
    monkeypatch.setattr("analytics.pages.later.AT_ONCE", 0)

    page = client.get(path + YESTERDAY)
    figures = client.get(path + YESTERDAY, headers={**HTMX, "HX-Target": "inside"})

    assert "Being worked out…" in words(page)
    assert f'hx-get="{path}{YESTERDAY}"' in page.text
    assert "yesterday" in words(page).lower()
    assert "Press 3" not in words(page)
    assert "Being worked out…" not in words(figures)
    assert words(figures) == words(client.get(path + YESTERDAY, headers={"HX-Target": "inside"}))


@pytest.mark.parametrize("path", PAGES)
def test_the_figures_of_one_device_are_in_its_page(client, mira, press, monkeypatch, path):
    monkeypatch.setattr("analytics.pages.later.AT_ONCE", 0)

    assert "Being worked out…" not in words(client.get(f"{path}{YESTERDAY}&device={press.pk}"))
