"""How reports say their times."""

from datetime import timedelta

from analytics import writing
from analytics.drawings import moment
from analytics.plant_clock import plant_zone
from analytics.plots.clock import from_to

MIDNIGHT = (0, 0, 0)


def range_words(start: int, end: int) -> str:
    """`1 Nov 2026 to 30 Nov 2026` of whole days, else with the times of day; on the plant's clock."""
    zone = plant_zone()
    first, last = moment(start).astimezone(zone), moment(end).astimezone(zone)
    if all((at.hour, at.minute, at.second) == MIDNIGHT for at in (first, last)) and end > start:
        last -= timedelta(days=1)
        days = [writing.day(day) for day in (first, last)]
        return days[0] if days[0] == days[1] else from_to(*days)
    return from_to(*(writing.minute(at) for at in (first, last)))


range_later = writing.later(range_words)
