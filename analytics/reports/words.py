from datetime import timedelta

from analytics.drawings import moment
from analytics.plant_clock import plant_zone

MIDNIGHT = (0, 0, 0)


def range_words(start: int, end: int) -> str:
    """`1 Nov 2026 to 30 Nov 2026` of whole days, else with the times of day; on the plant's clock."""
    zone = plant_zone()
    first, last = moment(start).astimezone(zone), moment(end).astimezone(zone)
    if all((at.hour, at.minute, at.second) == MIDNIGHT for at in (first, last)) and end > start:
        last -= timedelta(days=1)
        days = [f"{day.day} {day:%b %Y}" for day in (first, last)]
        return days[0] if days[0] == days[1] else " to ".join(days)
    return " to ".join(f"{at.day} {at:%b %Y, %H:%M}" for at in (first, last))
