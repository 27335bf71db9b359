"""Many thresholds at once: just what was shown, by one of two, and followed by what is judged."""

import threading

import pytest
from django.db import connection

from alerts.models import Alert, Threshold, ThresholdChange
from alerts.rulebook import current_edition
from alerts.scopes import Scope
from alerts.services.judging import judge_what_is_due
from alerts.services.revisions import (
    MOST_STEPS,
    RevisionStale,
    RevisionTooLarge,
    carry_out,
    packed,
    revise,
    unpacked,
)
from alerts.services.thresholds import (
    ThresholdTaken,
    delete_thresholds,
    edit_threshold,
    put_thresholds,
)
from devices.queries import DeviceUnknown
from factory.errors import InvalidInput
from factory.retrying import again_after_deadlock
from grouping.queries import GroupUnknown
from tests.builders import NOON, make_device, make_group, make_threshold, make_user, store

pytestmark = pytest.mark.django_db


def statuses():
    return list(Alert.objects.order_by("pk").values_list("status", flat=True))


def test_a_revision_is_kept_and_opened_again_as_it_was():
    device, group = make_device(), make_group()
    make_threshold(device, max_value=0.1, hysteresis=1e-9)
    wanted = [
        (Scope(device=device), "temperature", {"max_value": 1e300, "warning_max": None}),
        (Scope(group=group), "power", {"min_value": -5.0}),
        (Scope(device_type="gateway"), "rpm", {"max_value": 5.0, "enabled": False}),
    ]

    steps = revise(wanted)

    assert unpacked(packed(steps)) == steps
    assert [step.is_new for step in steps] == [False, True, True]
    assert steps[0].differences == {"max_value": (0.1, 1e300)}


def test_what_a_kept_revision_is_for_may_be_gone():
    device, group = make_device(), make_group()
    kept = [
        packed(revise([(scope, "power", {"max_value": 1.0})]))
        for scope in (Scope(device=device), Scope(group=group))
    ]
    names = [f"Device {device.pk}", f"Group {group.pk}"]
    device.delete()
    group.delete()

    for rows, name in zip(kept, names, strict=True):
        with pytest.raises(RevisionStale, match=f"{name} was deleted since it was shown"):
            unpacked(rows)


def test_a_revision_has_a_size_that_people_can_look_through():
    wanted = [(Scope(device_type="sensor"), f"m{number}", {}) for number in range(MOST_STEPS + 1)]

    with pytest.raises(RevisionTooLarge, match="at most 10000 at once"):
        revise(wanted)


def test_of_several_that_moved_the_first_ones_are_named():
    thresholds = [make_threshold(make_device(name=f"Pump {number}")) for number in range(5)]
    steps = revise([(Scope(device=each.device), "temperature", {"count": 2}) for each in thresholds])
    for threshold in thresholds:
        edit_threshold(threshold=threshold, at=NOON, max_value=50.0)

    with pytest.raises(RevisionStale, match=r"Pump 0 .*; .*Pump 1 .*; .*Pump 2 .* and 2 more. Nothing"):
        carry_out(steps=steps, by=None, at=NOON)
    assert set(Threshold.objects.values_list("count", flat=True)) == {1}


