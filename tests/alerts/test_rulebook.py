"""Which threshold is in force where, and from when on."""

import logging

import pytest
from django.core.cache import cache
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alerts.models import Alert, ConditionState
from alerts.queries.thresholds import thresholds_in_force, thresholds_in_force_at
from alerts.rulebook import RuleReader, begin_edition, current_edition, resolve
from alerts.services.judging import judge_what_is_due
from alerts.services.thresholds import Scope, delete_threshold, edit_threshold, put_thresholds
from devices.services import edit_device
from factory.errors import InvalidInput
from grouping.services import add_devices, remove_devices
from tests.builders import NOON, make_device, make_group, make_threshold, store

pytestmark = pytest.mark.django_db


def limit_of(device, metric="temperature"):
    rule = resolve([device.pk])[device.pk].get(metric)
    return rule and rule.max_value


def test_the_narrowest_that_reaches_a_device_is_in_force():
    device = make_device(type="sensor")
    hall = make_group(name="Hall", devices=[])
    line = make_group(name="Line", devices=[device], parent=hall)
    limits = []

    for scope, limit in (({"device_type": "sensor"}, 60.0), ({"group": hall}, 70.0), ({"group": line}, 80.0)):
        make_threshold(**scope, max_value=limit)
        limits.append(limit_of(device))
    make_threshold(device, max_value=90.0)
    limits.append(limit_of(device))

    assert limits == [60.0, 70.0, 80.0, 90.0]


def test_each_metric_is_looked_up_by_itself():
    device = make_device(type="sensor")
    make_threshold(device_type="sensor", metric="power", max_value=10.0)
    make_threshold(device, metric="temperature", max_value=90.0)

    assert {metric: rule.max_value for metric, rule in resolve([device.pk])[device.pk].items()} == {
        "power": 10.0,
        "temperature": 90.0,
    }
    assert [row.metric for row in thresholds_in_force(device_id=device.pk)] == ["power", "temperature"]
    assert thresholds_in_force_at(device_ids=[device.pk]).keys() == {
        (device.pk, "power"),
        (device.pk, "temperature"),
    }


def test_a_disabled_threshold_lets_the_wider_one_through():
    device = make_device(type="sensor")
    make_threshold(device_type="sensor", max_value=60.0)
    own = make_threshold(device, max_value=90.0)

    edit_threshold(threshold=own, at=NOON, enabled=False)

    assert limit_of(device) == 60.0


def test_other_types_and_groups_are_not_reached():
    inside, outside = make_device(type="sensor"), make_device(type="gateway")
    make_threshold(group=make_group(name="Hall", devices=[inside]), max_value=70.0)

    assert (limit_of(inside), limit_of(outside)) == (70.0, None)


@pytest.mark.parametrize("scope", [{}, {"device_type": "sensor", "group": True}])
def test_a_threshold_has_exactly_one_scope(scope):
    if scope:
        scope = {**scope, "group": make_group(name="Hall", devices=[])}

    with pytest.raises(InvalidInput, match="exactly one"):
        make_threshold(**scope)


def begin_in(work):
    before = current_edition()
    work()
    return current_edition() != before


def test_everything_that_changes_what_reaches_whom_begins_an_edition():
    device, group = make_device(type="sensor"), make_group(name="Hall", devices=[])
    threshold = make_threshold(group=group, max_value=70.0)

    assert begin_in(lambda: edit_threshold(threshold=threshold, at=NOON, max_value=71.0))
    assert begin_in(lambda: add_devices(group=group, device_ids=[device.pk], at=NOON))
    assert begin_in(lambda: remove_devices(group=group, device_ids=[device.pk], at=NOON))
    assert begin_in(lambda: edit_device(device=device, type="gateway", at=NOON))
    assert begin_in(lambda: delete_threshold(threshold=threshold, at=NOON))
    assert not begin_in(lambda: edit_device(device=device, name="Another name", at=NOON))


