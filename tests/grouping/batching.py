"""How the tests of batches work them off, and what they look at."""

from collections import Counter
from contextlib import contextmanager
from itertools import count

from devices.models import Command
from devices.services import Ack, hear_acks
from factory.accounts.models import User
from grouping.models import BatchItem
from grouping.operations import Operation, operations, register_operation, unregister_operation
from grouping.queries import counts_of, get_batch
from grouping.services.batch_sweeping import sweep_batches
from grouping.services.working import work_on_batch
from tests.builders import NOON

_claims = count(1)


def work(batch, *, at=NOON):
    """One worker's turn; returns how many devices had theirs."""
    return work_on_batch(batch_id=batch.pk, claim=f"claim-{next(_claims)}", at=at)


def work_off(batch, *, at=NOON):
    while work(batch, at=at):
        pass


def answer(batch, status="succeeded", *, devices=None, result=None, at=NOON):
    """These devices (all, unless named) report the end of their commands."""
    waiting = BatchItem.objects.filter(batch=batch, status="waiting").order_by("pk")
    if devices is not None:
        waiting = waiting.filter(device__in=devices)
    acks = [Ack(item.device_id, item.command_id, status, result) for item in waiting]
    for told in hear_acks(acks=acks, at=at):
        assert isinstance(told, Command), told


def settle(batch, *, at=NOON):
    """What happens after each commit; tests in one transaction see no commit."""
    sweep_batches(at=at)
    return get_batch(batch.pk)


def statuses(batch):
    """{status: devices}, adding up to all of them."""
    counts = counts_of([batch.pk])[batch.pk]
    assert counts.total == batch.total
    found = Counter(BatchItem.objects.filter(batch=batch).values_list("status", flat=True))
    assert {name: getattr(counts, name) for name in found} == found
    return dict(found)


def items(batch, *fields):
    return list(BatchItem.objects.filter(batch=batch).order_by("device_id").values_list(*fields))


@contextmanager
def operation(name="paint", *, role=User.Role.TECHNICIAN, check=dict, **ways):
    """An operation as an upper room brings it; one of that name that there was is back afterwards."""
    before = [each for each in operations() if each.name == name]
    made = Operation(name=name, label=name, role=role, check=check, **ways)
    register_operation(made)
    try:
        yield made
    finally:
        unregister_operation(name)
        for each in before:
            register_operation(each)
