"""What many rules cost a reading: the same transactions with 200 rules in the plant and with 10,200.

Processor time of the committing thread per reading, in turns, so that both see the same machine. Ten turns of
transactions follow each change, and the first of them (in which a process reads the rules anew) is told apart.
"""

import argparse
from statistics import median

from bench.figures import machine
from bench.ingest import environment_for, prepare
from bench.judge import BATCHES, Store
from tests.services import folder, mariadb, valkey

TURNS, QUICK_TURNS = 10, 3
ROUNDS = 20
OTHERS = 10_000
FEW, MANY = "200 rules", "10,200 rules"


def main(options: argparse.Namespace) -> int:
    turns = QUICK_TURNS if options.quick else TURNS
    with mariadb() as url, valkey() as redis, folder("bench-data") as data:
        plant = prepare(environment_for(url, redis, data))
        others = _other_devices()
        print(
            f"{machine()}\nprocessor time of the committing thread per reading, {OTHERS:,} rules of others more\n"
        )
        print(f"{'':<38}{'median us':>11}{'least-most':>18}{'first batch after a change, ms':>34}")
        store = Store([device_id for device_id, _ in plant.devices])
        runs: dict[tuple[str, int], list[float]] = {}
        firsts: dict[tuple[str, int], list[float]] = {}
        for turn in range(turns):
            for case in (FEW, MANY) if turn % 2 else (MANY, FEW):
                _set_others(others if case is MANY else [])
                for size, requests in BATCHES.items():
                    first = store.run(size, requests) * size * requests / 1000
                    firsts.setdefault((case, size), []).append(first)
                    spent = [store.run(size, requests) for _ in range(ROUNDS)]
                    runs.setdefault((case, size), []).extend(spent)
                    _set_edition()
        for size, requests in BATCHES.items():
            for case in (FEW, MANY):
                found, first = runs[case, size], median(firsts[case, size])
                name = f"{requests} x {size:,} a transaction, {case}"
                print(f"{name:<38}{median(found):>11.2f}{min(found):>9.2f}-{max(found):<8.2f}{first:>26.1f}")
    return 0


def _other_devices() -> list[int]:
    """Devices that never report: 3,000 of them, with rules of their own, in 40 groups, of other types."""
    from django.db import transaction  # noqa: PLC0415 -- Django is set up first
    from django.utils import timezone  # noqa: PLC0415 -- as above

    from devices.models import Device  # noqa: PLC0415 -- as above
    from grouping.services import create_group  # noqa: PLC0415 -- as above

    with transaction.atomic():
        devices = Device.objects.bulk_create(
            Device(external_id=f"other-{number}", name=f"Other {number}", type="gateway")
            for number in range(3_000)
        )
        ids = list(Device.objects.filter(type="gateway").values_list("pk", flat=True))
        for number in range(40):
            members = ids[number::40]
            create_group(name=f"Line {number}", type="custom", device_ids=members, at=timezone.now())
    assert len(ids) == len(devices)
    return ids


def _set_others(device_ids: list[int]) -> None:
    """Have these other rules, and no more: three a device, the rest for groups and a type."""
    from alerts.models import Threshold  # noqa: PLC0415 -- as above
    from grouping.models import Group  # noqa: PLC0415 -- as above

    Threshold.objects.exclude(device__type="sensor").delete()
    if device_ids:
        metrics = ("temperature", "vibration", "power")
        rows = [
            Threshold(device_id=pk, metric=metric, max_value=80.0) for pk in device_ids for metric in metrics
        ]
        groups = Group.objects.values_list("pk", flat=True)
        rows += [Threshold(group_id=pk, metric=f"m{n}", max_value=1.0) for pk in groups for n in range(24)]
        rows += [Threshold(device_type="gateway", metric=f"m{n}", max_value=1.0) for n in range(40)]
        assert len(rows) == OTHERS
        Threshold.objects.bulk_create(rows)
    _set_edition()


def _set_edition() -> None:
    from alerts.rulebook import begin_edition  # noqa: PLC0415 -- as above

    begin_edition()
