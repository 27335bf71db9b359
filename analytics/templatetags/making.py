"""How machines, shifts and meters are spoken of on a page."""

from collections.abc import Iterable
from datetime import date, datetime
from math import isfinite

from django import template

from analytics.models import Calendar, MachineProfile, StopCode
from analytics.oee.preview import Turn
from analytics.queries.shift_pages import WorksBy, is_since_ever
from analytics.templatetags.alerting import DAY_NAMES
from devices.models import Device
from telemetry.rules import metric_for

register = template.Library()
RunningBy = MachineProfile.RunningBy
PACES = ((60, "a minute"), (3600, "an hour"), (86_400, "a day"))
IN_A_ROW = 3  # days that are told as from and to
MINUTE_MS = 60_000
EVERY_DAY = 7


@register.filter
def pace(seconds: float | None) -> str:
    """An ideal cycle the other way round: `40 pieces a minute`. `static/factory/setup.js` writes it the same way."""
    if not seconds or seconds <= 0:
        return ""
    length, time = next((one for one in PACES if seconds <= one[0]), PACES[-1])
    value = length / seconds
    number = f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
    return f"{number} piece{'' if number == '1' else 's'} {time}"


@register.filter
def as_number(text: object) -> float | None:
    """What stands in a field, where that is a number."""
    try:
        value = float(str(text))
    except ValueError:
        return None
    return value if isfinite(value) else None


@register.filter
def cycle(seconds: float) -> str:
    return f"{seconds:,g} s"


@register.filter
def runs(profile: MachineProfile) -> str:
    """How is told that a machine runs."""
    if profile.running_by == RunningBy.STATUS:
        return " or ".join(str(Device.Status(status).label).lower() for status in profile.running_statuses)
    if profile.running_by == RunningBy.EVENTS:
        return f"{profile.running_metric} begins and ends"
    unit = metric_for(profile.running_metric).unit
    return f"{profile.running_metric} above {profile.running_above:,g}{f' {unit}' if unit else ''}"


@register.filter
def whose(works_by: WorksBy) -> str:
    """By whose shifts a machine works."""
    if works_by.group:
        return works_by.group.name
    if works_by.is_own:
        return "its own"
    return "the plant’s" if works_by.is_of_plant else "none"


@register.filter
def days(numbers: Iterable[int]) -> str:
    """Days of the week: `Mon to Fri`, `Mon, Wed, Sat`, `every day`."""
    ordered = sorted(numbers)
    if len(ordered) == EVERY_DAY:
        return "every day"
    runs: list[list[int]] = []
    for number in ordered:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ", ".join(_run(run) for run in runs)


def _run(numbers: list[int]) -> str:
    names = [DAY_NAMES[number - 1] for number in numbers]
    return f"{names[0]} to {names[-1]}" if len(names) >= IN_A_ROW else ", ".join(names)


@register.filter
def day(at: date) -> str:
    """A day as people write it: `Sat 28 Nov 2026`."""
    return f"{at:%a} {at.day} {at:%b %Y}"


@register.filter
def short_day(at: date) -> str:
    return f"{at:%a} {at.day} {at:%b}"


@register.filter
def from_when(calendar: Calendar) -> str:
    return "always" if is_since_ever(calendar) else f"from {day(calendar.valid_from)} on"


@register.filter
def hours(ms: int) -> str:
    """`7 h`, `7 h 30 min`, `20 min`."""
    whole, minutes = divmod(round(ms / MINUTE_MS), 60)
    parts = [f"{whole:,} h" if whole else "", f"{minutes} min" if minutes else ""]
    return " ".join(filter(None, parts)) or "0 h"


@register.filter
def odd(turn: Turn) -> str:
    """What the change of the clocks does to a shift."""
    return f"{hours(abs(turn.odd_ms))} {'longer' if turn.odd_ms > 0 else 'shorter'}"


@register.filter
def clock(at: datetime) -> str:
    """The time of day, in the zone that it is told in."""
    return f"{at:%H:%M}"


@register.filter
def with_key(text: str, key: object) -> str:
    return f"{text}{key}"


@register.filter
def kind(code: StopCode) -> str:
    """What a stop with this code is."""
    return "Planned" if code.planned else "Failure" if code.failure else "Loss"


@register.filter
def counted(value: float) -> str:
    """What a counter shows, to its last digit."""
    return f"{value:,.15g}"
