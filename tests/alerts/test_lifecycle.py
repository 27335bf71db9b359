import pytest

from alerts.models import Alert
from alerts.services.handling import (
    AlertAlreadyHandled,
    MayNotResolve,
    acknowledge_alert,
    acknowledge_alerts,
    resolve_alert,
    set_status,
)
from alerts.services.lifecycle import open_alert
from factory.errors import InvalidInput
from tests.builders import NOON, make_device, make_user

pytestmark = pytest.mark.django_db


def make_alert(*, key: str = "test:1", severity: str = "critical") -> Alert:
    return open_alert(
        open_key=key,
        type=Alert.Type.SYSTEM_ERROR,
        severity=severity,
        message="Something is wrong",
        at=NOON,
        started_at=NOON,
        device_id=make_device().pk,
    )


def test_acknowledging_remembers_who_and_when():
    alert, mira = make_alert(), make_user()

    acknowledge_alert(alert=alert, by=mira, at=NOON)

    alert = Alert.objects.get()
    assert (alert.status, alert.acknowledged_by, alert.acknowledged_at) == ("acknowledged", mira, NOON)
    assert list(alert.events.order_by("pk").values_list("kind", "by")) == [
        ("opened", None),
        ("acknowledged", mira.pk),
    ]


def test_only_the_first_of_two_people_acknowledges():
    alert, mira, noor = make_alert(), make_user(name="Mira"), make_user()
    acknowledge_alert(alert=alert, by=mira, at=NOON)

    with pytest.raises(AlertAlreadyHandled, match="acknowledged already by Mira"):
        acknowledge_alert(alert=alert, by=noor, at=NOON)

    assert Alert.objects.get().acknowledged_by == mira


def test_resolving_twice_is_a_conflict():
    alert, operator = make_alert(), make_user(role="operator")
    resolve_alert(alert=alert, by=operator, at=NOON)

    with pytest.raises(AlertAlreadyHandled):
        resolve_alert(alert=alert, by=operator, at=NOON)


def test_a_viewer_acknowledges_but_does_not_resolve():
    alert, viewer = make_alert(), make_user(role="user")

    with pytest.raises(MayNotResolve):
        resolve_alert(alert=alert, by=viewer, at=NOON)

    acknowledge_alert(alert=alert, by=viewer, at=NOON)
    assert Alert.objects.get().status == "acknowledged"


def test_there_is_no_way_back_to_active():
    with pytest.raises(InvalidInput):
        set_status(alert=make_alert(), status="active", by=make_user(role="admin"), at=NOON)


def test_the_same_trouble_is_one_open_alert_and_a_new_one_after_it_is_resolved():
    first = make_alert()
    assert make_alert() == first

    resolve_alert(alert=first, by=make_user(role="operator"), at=NOON)
    assert make_alert() != first


def test_several_are_acknowledged_together_or_not_at_all():
    one, two = make_alert(key="test:1"), make_alert(key="test:2")
    viewer = make_user()
    acknowledge_alert(alert=two, by=viewer, at=NOON)

    with pytest.raises(AlertAlreadyHandled):
        acknowledge_alerts(alert_ids=[one.pk, two.pk], by=viewer, at=NOON)

    assert Alert.objects.get(pk=one.pk).status == "active"
