"""Commands as tests send them."""

from datetime import timedelta

from devices.models import Command, Presence
from devices.services import Ack, Order, hear_acks, send_commands
from tests.builders import NOON

SOON = NOON + timedelta(seconds=10)


def be_there(*devices, until=NOON + timedelta(days=1)):
    """They were heard lately."""
    Presence.objects.filter(pk__in=[device.pk for device in devices]).update(
        last_seen_at=NOON, silent_at=until
    )


def make_command(device, name="restart", *, at=NOON, by=None, **options):
    (command,) = send_commands(orders=[Order(device.pk, name, **options)], at=at, by=by)
    return command


def answer(command, status, *, at=SOON, result=None, device=None):
    ack = Ack(device.pk if device else command.device_id, command.pk, status, result)
    (told,) = hear_acks(acks=[ack], at=at)
    return told


def state_of(command):
    command = Command.objects.get(pk=command.pk)
    return command.status, command.attempts, command.push_at
