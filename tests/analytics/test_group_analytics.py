from datetime import timedelta

import pytest

from devices.models import Device
from tests.builders import (
    NOON,
    Trpc,
    data_of,
    make_device,
    make_group,
    make_threshold,
    refusal_of,
    store,
)

pytestmark = pytest.mark.django_db


def analytics(client, group):
    return data_of(Trpc(client).query("groups.getAnalytics", {"groupId": group.pk}))


def test_the_devices_of_a_group_and_of_those_inside_it_are_counted_once(client, mira):
    press, pump, lamp, retired = (make_device(status="maintenance") for _ in range(4))
    make_threshold(press, max_value=50.0)
    make_threshold(pump, warning_max=10.0)
    hall = make_group(devices=[press, pump])
    make_group(devices=[press, lamp, retired], parent=hall)
    store(press, (NOON, 20.0), (NOON + timedelta(seconds=1), 60.0))
    store(pump, (NOON, 15.0))
    store(pump, (NOON, 300.0), metric="power")
    store(retired, (NOON, 1000.0))
    store(make_device(), (NOON, 1000.0))
    Device.objects.filter(pk=retired.pk).update(deactivated_at=NOON)
    Device.objects.filter(pk=press.pk).update(status="online")
    Device.objects.filter(pk=pump.pk).update(status="error")
    Device.objects.filter(pk=lamp.pk).update(status="offline")

    found = analytics(client, hall)

    assert found == {
        "groupId": hall.pk,
        "totalDevices": 3,
        "onlineDevices": 1,
        "offlineDevices": 1,
        "errorDevices": 1,
        "maintenanceDevices": 0,
        "averageTemperature": 37.5,
        "averageHumidity": None,
        "averagePower": 300.0,
        "criticalAlerts": 1,
        "warningAlerts": 1,
        "infoAlerts": 0,
        "lastUpdated": found["lastUpdated"],
    }


def test_an_empty_group_has_no_averages_and_an_unknown_one_no_figures(client, mira):
    found = analytics(client, make_group())

    assert (found["totalDevices"], found["averageTemperature"], found["criticalAlerts"]) == (0, None, 0)
    refused = Trpc(client).query("groups.getAnalytics", {"groupId": 999})
    assert refusal_of(refused) == (404, "NOT_FOUND", "There is no group 999.")
    assert refusal_of(Trpc(client).query("groups.getAnalytics", {}))[0] == 400


def test_strangers_learn_nothing(client):
    group = make_group()
    assert Trpc(client).query("groups.getAnalytics", {"groupId": group.pk}).status_code == 401


@pytest.mark.parametrize("devices", [1, 3])
def test_it_costs_the_same_for_any_number_of_devices(client, mira, devices, django_assert_num_queries):
    group = make_group(devices=[make_device() for _ in range(devices)])

    with django_assert_num_queries(6):  # session with user, groups, members, devices, newest values, alerts
        assert analytics(client, group)["totalDevices"] == devices
