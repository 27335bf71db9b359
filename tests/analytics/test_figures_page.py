from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from analytics import figures as verdicts
from analytics.pages.figures import _since
from tests.alerts.outbox import raise_trouble
from tests.analytics.looking import make_alert, words
from tests.builders import make_device

pytestmark = pytest.mark.django_db


def test_each_figure_has_its_target_and_a_plain_word(client, mira):
    make_alert()

    text = words(client.get("/alerts/figures/?period=24h"))

    assert "alerts per operator and day: manageable." in text
    for figure in (
        "Busiest ten minutes 1 no flood,",
        "Target: more than 10 are a flood",
        "Time in flood 0 % never Target: never",
        "Stale now 0 none Target: none, at most four",
        "Chattering 0 none Target: none",
        "Share of the worst ten 100 % too few alerts to say Target: 5 % or less",
        "Mean time to acknowledge – 0 of 1",
        "Critical 1 100 % under 5 %",
        "too many critical",
    ):
        assert figure in text
    assert "Press 3 Temperature 1 100 % 1" in text


def test_a_quiet_plant_has_no_alarm_at_all(client, mira):
    text = words(client.get("/alerts/figures/"))

    assert "No alert in this time." in text
    assert "Nothing opened in this time." in text


def test_the_period_and_the_operators_stand_in_the_address(client, mira):
    make_alert()

    def asked(query: str) -> tuple[str, int]:
        page = client.get(f"/alerts/figures/{query}")
        return page.context["period"], page.context["f"].operators

    assert asked("") == ("7d", 1)
    assert asked("?period=30d&operators=4") == ("30d", 4)
    assert asked("?period=nonsense&operators=nonsense") == ("7d", 1)
    assert asked("?operators=0") == ("7d", 1)
    assert asked("?operators=99999") == ("7d", 999)
    assert asked("?operators=-3") == ("7d", 1)


def test_the_course_is_a_picture_and_a_table(client, mira):
    for _ in range(3):
        make_alert(make_device())

    page = client.get("/alerts/figures/?period=24h")

    columns = page.context["chart"].columns
    assert sum(column.activations for column in columns) == 3
    assert page.content.decode().count('class="column"') == len(columns) == 24
    tallest = max(columns, key=lambda column: column.height)
    assert (tallest.y, tallest.height) == (0.0, 100.0)
    assert words(page).count(":00 ") >= 24


def test_a_bound_is_drawn_where_it_fits(client, mira):
    for _ in range(101):
        raise_trouble(at=timezone.now())

    page = client.get("/alerts/figures/?period=7d")

    assert page.context["chart"].bounds == [(0.0, 150, "manageable")]
    assert "dashed: 150, manageable" in words(page)
    assert client.get("/alerts/figures/?period=24h").context["chart"].bounds == []


def test_periods_are_whole_hours_and_days_of_the_plants_clock():
    at = datetime(2026, 3, 30, 10, 17, tzinfo=UTC)
    with timezone.override(ZoneInfo("Europe/Berlin")):
        starts = [_since(period, at).isoformat() for period in ("24h", "7d", "30d")]

    assert starts == ["2026-03-29T13:00:00+02:00", "2026-03-24T00:00:00+01:00", "2026-03-01T00:00:00+01:00"]


@pytest.mark.parametrize(
    ("verdict", "word", "is_well"),
    [
        (verdicts.of_rate(150), "manageable", True),
        (verdicts.of_rate(150.1), "more than is manageable", False),
        (verdicts.of_rate(300), "more than is manageable", False),
        (verdicts.of_rate(300.1), "too many", False),
        (verdicts.of_busiest(10), "no flood", True),
        (verdicts.of_busiest(11), "a flood", False),
        (verdicts.of_flood(0.0), "never", True),
        (verdicts.of_flood(0.001), "too often", False),
        (verdicts.of_stale(0), "none", True),
        (verdicts.of_stale(4), "a few", True),
        (verdicts.of_stale(5), "too many", False),
        (verdicts.of_chattering(0), "none", True),
        (verdicts.of_chattering(1), "to be mended", False),
        (verdicts.of_worst(0.9, 199), "too few alerts to say", True),
        (verdicts.of_worst(0.05, 200), "spread", True),
        (verdicts.of_worst(0.06, 200), "a few make most of it", False),
        (verdicts.of_severities({"critical": 0, "warning": 0, "info": 0}), "no alerts", True),
        (verdicts.of_severities({"critical": 4, "warning": 16, "info": 80}), "as it should be", True),
        (verdicts.of_severities({"critical": 5, "warning": 15, "info": 80}), "too many critical", False),
        (verdicts.of_severities({"critical": 1, "warning": 60, "info": 39}), "too few low ones", False),
    ],
)
def test_a_word_for_each_figure(verdict, word, is_well):
    assert (verdict.word, verdict.is_well) == (word, is_well)