def test_a_change_is_in_force_in_another_process_with_its_next_batch():
    device, reader = make_device(), RuleReader()  # a reader is what a process has of its own
    threshold = make_threshold(device, max_value=90.0)
    reader.in_force([device.pk], edition=current_edition())

    edit_threshold(threshold=threshold, at=NOON, max_value=70.0)

    rules = reader.in_force([device.pk], edition=current_edition())
    assert rules[device.pk]["temperature"].max_value == 70.0


def test_what_a_rolled_back_change_left_in_the_cache_is_never_believed():
    device = make_device()
    threshold = make_threshold(device, max_value=90.0)
    try:
        with transaction.atomic():
            edit_threshold(threshold=threshold, at=NOON, max_value=70.0)
            RuleReader().in_force([device.pk], edition=current_edition())
            raise ConnectionAbortedError
    except ConnectionAbortedError:
        pass
    begin_edition()

    rules = RuleReader().in_force([device.pk], edition=current_edition())
    assert rules[device.pk]["temperature"].max_value == 90.0


def test_a_second_process_finds_the_rules_in_the_cache(django_assert_num_queries):
    devices = [make_device() for _ in range(3)]
    make_threshold(devices[0], max_value=90.0, hysteresis=2.0, hold_seconds=3, clear_seconds=4, count=5)
    edition, ids = current_edition(), [device.pk for device in devices]
    first = RuleReader().in_force(ids, edition=edition)

    with django_assert_num_queries(0):
        assert RuleReader().in_force(ids, edition=edition) == first
    assert cache.get(f"rules:1:{edition}:{ids[1]}") == []


@pytest.mark.parametrize("devices", [1, 3])
def test_resolving_costs_the_same_queries_for_any_number_of_devices(devices, django_assert_num_queries):
    members = [make_device() for _ in range(devices)]
    make_threshold(group=make_group(name="Hall", devices=members), max_value=70.0)

    with django_assert_num_queries(4):  # types, memberships, the tree of groups, thresholds
        resolve([device.pk for device in members])


def test_without_the_cache_the_database_says_the_same_and_the_cache_is_left_alone_for_a_while(
    settings, caplog
):
    devices = [make_device() for _ in range(2)]
    make_threshold(devices[0], max_value=90.0)
    settings.CACHES = {
        "default": {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": "redis://127.0.0.1:9",  # nobody listens on discard
            "OPTIONS": {"socket_connect_timeout": 1},
        }
    }
    reader = RuleReader()

    with caplog.at_level(logging.WARNING, logger="alerts.rulebook"):
        for device in devices:
            reader.in_force([device.pk], edition=current_edition())

    assert (
        reader.in_force([devices[0].pk], edition=current_edition())[devices[0].pk]["temperature"].max_value
        == 90
    )
    assert [record.message for record in caplog.records] == ["rulebook.no_cache"]


