"""The stops of a time, page by page."""

import re
from datetime import datetime
from html import unescape

import pytest
from django.utils import timezone

from analytics.models import StateInterval
from analytics.services.stops import set_stop_code
from devices.models import Device
from telemetry.batch import Sample
from telemetry.rules import rules
from telemetry.services import store_readings
from tests.analytics.looking import HTMX, words
from tests.analytics.machining import HOUR, MINUTE, midnight
from tests.analytics.setting_up import make_machine
from tests.analytics.standing import workers
from tests.builders import make_device, ms

pytestmark = pytest.mark.django_db

YESTERDAY = "?period=yesterday"
STOPPED = 65


@pytest.fixture
def restless():
    return stood(STOPPED)


def stood(times: int) -> Device:
    """A machine that stood so often yesterday, five minutes each, one every ten."""
    device = make_machine(make_device(name="Press 9", type="controller"), ideal_cycle_seconds=5.0)
    rules.keep(rules.declared())
    start = midnight(days_ago=1) + 6 * HOUR
    samples = [
        Sample(device.pk, start + 5 * n * MINUTE, {"running": float(n % 2 == 0), "parts": 10.0 * n})
        for n in range(2 * times + 1)
    ]
    store_readings(samples=samples, received_at=ms(timezone.now()))
    workers()
    set_stop_code(code="jam", label="Jam", planned=False)
    return device


def shown(response) -> list[datetime]:
    return [stop["start_time"] for stop in response.context["stops"]]


def test_every_stop_is_on_one_of_the_pages_and_the_page_says_which_these_are(client, omar, restless):
    pages = [client.get(f"/oee/{YESTERDAY}&page={number}") for number in (1, 2, 3)]

    starts = [start for page in pages for start in shown(page)]
    assert starts == sorted(set(starts), reverse=True)
    assert [len(shown(page)) for page in pages] == [30, 30, 5]
    assert "31 to 60 of 65, the newest first" in words(pages[1])
    assert "61 to 65 of 65, the newest first" in words(pages[2])
    assert pages[1].context["view"].downtime["total_stops"] == STOPPED


def test_going_on_keeps_whom_and_when_it_is_about_and_which_stops(client, omar, restless):
    path = f"/oee/{YESTERDAY}&device={restless.pk}&stops=open"

    content = unescape(client.get(f"{path}&page=2").content.decode())

    assert re.findall(r'rel="(?:prev|next)" href="([^"]+)"', content) == [
        f"?period=yesterday&device={restless.pk}&stops=open&page=1#stops",
        f"?period=yesterday&device={restless.pk}&stops=open&page=3#stops",
    ]
    # Other stops begin with their first page.
    assert f'href="?period=yesterday&device={restless.pk}#stops"' in content


@pytest.mark.parametrize(("number", "expected"), [("0", 30), ("4711", 5), ("9" * 30, 30), ("nonsense", 30)])
def test_a_page_that_is_not_there_is_the_nearest_one(client, mira, restless, number, expected):
    assert len(shown(client.get(f"/oee/{YESTERDAY}&page={number}"))) == expected


def test_only_those_without_a_reason_are_counted_where_only_they_are_shown(client, omar, restless):
    for stop in StateInterval.objects.filter(device=restless, state="stopped").order_by("start")[:10]:
        client.post(f"/oee/stops/{stop.pk}/reason", {"code": "jam"})

    response = client.get(f"/oee/{YESTERDAY}&stops=open&page=2")

    assert len(shown(response)) == 25
    assert "31 to 55 of 55, the newest first" in words(response)


def test_a_reason_is_given_on_the_second_page_too_and_one_comes_back_to_it(client, omar, restless):
    path = f"/oee/{YESTERDAY}&page=2"
    stop = client.get(path).context["stops"][4]
    said = {"code": "jam", "next": path}

    row = client.post(f"/oee/stops/{stop['id']}/reason", said, headers=HTMX)
    assert 'value="jam" selected' in row.content.decode()
    assert client.post(f"/oee/stops/{stop['id']}/reason", said)["Location"] == path
    assert client.get(path).context["stops"][4]["code"] == "jam"


def test_a_later_page_of_stops_costs_as_much_as_the_first(client, mira, restless, django_assert_num_queries):
    for number in (1, 3):
        rules.keep(rules.declared())
        with django_assert_num_queries(67):
            client.get(f"/oee/{YESTERDAY}&page={number}")


def test_what_fits_on_one_page_has_no_others(client, omar):
    stood(30)

    response = client.get(f"/oee/{YESTERDAY}")

    assert len(shown(response)) == 30
    assert 'aria-label="Pages"' not in response.content.decode()
