"""Delays that run out without another message, and the order in which readings come."""

from datetime import timedelta

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alerts.models import Alert, ConditionState, Delivery
from alerts.rules import NORMAL, Level, Rule, elapse, judge
from alerts.services.handling import resolve_alert
from alerts.services.judging import judge_what_is_due
from alerts.services.thresholds import edit_threshold
from tests.builders import NOON, make_device, make_threshold, make_user, store

pytestmark = pytest.mark.django_db
MINUTE, SECOND = timedelta(minutes=1), timedelta(seconds=1)


def spans():
    return list(Alert.objects.order_by("pk").values_list("status", "started_at", "ended_at"))


def test_an_on_delay_fires_without_another_reading_and_once(settings):
    settings.ALERT_EMAIL = "shift@example.com"
    device = make_device()
    make_threshold(device, max_value=90.0, hold_seconds=600)
    store(device, (NOON, 95))

    assert judge_what_is_due(at=NOON + 10 * MINUTE - SECOND) == 0
    assert judge_what_is_due(at=NOON + 10 * MINUTE) == 1
    assert judge_what_is_due(at=NOON + 11 * MINUTE) == 0

    assert spans() == [("active", NOON + 10 * MINUTE, None)]
    assert Alert.objects.get().message == "Temperature 95 °C, over the limit of 90 °C"
    assert Delivery.objects.count() == 1


def test_an_off_delay_ends_the_alert_without_another_reading():
    device = make_device()
    make_threshold(device, max_value=90.0, clear_seconds=300)
    store(device, (NOON, 95), (NOON + MINUTE, 80))

    judge_what_is_due(at=NOON + 6 * MINUTE)

    assert spans() == [("resolved", NOON, NOON + 6 * MINUTE)]
    assert ConditionState.objects.count() == 0


def test_the_next_reading_finds_a_delay_that_ran_out_while_no_worker_was_there():
    device = make_device()
    make_threshold(device, max_value=90.0, hold_seconds=600)
    store(device, (NOON, 95))

    store(device, (NOON + 30 * MINUTE, 80))

    assert spans() == [("resolved", NOON + 10 * MINUTE, NOON + 30 * MINUTE)]
    assert list(Alert.objects.values_list("late", flat=True)) == [
        False
    ]  # the readings were not late, we were


def test_a_clock_that_is_ahead_or_behind_gets_its_whole_delay():
    ahead, behind = make_device(), make_device()
    for device in (ahead, behind):
        make_threshold(device, max_value=90.0, hold_seconds=60)
    store(ahead, (NOON + 4 * MINUTE, 95), received=NOON)
    store(behind, (NOON - 4 * MINUTE, 95), received=NOON)

    assert judge_what_is_due(at=NOON + 59 * SECOND) == 0
    assert judge_what_is_due(at=NOON + 60 * SECOND) == 2
    assert sorted(Alert.objects.values_list("started_at", flat=True)) == [
        NOON - 3 * MINUTE,
        NOON + 5 * MINUTE,
    ]


def test_a_breach_resolved_by_hand_while_it_clears_stays_as_the_person_left_it():
    device = make_device()
    make_threshold(device, max_value=90.0, clear_seconds=300)
    store(device, (NOON, 95), (NOON + MINUTE, 80))
    resolve_alert(alert=Alert.objects.get(), by=make_user(role="operator"), at=NOON + 2 * MINUTE)

    judge_what_is_due(at=NOON + 10 * MINUTE)

    assert spans() == [("resolved", NOON, None)]


def test_an_end_never_lies_before_its_beginning():
    """The worker let the delay run out; a reading of a slower clock arrives a moment later."""
    device = make_device()
    make_threshold(device, max_value=90.0, hold_seconds=60)
    store(device, (NOON, 95))
    judge_what_is_due(at=NOON + 60 * SECOND)

    store(device, (NOON + 58 * SECOND, 80), received=NOON + 61 * SECOND)

    assert spans() == [("resolved", NOON + 60 * SECOND, NOON + 60 * SECOND)]