class TestOpenAlerts:
    """Rules that change or go while alerts are open."""

    def statuses(self):
        return list(Alert.objects.order_by("pk").values_list("status", flat=True))

    def test_of_a_group_end_in_the_workers_next_turn_when_its_threshold_goes(self):
        device = make_device()
        threshold = make_threshold(group=make_group(name="Hall", devices=[device]), max_value=90.0)
        store(device, (NOON, 95))

        delete_threshold(threshold=threshold, at=NOON)
        assert self.statuses() == ["active"]
        judge_what_is_due(at=NOON)

        assert self.statuses() == ["resolved"]
        assert ConditionState.objects.count() == 0

    def test_end_with_the_next_reading_where_the_worker_is_away(self):
        device = make_device()
        threshold = make_threshold(group=make_group(name="Hall", devices=[device]), max_value=90.0)
        store(device, (NOON, 95))

        delete_threshold(threshold=threshold, at=NOON)
        store(device, (NOON.replace(minute=1), 96))

        assert self.statuses() == ["resolved"]

    def test_stay_where_a_wider_threshold_takes_over(self):
        device = make_device(type="sensor")
        own = make_threshold(device, max_value=90.0)
        make_threshold(device_type="sensor", max_value=80.0)
        store(device, (NOON, 95))

        delete_threshold(threshold=own, at=NOON)
        store(device, (NOON.replace(minute=1), 85))
        assert self.statuses() == ["active"]

        store(device, (NOON.replace(minute=2), 79))
        assert self.statuses() == ["resolved"]

    def test_end_when_the_device_leaves_the_group(self):
        device = make_device()
        group = make_group(name="Hall", devices=[device])
        make_threshold(group=group, max_value=90.0)
        store(device, (NOON, 95))

        remove_devices(group=group, device_ids=[device.pk], at=NOON)
        judge_what_is_due(at=NOON)

        assert self.statuses() == ["resolved"]

    def test_a_shorter_delay_counts_for_a_breach_that_is_waiting(self):
        device = make_device(type="sensor")
        threshold = make_threshold(device_type="sensor", max_value=90.0, hold_seconds=3600)
        store(device, (NOON, 95))

        edit_threshold(threshold=threshold, at=NOON, hold_seconds=60)
        judge_what_is_due(at=NOON.replace(minute=2))

        assert list(Alert.objects.values_list("status", "started_at")) == [("active", NOON.replace(minute=1))]


def test_many_at_once_are_put_in_one_edition_or_not_at_all():
    device, other = make_device(), make_device()
    make_threshold(device, max_value=90.0, hold_seconds=30)
    values = {"max_value": 70.0}
    wanted = [(Scope(device=each), "temperature", values) for each in (device, other)]

    assert put_thresholds(wanted=wanted, at=NOON) == (1, 1)
    assert resolve([device.pk])[device.pk]["temperature"].hold_ms == 30_000  # what is not named stays

    bad = [*wanted, (Scope(device_type="sensor"), "temperature", {"min_value": 5.0, "max_value": 1.0})]
    with pytest.raises(InvalidInput, match=r"2\.maxValue"):
        put_thresholds(
            wanted=[(scope, m, {**v, "min_value": 0.0}) for scope, m, v in bad[:2]] + bad[2:], at=NOON
        )
    assert resolve([other.pk])[other.pk]["temperature"].min_value is None


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_in_force_is_the_device_then_the_deepest_group_then_the_type(data, django_db_blocker):
    with transaction.atomic():
        devices = [make_device(type=data.draw(st.sampled_from(["sensor", "gateway"]))) for _ in range(2)]
        groups: list = []
        for number in range(3):
            parent = data.draw(st.sampled_from([None, *groups]))
            members = data.draw(st.lists(st.sampled_from(devices), unique_by=lambda device: device.pk))
            groups.append(
                make_group(name=f"Group {number} of {devices[0].pk}", devices=members, parent=parent)
            )
        scopes = [
            *({"device": device} for device in devices),
            *({"group": group} for group in groups),
            *({"device_type": name} for name in ("sensor", "gateway")),
        ]
        limits = {}
        for place in data.draw(st.sets(st.integers(0, len(scopes) - 1))):
            make_threshold(**scopes[place], max_value=float(place))
            limits[place] = float(place)

        for number, device in enumerate(devices):
            assert limit_of(device) == _brute_force(device, number, devices, groups, limits)
        transaction.set_rollback(True)


def _brute_force(device, number, devices, groups, limits):
    if number in limits:
        return limits[number]
    reached = []
    for group in groups:
        chain = [group]
        while chain[-1].parent_id:
            chain.append(next(other for other in groups if other.pk == chain[-1].parent_id))
        if device.pk in group.device_ids:
            reached += [(len(chain) - up, groups.index(each)) for up, each in enumerate(chain)]
    for _, place in sorted(reached, key=lambda pair: (-pair[0], groups[pair[1]].pk)):
        if 2 + place in limits:
            return limits[2 + place]
    return limits.get(5 + ["sensor", "gateway"].index(device.type))
