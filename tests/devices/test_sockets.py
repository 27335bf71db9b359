"""What a device that holds a socket is told there."""

from datetime import timedelta

import pytest
from django.db import OperationalError

from devices.models import Configuration, Device, Presence
from devices.services import notice_silent_devices, report_configuration, set_desired
from devices.services.announcing import due_announcements, note_announced
from devices.sockets import DeviceVisit
from tests.builders import NOON, make_device
from tests.devices.commanding import make_command

pytestmark = pytest.mark.django_db
SECOND = timedelta(seconds=1)


class Clock:
    def __init__(self):
        self.at = NOON

    def __call__(self):
        return self.at

    def turn(self, seconds=1):
        self.at += seconds * SECOND
        return self.at


@pytest.fixture
def clock(settings):
    settings.WS_TIMEOUT = 60
    return Clock()


def told(version, **desired):
    return [("config", {"desired": desired, "version": version})]


def visit_to(device, clock):
    visit = DeviceVisit(device.pk, now=clock)
    visit.begin()
    return visit


def test_whoever_holds_a_socket_is_there_as_long(clock, settings):
    settings.DEVICE_SILENT_SECONDS = 120
    device = make_device()
    visit = visit_to(device, clock)

    for _ in range(20):
        clock.turn(30)
        visit.look()
        assert notice_silent_devices(at=clock.at) == []

    assert (Device.objects.get().status, Presence.objects.get().last_seen_at) == ("online", clock.at)


def test_what_is_wished_is_told_once(clock):
    device = make_device()
    visit = visit_to(device, clock)
    assert visit.look() == []

    set_desired(device=device, desired={"a": 1}, at=clock.turn())

    assert visit.look() == told(1, a=1)
    assert visit.look() == []
    Configuration.objects.update(push_at=None)
    assert visit.look() == []


def test_what_it_left_is_told_once_more_and_so_is_what_is_wished_again(clock):
    device = make_device()
    visit = visit_to(device, clock)
    set_desired(device=device, desired={"a": 1}, at=clock.turn())
    visit.look()
    for value in (1, 2):
        report_configuration(device_id=device.pk, reported={"a": value}, version=1, at=clock.turn())

    assert visit.look() == told(1, a=1)
    assert visit.look() == []
    set_desired(device=device, desired={"a": 1}, at=clock.turn())
    assert visit.look() == told(1, a=1)
    assert visit.look() == []


def test_the_broker_waits_until_the_socket_has_looked(clock):
    device = make_device()
    visit = visit_to(device, clock)
    set_desired(device=device, desired={"a": 1}, at=clock.turn())

    note_announced(due_announcements(at=clock.at, limit=10), at=clock.at)

    assert due_announcements(at=clock.at, limit=10) == []
    assert visit.look() == told(1, a=1)
    clock.turn(60)
    visit.look()
    assert [each.version for each in due_announcements(at=clock.at, limit=10)] == [1]


def test_when_the_socket_is_closed_the_broker_gets_it_at_once(clock):
    device = make_device()
    visit = visit_to(device, clock)
    set_desired(device=device, desired={"a": 1}, at=clock.turn())

    visit.end()

    assert [each.version for each in due_announcements(at=clock.at, limit=10)] == [1]


def test_a_beginning_that_failed_is_made_up_for_at_the_next_look(clock, monkeypatch):
    device = make_device()
    command = make_command(device)
    visit = DeviceVisit(device.pk, now=clock)

    def refuse(*args, **kwargs):
        raise OperationalError("gone away")

    with monkeypatch.context() as broken:
        broken.setattr("devices.sockets.welcome_back", refuse)
        with pytest.raises(OperationalError):
            visit.begin()
    assert Presence.objects.get().last_seen_at is None

    assert [data["id"] for _, data in visit.look()] == [command.pk]
    assert Device.objects.get().status == "online"
