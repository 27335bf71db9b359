"""The figures of the alarm system held against brute force, and against their definitions."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.load import bars_between, load_of
from alerts.models import Alert
from alerts.queries.figures import alarm_figures
from alerts.services.handling import acknowledge_alert, resolve_alert, shelve_alert
from alerts.services.lifecycle import change_severity, open_alert
from factory.errors import InvalidInput
from tests.builders import NOON, make_device, make_user

SECOND, MINUTE, HOUR, DAY = (timedelta(seconds=n) for n in (1, 60, 3600, 86_400))
END = NOON + DAY
TEN = timedelta(minutes=10)

# Few different moments, so that they meet, and windows' borders are hit.
MOMENTS = st.one_of(
    st.integers(0, 30).map(lambda n: NOON + n * 20 * SECOND),
    st.integers(0, 143).map(lambda n: NOON + n * TEN),
    st.integers(0, 86_399_999).map(lambda n: NOON + timedelta(milliseconds=n)),
    st.sampled_from([NOON, NOON + TEN - timedelta(microseconds=1), NOON + MINUTE, END - SECOND]),
)
ACTIVATIONS = st.lists(
    st.tuples(MOMENTS, st.sampled_from("abc"), st.sampled_from(["critical", "warning", "info"])), max_size=80
).map(sorted)


@given(ACTIVATIONS)
def test_windows_and_floods_are_what_counting_each_window_says(activations):
    load = load_of(activations)

    per_window = [
        sum(NOON + n * TEN <= at < NOON + (n + 1) * TEN for at, _, _ in activations) for n in range(144)
    ]
    assert sum(load.windows.values()) == load.activations == len(activations)
    assert (load.busiest[1] if load.busiest else 0) == max(per_window)
    if activations:
        assert load.busiest[0] == NOON + per_window.index(max(per_window)) * TEN
    assert load.flood_time(NOON, END) == TEN * sum(count > 10 for count in per_window)


@given(ACTIVATIONS)
def test_what_chatters_is_what_trying_every_minute_says(activations):
    load = load_of(activations)

    most = {}
    for key in {key for _, key, _ in activations}:
        times = [at for at, its, _ in activations if its == key]
        most[key] = max(sum(begin <= at < begin + MINUTE for at in times) for begin in times)
    assert dict(load.most_in_a_minute) == most
    assert dict(load.chattering) == {key: count for key, count in most.items() if count >= 3}
    assert [count for _, count in load.chattering] == sorted(dict(load.chattering).values(), reverse=True)


@given(ACTIVATIONS, st.integers(1, 3))
def test_the_worst_are_those_that_opened_most_often(activations, count):
    load = load_of(activations)

    everything = Counter(key for _, key, _ in activations)
    assert dict(load.keys) == everything
    assert dict(load.severities) == Counter(severity for _, _, severity in activations)
    assert [n for _, n in load.worst(count)] == [n for _, n in everything.most_common(count)]


def test_a_flood_at_the_edge_of_a_period_counts_for_its_part_only():
    load = load_of([(NOON + TEN / 2, "a", "info")] * 11)

    assert load.flood_time(NOON + 4 * MINUTE, NOON + 7 * MINUTE) == 3 * MINUTE


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "Asia/Kolkata", "America/St_Johns"])
@given(
    start=st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 1), timezones=st.just(UTC)),
    hours=st.floats(0.1, 900),
)
def test_bars_lie_side_by_side_from_the_start_to_the_end(zone, start, hours):
    end = start + timedelta(hours=hours)

    bars = bars_between(start, end, ZoneInfo(zone))

    assert bars[0] == start
    assert all(one < other for one, other in pairwise([*bars, end]))
    for bar in bars[1:]:
        local = bar.astimezone(ZoneInfo(zone))
        assert (local.minute, local.second) == (0, 0)
        assert hours <= 48 or local.hour == 0
    longest = HOUR if hours <= 48 else 25 * HOUR
    assert all(other - one <= longest for one, other in pairwise([*bars, end]))


def test_the_days_of_a_clock_change_are_an_hour_shorter_and_longer():
    berlin = ZoneInfo("Europe/Berlin")

    spring = bars_between(datetime(2026, 3, 28, tzinfo=berlin), datetime(2026, 3, 31, tzinfo=berlin), berlin)
    autumn = bars_between(
        datetime(2026, 10, 24, tzinfo=berlin), datetime(2026, 10, 27, tzinfo=berlin), berlin
    )

    hours = [[(b.timestamp() - a.timestamp()) / 3600 for a, b in pairwise(days)] for days in (spring, autumn)]
    assert hours == [[24, 23], [24, 25]]


# From the database


def opened(at: datetime, *, key: str = "k", severity: str = "warning", **about: object) -> Alert:
    """An alert that is over again at once, so that the next with this key can open."""
    alert = open_alert(
        open_key=key, type="system_error", severity=severity, message="Broken", at=at, started_at=at, **about
    )
    Alert.objects.filter(pk=alert.pk).update(open_key=None, status="resolved", resolved_at=at + SECOND)
    return alert


@pytest.mark.django_db
def test_the_rate_is_per_operator_and_day():
    for hour in range(12):
        opened(NOON + hour * HOUR)
    opened(NOON - SECOND)
    opened(END)

    one, four = (alarm_figures(start=NOON, end=END, operators=n) for n in (1, 4))
    half = alarm_figures(start=NOON, end=NOON + 12 * HOUR)

    assert (one.activations, one.per_operator_day) == (12, 12.0)
    assert four.per_operator_day == 3.0
    assert half.per_operator_day == 24.0


@pytest.mark.django_db
def test_becoming_worse_is_no_second_alert():
    open_alert(
        open_key="k", type="system_error", severity="warning", message="Broken", at=NOON, started_at=NOON
    )
    change_severity(open_key="k", severity="critical", at=NOON + MINUTE)

    figures = alarm_figures(start=NOON, end=END)

    assert figures.activations == 1
    assert figures.severities == {"critical": 0, "warning": 1, "info": 0}


@pytest.mark.django_db
def test_the_busiest_ten_minutes_and_the_share_of_floods():
    for second in range(11):
        opened(NOON + HOUR + second * SECOND, key=f"k{second}")
    for second in range(10):
        opened(NOON + 3 * HOUR + second * SECOND, key=f"k{second}")

    figures = alarm_figures(start=NOON, end=END)

    assert (figures.busiest_at, figures.busiest) == (NOON + HOUR, 11)
    assert figures.flood_share == pytest.approx(1 / 144)


@pytest.mark.django_db
def test_the_worst_ten_have_their_share_and_the_newest_alert_about_them():
    press = make_device(name="Press 3")
    for n in range(12):
        for _ in range(n + 1):
            newest = opened(NOON, key=f"k{n:02}", device_id=press.pk)

    figures = alarm_figures(start=NOON, end=END)

    assert [one.key for one in figures.worst] == [f"k{n:02}" for n in range(11, 1, -1)]
    assert figures.worst[0].alert == newest
    assert figures.worst[0].alert.device.name == "Press 3"
    assert figures.worst[0].share == pytest.approx(12 / 78)
    assert figures.worst_share == pytest.approx(75 / 78)


@pytest.mark.django_db
def test_what_chatters_is_named():
    for second in (0, 29, 59):
        opened(NOON + second * SECOND, key="chatters")
    for second in (0, 30, 60):
        opened(NOON + second * SECOND, key="nearly")

    figures = alarm_figures(start=NOON, end=END)

    assert figures.chattering == 1
    assert [(one.key, one.most_in_a_minute) for one in figures.chatterers] == [("chatters", 3)]


@pytest.mark.django_db
def test_stale_is_what_was_open_for_over_a_day_when_the_period_ended():
    omar = make_user(role="operator")

    def stands_open(key: str, at: datetime) -> Alert:
        return open_alert(
            open_key=key, type="system_error", severity="info", message=key, at=at, started_at=at
        )

    stale = stands_open("stale", END - DAY - SECOND)
    stands_open("not yet", END - DAY)
    shelved = stands_open("shelved", END - 3 * DAY)
    shelve_alert(alert=shelved, by=omar, at=NOON, reason="x", lasting=HOUR)
    acknowledged = stands_open("acknowledged", END - 2 * DAY)
    acknowledge_alert(alert=acknowledged, by=omar, at=NOON)
    then = stands_open("resolved since", END - 5 * DAY)
    resolve_alert(alert=then, by=omar, at=END + HOUR)
    resolve_alert(alert=stands_open("resolved before", END - 5 * DAY), by=omar, at=END - HOUR)

    figures = alarm_figures(start=NOON, end=END)

    assert figures.stale == 4
    assert figures.stale_alerts == [then, shelved, acknowledged, stale]


@pytest.mark.django_db
def test_mean_times_are_of_those_opened_in_the_period():
    omar = make_user(role="operator")
    for n, minutes in enumerate((2, 4)):
        alert = open_alert(
            open_key=f"k{n}", type="system_error", severity="info", message="x", at=NOON, started_at=NOON
        )
        acknowledge_alert(alert=alert, by=omar, at=NOON + minutes * MINUTE)
        resolve_alert(alert=alert, by=omar, at=NOON + 10 * minutes * MINUTE)
    open_alert(open_key="open", type="system_error", severity="info", message="x", at=NOON, started_at=NOON)
    before = open_alert(
        open_key="before", type="system_error", severity="info", message="x", at=NOON - DAY, started_at=NOON
    )
    acknowledge_alert(alert=before, by=omar, at=NOON)

    figures = alarm_figures(start=NOON, end=END)

    assert (figures.acknowledged, figures.mean_seconds_to_acknowledge) == (2, 180.0)
    assert (figures.resolved, figures.mean_seconds_to_resolve) == (2, 1800.0)


@pytest.mark.django_db
def test_the_course_has_every_alert_in_its_hour_or_day():
    for minutes in (0, 59, 60, 180):
        opened(NOON + minutes * MINUTE)

    hours = alarm_figures(start=NOON, end=END).course
    days = alarm_figures(start=NOON - 2 * DAY, end=NOON + DAY).course

    assert [(bar.start, bar.activations) for bar in hours[:4]] == [
        (NOON, 2),
        (NOON + HOUR, 1),
        (NOON + 2 * HOUR, 0),
        (NOON + 3 * HOUR, 1),
    ]
    assert len(hours) == 24
    assert [(bar.start.hour, bar.activations) for bar in days] == [(12, 0), (0, 0), (0, 4), (0, 0)]


@pytest.mark.django_db
def test_a_quiet_plant_has_figures_too():
    figures = alarm_figures(start=NOON, end=END)

    assert (figures.activations, figures.busiest, figures.busiest_at, figures.flood_share) == (
        0,
        0,
        None,
        0.0,
    )
    assert (figures.worst, figures.worst_share, figures.mean_seconds_to_acknowledge) == ([], 0, None)


@pytest.mark.parametrize(
    ("start", "end", "operators", "field"),
    [
        (NOON, NOON, 1, "endTime"),
        (END, NOON, 1, "endTime"),
        (NOON, NOON + timedelta(days=367), 1, "endTime"),
        (NOON, END, 0, "operators"),
    ],
)
def test_a_period_that_cannot_be_meant_is_refused(start, end, operators, field):
    with pytest.raises(InvalidInput) as refusal:
        alarm_figures(start=start, end=end, operators=operators)

    assert list(refusal.value.fields) == [field]


@pytest.mark.django_db
@pytest.mark.parametrize("alerts", [1, 3])
def test_the_figures_cost_the_same_for_any_number_of_alerts(alerts, django_assert_num_queries):
    for n in range(alerts):
        opened(NOON, key=f"k{n}", device_id=make_device().pk)
        open_alert(
            open_key=f"old{n}", type="system_error", severity="info", message="x", at=NOON - DAY,
            started_at=NOON, device_id=make_device().pk,
        )  # fmt: skip

    with django_assert_num_queries(6):
        figures = alarm_figures(start=NOON, end=END)
        assert len({one.alert.device.name for one in figures.worst}) == alerts
    assert figures.stale == alerts