class TestRulesChangedWhileADelayRuns:
    """A delay goes on only if the value it is about says so under the new rule too."""

    def test_what_is_no_breach_any_more_raises_nothing(self):
        device = make_device()
        threshold = make_threshold(device, max_value=90.0, hold_seconds=60)
        store(device, (NOON, 95))

        edit_threshold(threshold=threshold, at=NOON, max_value=100.0)
        judge_what_is_due(at=NOON + 2 * MINUTE)
        store(device, (NOON + 3 * MINUTE, 95))

        assert spans() == []
        assert ConditionState.objects.count() == 0

    def test_a_narrower_rule_that_takes_over_counts(self):
        device = make_device(type="sensor")
        make_threshold(device_type="sensor", max_value=90.0, hold_seconds=60)
        store(device, (NOON, 95))

        make_threshold(device, max_value=100.0)
        store(device, (NOON + 2 * MINUTE, 95))

        assert spans() == []

    def test_what_is_a_breach_by_now_does_not_clear(self):
        device = make_device()
        threshold = make_threshold(device, max_value=90.0, clear_seconds=60)
        store(device, (NOON, 95), (NOON + MINUTE, 85))

        edit_threshold(threshold=threshold, at=NOON + MINUTE, max_value=80.0)
        judge_what_is_due(at=NOON + 5 * MINUTE)

        assert spans() == [("active", NOON, None)]


def test_a_turn_with_nothing_due_asks_two_questions(django_assert_num_queries):
    device = make_device()
    make_threshold(device, max_value=90.0)
    store(device, (NOON, 95))
    judge_what_is_due(at=NOON)

    with django_assert_num_queries(2):  # the edition, what waits
        judge_what_is_due(at=NOON + MINUTE)


RULE = Rule(id=1, warning_max=90.0, max_value=100.0, hysteresis=2.0, hold_ms=180_000, clear_ms=120_000)
DAY = st.lists(st.sampled_from([80.0, 89.0, 95.0, 99.0, 105.0]), min_size=3, max_size=24)


def intervals(readings):
    """(start, end) in minutes of every time the pure judge saw trouble, by the readings in order."""
    condition, found, start = NORMAL, [], None
    for minute, value in readings:
        at = minute * 60_000
        steps = list(elapse(RULE, condition, at))
        after = judge(RULE, steps[-1][0] if steps else condition, value, at)
        for condition, moment in [*steps, (after, at)]:
            if start is None and condition.level is not Level.NORMAL:
                start = moment / 60_000
            elif start is not None and condition.level is Level.NORMAL:
                found.append((start, moment / 60_000))
                start = None
    return found + ([(start, None)] if start is not None else [])


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(values=DAY, data=st.data())
def test_a_shuffled_day_gives_the_intervals_of_what_was_not_older_than_the_last_judged(values, data):
    """In one transaction any order is the same. Across transactions a reading that comes after a newer one
    was judged is stored and changes nothing: the intervals are those of the others, in order."""
    day = [(minute * 2, value) for minute, value in enumerate(values)]
    shuffled = data.draw(st.permutations(day))
    cuts = sorted(data.draw(st.sets(st.integers(1, len(day)), max_size=4)) | {len(day)})
    batches, begin = [], 0
    for cut in cuts:
        batches.append(shuffled[begin:cut])
        begin = cut
    newest, judged = -1, []
    for batch in batches:
        judged += [reading for reading in sorted(batch) if reading[0] > newest]
        newest = max(newest, *(minute for minute, _ in batch))

    with transaction.atomic():
        device = make_device()
        make_threshold(
            device, warning_max=90.0, max_value=100.0, hysteresis=2.0, hold_seconds=180, clear_seconds=120
        )
        for batch in batches:
            store(device, *((NOON + minute * MINUTE, value) for minute, value in batch))
        found = [
            ((start - NOON) / MINUTE, end and (end - NOON) / MINUTE)
            for start, end in Alert.objects.filter(device=device)
            .order_by("pk")
            .values_list("started_at", "ended_at")
        ]
        transaction.set_rollback(True)

    assert found == intervals(judged)
    if len(batches) == 1:
        assert found == intervals(day)
