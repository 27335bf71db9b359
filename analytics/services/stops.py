"""Why machines stood: codes, what staff say of a stop, and stops that no machine told of."""

import re
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext

from analytics.models import MachineMark, StateInterval, StopCode, StopReason
from analytics.oee.spans import without
from analytics.one_line import NOT_ONE_LINE, is_one_line
from analytics.queries.states import ms
from analytics.services.results import forget_results
from devices.models import Device
from factory.accounts.models import User
from factory.errors import Conflict, InvalidInput, NotFound
from telemetry.days import check_range

DAY_MS = 86_400_000
LONGEST_STOP_MS = 366 * DAY_MS
# It stands in addresses too, so it begins with a letter or a digit: `..` would be another place.
CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}\Z")


class StopUnknown(NotFound):
    """There is no such stop, or not any more: what came late may have changed it."""


class StopCodeUnknown(NotFound):
    """There is no such code."""


class StopsOverlap(Conflict):
    """Somebody has added a stop there already."""


class NotAdded(Conflict):
    """What the machine itself tells cannot be removed."""


@transaction.atomic
def set_stop_code(
    *, code: str, label: str, planned: bool, failure: bool = False, active: bool = True
) -> StopCode:
    """Declare why machines stand, or change what a code means, for the past too."""
    if not CODE.match(code):
        raise InvalidInput.at(
            "code", gettext("a letter or a digit first, then letters, digits and . _ - only")
        )
    if not label.strip():
        raise InvalidInput.at("label", gettext("must not be empty"))
    if not is_one_line(label):
        raise InvalidInput.at("label", gettext(NOT_ONE_LINE))
    if planned and failure:
        raise InvalidInput.at("failure", gettext("a planned stop is no failure"))
    before = StopCode.objects.select_for_update().filter(pk=code).first()
    found, _ = StopCode.objects.update_or_create(
        pk=code, defaults={"label": label, "planned": planned, "failure": failure, "active": active}
    )
    if before is not None and before.planned != planned:
        _forget_results_with(code)
    return found


def _forget_results_with(code: str) -> None:
    told = set(StopReason.objects.filter(code=code).values_list("device_id", flat=True))
    added = set(StateInterval.objects.filter(code=code).values_list("device_id", flat=True))
    forget_results(device_ids=told | added)


@transaction.atomic
def add_stop(
    *,
    device: Device,
    start: int,
    end: int,
    code: str,
    by: User | None,
    at: datetime,
    note: str = "",
) -> StateInterval:
    """The machine stood from `start` to `end` (ms), whatever it said itself. A planned one may lie in the future."""
    check_range(start, end)
    if end - start > LONGEST_STOP_MS:
        raise InvalidInput.at("endTime", gettext("must be at most a year after startTime"))
    found = _usable(code)
    if not found.planned and end > ms(at):
        raise InvalidInput.at("endTime", gettext("is in the future: only a planned stop is known before"))
    _hold(device.pk)
    added = StateInterval.objects.filter(device=device, is_added=True)
    if added.filter(start__lt=end, end__gt=start).exists():
        raise StopsOverlap(gettext("Somebody has added a stop in this time already."))
    stop = StateInterval.objects.create(
        device=device,
        start=start,
        end=end,
        state=StateInterval.State.STOPPED,
        is_added=True,
        code=found,
        note=note,
        by=by,
    )
    forget_results(device_ids=[device.pk], start=start, end=end)
    return stop


@transaction.atomic
def classify_stop(
    *, stop_id: int, code: str | None, by: User | None, at: datetime, note: str = ""
) -> StateInterval:
    """Say why the machine stood; None takes back what was said. It stays with the stop when that is derived anew."""
    found = _usable(code) if code is not None else None
    stop = _held_stop(stop_id)
    if stop.is_added:
        if found is None:
            raise InvalidInput.at("code", gettext("a stop that somebody added has one; remove it instead"))
        StateInterval.objects.filter(pk=stop.pk).update(code=found, note=note)
    else:
        _take_back(stop)
        if found is not None:
            StopReason.objects.create(
                device_id=stop.device_id,
                start=stop.start,
                end=stop.end,
                code=found,
                note=note,
                by=by,
                at=at,
            )
    forget_results(device_ids=[stop.device_id], start=stop.start, end=stop.end)
    stop.refresh_from_db()
    return stop


def _take_back(stop: StateInterval) -> None:
    """What was said of it; of what was said of a longer time, when that was one stop, the rest stays."""
    for said in StopReason.objects.filter(device=stop.device_id, start__lt=stop.end, end__gt=stop.start):
        said.delete()
        for start, end in without([(said.start, said.end)], [(stop.start, stop.end)]):
            said.pk, said.start, said.end = None, start, end
            said.save(force_insert=True)


@transaction.atomic
def remove_stop(*, stop_id: int) -> None:
    """A stop was added by mistake."""
    stop = _held_stop(stop_id)
    if not stop.is_added:
        raise NotAdded(gettext("The machine tells of this stop itself. Give it a code instead."))
    stop.delete()
    forget_results(device_ids=[stop.device_id], start=stop.start, end=stop.end)


def _stop(stop_id: int) -> StateInterval:
    stop = StateInterval.objects.filter(pk=stop_id, state=StateInterval.State.STOPPED).first()
    if stop is None:
        raise StopUnknown(
            gettext("There is no stop %(id)s; what came late may have changed it.") % {"id": stop_id}
        )
    return stop


def _held_stop(stop_id: int) -> StateInterval:
    """A stop that nobody changes meanwhile: looked at again, since a worker may have derived it anew just before."""
    _hold(_stop(stop_id).device_id)
    return _stop(stop_id)


def _usable(code: str) -> StopCode:
    found = StopCode.objects.filter(pk=code).first()
    if found is None:
        raise StopCodeUnknown(gettext("There is no stop code %(code)s.") % {"code": code})
    if not found.active:
        raise InvalidInput.at("code", gettext("%(code)s is not used any more") % {"code": code})
    return found


def _hold(device_id: int) -> None:
    MachineMark.objects.get_or_create(device_id=device_id)
    MachineMark.objects.select_for_update().get(device_id=device_id)
