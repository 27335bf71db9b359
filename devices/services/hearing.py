"""Devices that ask or answer are there, also where they report no readings."""

from collections.abc import Iterable
from datetime import datetime
from functools import partial

from django.db import transaction

from devices.seen_lately import seen_lately
from devices.services.silence import note_seen
from factory.retrying import again_after_deadlock


def hear_from(*, device_ids: Iterable[int], at: datetime) -> None:
    """These have said something just now, whatever it was; every few seconds a process writes that down.

    In a transaction of its own, before the work itself: presences are locked before all else.
    """
    again_after_deadlock(partial(_hear_from, list(device_ids), at=at))


def _hear_from(device_ids: list[int], *, at: datetime) -> None:
    seen_lately.note(device_ids, at=at, write=_note)


@transaction.atomic
def _note(*, device_ids: list[int], at: datetime) -> None:
    note_seen(device_ids=device_ids, at=at)
