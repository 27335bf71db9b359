"""Shift calendars of a device, of a group's devices, or of the plant."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.db import transaction
from django.utils.translation import gettext

from analytics.models import Calendar, Shift
from analytics.models.calendars import SINCE_EVER
from analytics.oee.shifts import ShiftRule, why_no_calendar
from analytics.queries.machines import PLANT
from analytics.services.results import forget_results
from devices.models import Device
from factory.errors import InvalidInput, NotFound
from grouping.models import Group

SHIFTS_LIMIT = 24
BREAKS_LIMIT = 12
HOLIDAYS_LIMIT = 1000
DAY_MS = 86_400_000


class CalendarUnknown(NotFound):
    """Nobody gave it shifts of its own."""


@dataclass(frozen=True, slots=True)
class Target:
    """Whose calendar: a device's, a group's, or, with neither, the plant's."""

    device: Device | None = None
    group: Group | None = None

    @property
    def name(self) -> str:
        if self.device:
            return f"device:{self.device.pk}"
        return f"group:{self.group.pk}" if self.group else PLANT


@transaction.atomic
def set_shifts(
    *,
    target: Target,
    time_zone: str,
    shifts: Sequence[ShiftRule],
    at: datetime,
    holidays: Sequence[date] = (),
    valid_from: date | None = None,
) -> Calendar:
    """Say when is to be produced. Without `valid_from` it replaces all that was said, for the past too; with it what
    was said before stays true for shifts that begin before that day. No shifts at all: none is planned."""
    _refuse_impossible(shifts, holidays)
    begins = valid_from or SINCE_EVER
    own = Calendar.objects.filter(target=target.name)
    list(own.select_for_update().values_list("pk"))
    (own if valid_from is None else own.filter(valid_from=begins)).delete()
    calendar = Calendar.objects.create(
        device=target.device,
        group=target.group,
        target=target.name,
        valid_from=begins,
        time_zone=time_zone,
        holidays=sorted({day.isoformat() for day in holidays}),
        updated_at=at,
    )
    Shift.objects.bulk_create(
        Shift(
            calendar=calendar,
            name=shift.name,
            days=sorted(shift.days),
            start_time=shift.start,
            end_time=shift.end,
            breaks=[[f"{begin:%H:%M}", f"{end:%H:%M}"] for begin, end in shift.breaks],
        )
        for shift in shifts
    )
    _forget(target, begins)
    return calendar


@transaction.atomic
def drop_shifts(*, target: Target, valid_from: date | None = None) -> None:
    """Whoever it was for works by a wider calendar again; with `valid_from` only those that hold from that day on are
    taken back, and what held before goes on."""
    own = Calendar.objects.filter(target=target.name)
    chosen = own if valid_from is None else own.filter(valid_from=valid_from)
    if not chosen.delete()[0]:
        if valid_from is None:
            raise CalendarUnknown(gettext("There are no shifts of its own."))
        since = {"day": valid_from}
        raise CalendarUnknown(gettext("There are no shifts of its own that hold from %(day)s on.") % since)
    _forget(target, valid_from or SINCE_EVER)


def _forget(target: Target, begins: date) -> None:
    # A group's devices may be others tomorrow: what was kept of all is worked out anew.
    devices = [target.device.pk] if target.device else None
    start = max(0, (begins - SINCE_EVER).days - 2) * DAY_MS  # whatever the time zone
    forget_results(device_ids=devices, start=start)


def _refuse_impossible(shifts: Sequence[ShiftRule], holidays: Sequence[date]) -> None:
    problems = why_no_calendar(shifts)
    if len(shifts) > SHIFTS_LIMIT:
        problems["shifts"] = gettext("at most %(most)s") % {"most": SHIFTS_LIMIT}
    if len(holidays) > HOLIDAYS_LIMIT:
        problems["holidays"] = gettext("at most %(most)s") % {"most": HOLIDAYS_LIMIT}
    for place, shift in enumerate(shifts):
        if len(shift.breaks) > BREAKS_LIMIT:
            problems[f"shifts.{place}.breaks"] = gettext("at most %(most)s") % {"most": BREAKS_LIMIT}
    if problems:
        first = next(iter(problems))
        fields = {name: [reason] for name, reason in problems.items()}
        raise InvalidInput(f"{first}: {problems[first]}", fields=fields)
