"""A rollout over ten thousand devices in five waves, 3 % of them failing, through the services; its time and memory."""

import argparse
import resource
import time
from datetime import UTC, datetime, timedelta
from io import BytesIO

from bench.figures import machine
from bench.ingest import environment_for, prepare
from tests.services import folder, mariadb, valkey

DEVICES, QUICK_DEVICES = 10_000, 1_000
WAVES = [1, 10, 25, 50, 100]
FAILING = 33  # one in so many devices
AT_ONCE = 500  # words of devices in one transaction, as from the broker
FAILURE_THRESHOLD = 2  # percent: the first wave with its full share of failing devices stops the next


def main(options: argparse.Namespace) -> int:
    devices = QUICK_DEVICES if options.quick else DEVICES
    with mariadb() as url, valkey() as redis, folder("bench-data") as data:
        prepare(environment_for(url, redis, data))
        print(f"{machine()}\n{devices:,} devices, waves {WAVES} %, 1 of {FAILING} fails\n")
        return Run(devices).go()


class Run:
    """One rollout, from the plan to its end."""

    def __init__(self, devices: int) -> None:
        from devices.models import Device  # noqa: PLC0415 -- Django is set up first
        from factory.accounts.models import User  # noqa: PLC0415 -- as above
        from factory.accounts.services import create_user  # noqa: PLC0415 -- as above
        from ota.services.firmware import upload_firmware  # noqa: PLC0415 -- as above

        self.at = datetime.now(UTC)
        Device.objects.bulk_create(
            (
                Device(
                    external_id=f"rolled-{number}",
                    name=f"Rolled {number:05}",
                    type="actuator",
                    zone=f"Hall {number * 8 // devices}",
                    firmware_version="1.0.0",
                )
                for number in range(devices)
            ),
            batch_size=1000,
        )
        role = User.Role.TECHNICIAN
        by = create_user(email="rollout@bench.test", password="ten wooden ladders", name="", role=role)
        self.firmware = upload_firmware(
            file=BytesIO(b"image" * 1000), version="2.0.0", device_type="actuator", by=by, at=self.at
        )
        self.devices = devices
        self.took: dict[str, float] = {}
        self.looks = 0

    def go(self) -> int:
        from ota.services.rollout_steps import resume_rollout  # noqa: PLC0415 -- Django is set up first
        from ota.services.rollouts import Pace, Target, create_rollout, start_rollout  # noqa: PLC0415 -- as above

        before = _peak()
        began = time.monotonic()
        pace = Pace(waves=WAVES, success_threshold=0, failure_threshold=FAILURE_THRESHOLD)
        target = Target(filter="type = actuator")
        self.rollout = create_rollout(
            name="Bench", firmware=self.firmware, target=target, pace=pace, at=self.at
        )
        self._timed("freeze the members", lambda: start_rollout(rollout=self.rollout, at=self.at))
        paused = 0
        while self._status() not in ("completed", "cancelled"):
            self.at += timedelta(seconds=10)
            self._timed("begin updates", self._advance)
            self._look()
            if self._status() == "paused":
                paused += 1
                self.rollout.refresh_from_db()
                print(f"  paused in wave {self.rollout.current_wave}: {self.rollout.paused_because}")
                self._timed("resume", lambda: resume_rollout(rollout=self.rollout, at=self.at))
                continue
            self._timed("hear the devices", self._answer)
        total = time.monotonic() - began
        for name, seconds in self.took.items():
            print(f"{name:<24}{seconds:>8.1f} s")
        print(f"{'all':<24}{total:>8.1f} s  {self.devices / total:,.0f} devices a second")
        print(f"paused {paused} times by itself; counts added up at {self.looks} looks: {self._counts()}")
        print(f"memory: {before} MB before, {_peak()} MB at most")
        return 0

    def _timed(self, name: str, work) -> None:  # type: ignore[no-untyped-def]
        began = time.monotonic()
        work()
        self.took[name] = self.took.get(name, 0) + time.monotonic() - began

    def _advance(self) -> None:
        from ota.services.advancing import advance_rollouts  # noqa: PLC0415 -- Django is set up first

        advance_rollouts(at=self.at)

    def _status(self) -> str:
        self.rollout.refresh_from_db(fields=["status"])
        return str(self.rollout.status)

    def _answer(self) -> None:
        """All that are on their way end their update, some hundred in a transaction."""
        from ota.models import Deployment  # noqa: PLC0415 -- Django is set up first
        from ota.services.hearing import UpdateWord, hear_update_statuses  # noqa: PLC0415 -- as above

        active = Deployment.objects.active().filter(rollout=self.rollout).order_by("pk")
        while rows := list(active.values_list("pk", "device_id")[:AT_ONCE]):
            hear_update_statuses(
                words=[UpdateWord(device_id, pk, "downloading") for pk, device_id in rows], at=self.at
            )
            words = [
                UpdateWord(device_id, pk, "failed", error_message="checksum mismatch")
                if device_id % FAILING == 0
                else UpdateWord(device_id, pk, "completed", running_version="2.0.0")
                for pk, device_id in rows
            ]
            hear_update_statuses(words=words, at=self.at)
            self._look()

    def _counts(self):  # type: ignore[no-untyped-def]
        from ota.queries.rollouts import counts_by_wave, in_all  # noqa: PLC0415 -- Django is set up first

        return in_all(counts_by_wave([self.rollout.pk])[self.rollout.pk])

    def _look(self) -> None:
        total = self._counts().total
        assert total == self.devices, f"{total} of {self.devices}"
        self.looks += 1


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
