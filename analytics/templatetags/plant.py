"""How values, times and bands are written on a page. `static/factory/values.js` writes them the same way."""

from datetime import UTC, date, datetime

import orjson
from django import template
from django.utils import timezone
from django.utils.dateformat import format as format_date
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext

from alerts.models import Threshold
from analytics import writing
from analytics.queries.overview import Zone
from analytics.words import said
from telemetry.rules import metric_for

register = template.Library()

DECIMALS = {"temperature": 1, "humidity": 1, "vibration": 2, "pressure": 2, "power": 0, "rpm": 0, "energy": 1}
BAR_WIDTH = 100.0


@register.filter
def decimals(metric: str) -> int:
    """How many decimals a metric is shown with: fixed, so that digits stand still."""
    usual = 0 if metric_for(metric).unit == "pcs" else 2
    return DECIMALS.get(metric, usual)


@register.filter
def number(value: float | None, metric: str) -> str:
    """A value as it is shown: grouped, with the metric's decimals; a dash where there is none."""
    if value is None:
        return "–"
    if abs(value) >= 1e9:
        return f"{value:.3e}"
    return writing.number(value, decimals(metric))


@register.filter
def grouped(count: int) -> str:
    return writing.number(count)


@register.filter
def kilowatts(watts: float) -> str:
    """Small plants in tenths, large ones in whole kW."""
    return writing.number(watts / 1000, 1 if abs(watts) < 100_000 else 0)


register.filter("word", said)


@register.filter
def label(metric: str) -> str:
    return metric_for(metric).called


@register.filter
def unit(metric: str) -> str:
    return metric_for(metric).unit


@register.filter
def moment(ms: int | None) -> datetime | None:
    """A telemetry time as a datetime."""
    return None if ms is None else datetime.fromtimestamp(ms / 1000, UTC)


@register.filter
def json(value: object) -> str:
    """For a data attribute; the template escapes it."""
    return orjson.dumps(value).decode()


@register.filter
def ms(at: datetime | None) -> int | str:
    return "" if at is None else int(at.timestamp() * 1000)


@register.filter
def lasted(start: datetime, end: datetime) -> str:
    """How long something lasted: `15 min`."""
    return in_words((end - start).total_seconds())


def in_words(seconds: float) -> str:
    seconds = max(0, int(seconds))
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min"
    if seconds < 172_800:
        return f"{seconds // 3600} h"
    days = seconds // 86_400
    return ngettext("%(count)s day", "%(count)s days", days) % {"count": days}


def ago(seconds: float) -> str:
    """How long it is since then: `15 min ago`."""
    days = int(seconds) // 86_400
    if days >= 2:
        return ngettext("%(count)s day ago", "%(count)s days ago", days) % {"count": days}
    return gettext("%(span)s ago") % {"span": in_words(seconds)}


def exactly(at: datetime) -> str:
    """Day and time in the plant's zone, with the zone said."""
    # Translators: a day and a time in Django's letters (j 28, M Nov, Y 2026, H:i:s 14:05:09, T CET)
    return format_date(timezone.localtime(at), gettext("j M Y, H:i:s T"))


def briefly(at: datetime) -> str:
    """The time of day; with the day when it was not today, and the year when it is another one."""
    local, today = timezone.localtime(at), timezone.localdate()
    if local.date() == today:
        return f"{local:%H:%M}"
    return format_date(local, gettext("j M, H:i") if local.year == today.year else gettext("j M Y, H:i"))


@register.filter
def day_words(day: date | None) -> str:
    """A day without its time: `28 Nov 2026`."""
    return "" if day is None else format_date(day, gettext("j M Y"))


@register.simple_tag
def when(at: datetime | None, style: str = "ago") -> SafeString | str:
    """A time element: how long ago, for how long (`for`), the time of day (`clock`) or everything (`exact`)."""
    if at is None:
        return gettext("never")
    if style in ("ago", "for"):
        seconds = (timezone.now() - at).total_seconds()
        text = ago(seconds) if style == "ago" else in_words(seconds)
    else:
        text = briefly(at) if style == "clock" else exactly(at)
    return format_html(
        '<time datetime="{}" title="{}" data-when="{}">{}</time>',
        at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        exactly(at),
        style,
        text,
    )


@register.filter
def band(threshold: Threshold | None) -> str:
    """The normal band in words: `18 to 80 °C`, `up to 80 °C`, `from 3 bar`."""
    if threshold is None or not threshold.enabled:
        return ""
    low, high = normal_range(threshold)
    suffix = f" {unit(threshold.metric)}".rstrip()
    if low is not None and high is not None:
        return gettext("%(low)s to %(high)s") % {"low": short(low), "high": f"{short(high)}{suffix}"}
    if high is not None:
        return gettext("up to %(high)s") % {"high": f"{short(high)}{suffix}"}
    return gettext("from %(low)s") % {"low": f"{short(low)}{suffix}"} if low is not None else ""


def short(value: float | None) -> str:
    if value is None:
        return ""
    text = f"{value:,g}"
    return text if "e" in text else writing.written(text)


register.filter("short", short)


def normal_range(threshold: Threshold) -> tuple[float | None, float | None]:
    """The inner band: inside it nothing is said."""
    low = threshold.warning_min if threshold.warning_min is not None else threshold.min_value
    high = threshold.warning_max if threshold.warning_max is not None else threshold.max_value
    return low, high


@register.inclusion_tag("analytics/_bar.html")
def bar(value: float | None, threshold: Threshold | None, device_id: int) -> dict:
    """A value on its scale, with its normal band: positions in percent, which the live values move."""
    if threshold is None or not threshold.enabled:
        return {"shown": False}
    bounds = (threshold.min_value, threshold.warning_min, threshold.warning_max, threshold.max_value)
    known = [bound for bound in bounds if bound is not None]
    low, high = normal_range(threshold)
    lowest = min(known) if low is not None else min(0.0, *known)
    highest = max(known) if high is not None else max(2 * max(known), max(known) + 1)
    span = (highest - lowest) or 1.0
    lowest, highest = lowest - 0.1 * span * (low is not None), highest + 0.1 * span * (high is not None)

    def place(at: float | None, missing: float) -> float:
        if at is None:
            return missing
        share = (at - lowest) / (highest - lowest)
        return round(BAR_WIDTH * min(1.0, max(0.0, share)), 2)

    start, end = place(low, 0.0), place(high, BAR_WIDTH)
    return {
        "shown": True,
        "start": start,
        "width": round(end - start, 2),
        "mark": place(value, 0.0),
        "has_value": value is not None,
        "low": lowest,
        "high": highest,
        "device_id": device_id,
        "metric": threshold.metric,
    }


DOT = '<a class="dot" id="dot-{}" href="/devices/{}/" data-state="{}" title="{}" aria-label="{}, {}"></a>'


@register.simple_tag
def dots(zone: Zone) -> SafeString:
    """The devices of a zone. Not a template, because there may be thousands."""
    rows = ((dot.id, dot.id, dot.mark.value, dot.name, dot.name, dot.mark.value) for dot in zone.dots)
    return format_html_join("", DOT, rows)


@register.filter
def spell(count: int) -> str:
    """Small numbers as people say them."""
    words = [
        gettext("No"),
        gettext("One"),
        gettext("Two"),
        gettext("Three"),
        gettext("Four"),
        gettext("Five"),
        gettext("Six"),
        gettext("Seven"),
        gettext("Eight"),
        gettext("Nine"),
        gettext("Ten"),
        gettext("Eleven"),
        gettext("Twelve"),
    ]
    return words[count] if count < len(words) else writing.number(count)