class TestPutting:
    def test_one_edition_begins_and_each_is_noted_with_its_own_values(self):
        mira, device, other = make_user(), make_device(name="Oven"), make_device(name="Press")
        threshold = make_threshold(device, max_value=90.0)
        same = make_threshold(other, max_value=70.0)
        before = current_edition()
        wanted = [
            (Scope(device=device), "temperature", {"max_value": 70.0}),
            (Scope(device=other), "temperature", {"max_value": 70.0}),
            (Scope(device=other), "power", {"max_value": 400.0}),
        ]

        assert put_thresholds(wanted=wanted, by=mira, at=NOON) == (1, 1)

        made = Threshold.objects.get(metric="power")
        notes = ThresholdChange.objects.filter(by=mira).order_by("kind")
        assert [(note.threshold_id, note.kind, note.before, note.after) for note in notes] == [
            (threshold.pk, "changed", {"max_value": 90.0}, {"max_value": 70.0}),
            (made.pk, "created", {}, {**notes[1].after, "max_value": 400.0}),
        ]
        assert notes[0].scope.startswith("Oven")
        assert current_edition() != before
        edition = current_edition()
        assert put_thresholds(wanted=wanted, by=mira, at=NOON) == (0, 0)
        assert current_edition() == edition
        same.refresh_from_db()
        assert same.max_value == 70.0

    def test_open_alerts_follow_the_new_bounds(self):
        device, other = make_device(), make_device()
        for each in (device, other):
            make_threshold(each, max_value=90.0, hold_seconds=60)
            store(each, (NOON, 95))
        wanted = [(Scope(device=each), "temperature", {"hold_seconds": 0}) for each in (device, other)]

        put_thresholds(wanted=wanted, at=NOON)

        assert statuses() == ["active", "active"]

    @pytest.mark.parametrize(
        ("wanted", "refusal", "reason"),
        [
            ({"metric": "Not One"}, InvalidInput, "1.metric: is no metric name"),
            ({"values": {"min_value": 9.0, "max_value": 1.0}}, InvalidInput, "1.maxValue: must not be below"),
            ({"metric": "power"}, InvalidInput, "A metric occurs twice in the same scope"),
        ],
    )
    def test_one_that_cannot_be_meant_takes_all_back(self, wanted, refusal, reason):
        scope = Scope(device_type="sensor")
        bad = {"metric": "rpm", "values": {"max_value": 1.0}, **wanted}

        with pytest.raises(refusal, match=reason):
            put_thresholds(
                wanted=[(scope, "power", {"max_value": 1.0}), (scope, bad["metric"], bad["values"])], at=NOON
            )
        assert (Threshold.objects.count(), ThresholdChange.objects.count()) == (0, 0)

    def test_what_is_gone_gets_none(self):
        device, group = make_device(), make_group()
        scopes = [(Scope(device=device), DeviceUnknown), (Scope(group=group), GroupUnknown)]
        type(device).objects.filter(pk=device.pk).delete()
        type(group).objects.filter(pk=group.pk).delete()

        for scope, refusal in scopes:
            with pytest.raises(refusal):
                put_thresholds(wanted=[(scope, "power", {"max_value": 1.0})], at=NOON)
        assert Threshold.objects.count() == 0

    @pytest.mark.parametrize("rows", [1, 600])
    def test_many_rows_go_into_few_statements(self, rows, django_assert_max_num_queries):
        devices = [make_device() for _ in range(3)]
        wanted = [
            (Scope(device=device), f"m{number}", {"max_value": 1.0})
            for device in devices
            for number in range(rows // 3 or 1)
        ]

        with django_assert_max_num_queries(40):
            put_thresholds(wanted=wanted, at=NOON)
        assert Threshold.objects.count() == len(wanted)


def test_many_are_deleted_in_one_edition_and_their_alerts_are_over():
    mira = make_user()
    thresholds = [make_threshold(make_device(), max_value=90.0) for _ in range(2)]
    group = make_group(devices=[make_device()])
    thresholds.append(make_threshold(group=group, metric="power", max_value=5.0))
    store(thresholds[0].device, (NOON, 95))
    gone = make_threshold(make_device())
    Threshold.objects.filter(pk=gone.pk).delete()

    delete_thresholds(thresholds=[*thresholds, gone], by=mira, at=NOON)
    judge_what_is_due(at=NOON)

    assert Threshold.objects.count() == 0
    deleted = ThresholdChange.objects.filter(kind="deleted", by=mira)
    assert set(deleted.values_list("threshold_id", flat=True)) == {each.pk for each in thresholds}
    assert statuses() == ["resolved"]


@pytest.mark.django_db(transaction=True)
def test_of_two_who_write_the_same_preview_at_once_one_wins():
    devices, group = [make_device() for _ in range(5)], make_group()
    make_threshold(devices[0], max_value=90.0)
    scopes = [*(Scope(device=device) for device in devices), Scope(group=group), Scope(device_type="sensor")]
    steps = revise([(scope, "temperature", {"max_value": 70.0}) for scope in scopes])
    results, barrier = [None] * 4, threading.Barrier(4)

    def write(number):
        try:
            barrier.wait(20)
            results[number] = again_after_deadlock(lambda: carry_out(steps=steps, by=None, at=NOON))
        except (RevisionStale, ThresholdTaken) as refusal:
            results[number] = refusal
        finally:
            connection.close()

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert [result for result in results if isinstance(result, tuple)] == [(6, 1)]
    assert sum(isinstance(result, (RevisionStale, ThresholdTaken)) for result in results) == 3
    assert Threshold.objects.filter(max_value=70.0).count() == Threshold.objects.count() == 7
    assert ThresholdChange.objects.filter(after__max_value=70.0).count() == 7
