"""Sections that several reports have: energy, OEE, stops, alerts."""

from collections.abc import Sequence
from typing import Any

from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext, pgettext_lazy

from alerts.models import Alert
from analytics import writing
from analytics.charts import over_at
from analytics.drawings import (
    demand_course,
    energy_bars,
    loss_steps,
    moment,
    oee_by_part,
    oee_levels,
    oee_trend,
    stop_pareto,
)
from analytics.energy.course import BASE_SHARE, price_of
from analytics.figure_words import ENERGY_BY, loss_word, part_word, reason_word
from analytics.plant_clock import plant_zone
from analytics.queries.downtime import downtime_answer, downtime_in, worst_stops
from analytics.queries.energy_view import EnergyView
from analytics.queries.machines import machines_in
from analytics.queries.meters import energy_price
from analytics.queries.oee_answers import oee_breakdown, oee_metrics
from analytics.queries.trends import top_alerts
from analytics.reports.document import (
    Column,
    Figure,
    Kind,
    Notes,
    Section,
    Table,
    Tile,
    Tiles,
    Words,
    flag_notes,
)
from analytics.writing import number_later, share_later
from factory.said import said_later

STOPS_SHOWN = 25
MACHINES_SHOWN = 60
TOP_ALERTS = 15
MOST_DAYS_MS = 62 * 86_400_000


def energy_tiles(view: EnergyView) -> Tiles:
    total = view.total
    price = energy_price()
    kwh = total.amount.kwh
    meters = len(view.meters)
    change = (
        _("nothing to compare with")
        if view.change is None
        else format_lazy(_("{change} against the time before"), change=change_later(view.change))
    )
    tiles = [
        Tile(_("Energy"), kwh, unit="kWh", decimals=1, note=change),
        Tile(
            _("Peak of a quarter of an hour"),
            total.peak_kw,
            unit="kW",
            decimals=1,
            note=when_later(total.peak_at),
        ),
        Tile(
            _("Base load"),
            view.course.base_load_kw(),
            unit="kW",
            decimals=1,
            note=format_lazy(_("exceeded {share} of the time"), share=share_later(1 - BASE_SHARE)),
        ),
        Tile(_("Coverage"), total.coverage, Kind.SHARE, decimals=1, note=meters_later(meters)),
    ]
    if price.per_kwh is not None and kwh is not None:
        note = format_lazy(
            _("at {price} {currency} per kWh"),
            price=short_number_later(price.per_kwh),
            currency=price.currency,
        )
        cost = price_of(kwh, price.per_kwh)
        tiles.insert(1, Tile(_("Cost"), cost, unit=price.currency, decimals=2, note=note))
    return Tiles(tiles)


def _when(at: int | None) -> str:
    if at is None:
        return ""
    local = moment(at).astimezone(plant_zone())
    return f"{writing.short_day(local)}, {writing.clock(local)}"


def _meters(count: int) -> str:
    return ngettext("%(count)s meter", "%(count)s meters", count) % {"count": writing.number(count)}


def _change(change: float) -> str:
    return f"{'+' if change >= 0 else ''}{writing.share(change, 1)}"


when_later, meters_later, change_later = (writing.later(write) for write in (_when, _meters, _change))
short_number_later = writing.later(writing.short_number)


def energy_section(view: EnergyView) -> Section:
    """Tiles, bars, demand and the numbers by bucket."""
    zone = plant_zone()
    price = energy_price()
    columns = [
        Column(_("From"), Kind.MOMENT if view.word in ("quarter", "hour") else Kind.DAY),
        Column(_("Energy"), Kind.NUMBER, "kWh", 1),
        Column(_("Peak"), Kind.NUMBER, "kW", 1),
        Column(_("Coverage"), Kind.SHARE, decimals=1),
    ]
    rows: list[list] = [
        [moment(one.start), one.amount.kwh, one.peak_kw, one.coverage] for one in view.buckets
    ]
    if price.per_kwh is not None:
        columns.append(Column(_("Cost"), Kind.NUMBER, price.currency, 2))
        for row in rows:
            row.append(price_of(row[1], price.per_kwh))
    section = Section(
        _("Energy"),
        [
            energy_tiles(view),
            Figure(ENERGY_BY[view.word], energy_bars(view.buckets, zone, before=view.before)),
            Figure(
                _("Demand"),
                demand_course(
                    view.course, view.start, view.end, zone, peak_kw=view.total.peak_kw, now=view.now
                ),
            ),
            Table(ENERGY_BY[view.word], columns, rows),
        ],
    )
    if view.flags:
        section.blocks.append(Notes(flag_notes(view.flags)))
    return section


def oee_section(
    *, start: int, end: int, now: int, device_id: int | None = None, group_id: int | None = None
) -> Section | None:
    """The figures, how they went, where the time was lost, and each machine; None where there is no machine."""
    metrics = oee_metrics(start=start, end=end, now=now, device_id=device_id, group_id=group_id)
    if metrics["flags"] == ["no_profile"]:
        return None
    zone = plant_zone()
    good = format_lazy(_("{count} good"), count=number_later(metrics["good"]))
    blocks: list = [
        Tiles(
            [
                Tile(_("OEE"), metrics["oee"], Kind.PERCENT, decimals=1),
                Tile(_("Availability"), metrics["availability"], Kind.PERCENT, decimals=1),
                Tile(_("Performance"), metrics["performance"], Kind.PERCENT, decimals=1),
                Tile(_("Quality"), metrics["quality"], Kind.PERCENT, decimals=1),
                Tile(
                    _("Planned time"),
                    metrics["planned_seconds"],
                    Kind.DURATION,
                    note=_("of all machines together"),
                ),
                Tile(
                    _("Pieces"),
                    metrics["total"],
                    decimals=0,
                    note=good,
                ),
            ]
        ),
        Figure(_("Against the target"), oee_levels(metrics)),
        Figure(_("Where the time went"), loss_steps(metrics["losses"])),
        Table(
            _("Where the time went"),
            [Column(_("Loss")), Column(_("Time"), Kind.NUMBER, "min", 1)],
            [[loss_word(row), row["minutes"]] for row in metrics["losses"]],
            printed=0,
        ),
    ]
    if len(metrics["trend"]) > 1:
        blocks.insert(2, Figure(_("Day by day"), oee_trend(metrics["trend"], zone)))
    if device_id is None:
        by_machine = oee_breakdown(by="machine", start=start, end=end, now=now, group_id=group_id)
        blocks.append(Figure(_("By machine"), oee_by_part(by_machine[:MACHINES_SHOWN])))
        blocks.append(_oee_table(_("By machine"), _("Machine"), by_machine))
    word = "day" if end - start <= MOST_DAYS_MS else "week"
    rows = oee_breakdown(by=word, start=start, end=end, now=now, device_id=device_id, group_id=group_id)
    title, first = (_("By day"), _("Day")) if word == "day" else (_("By week"), _("Week from"))
    blocks.append(_oee_table(title, first, rows, kind=Kind.DAY))
    if metrics["flags"]:
        blocks.append(Notes(flag_notes(metrics["flags"])))
    return Section(_("OEE"), blocks)


def _oee_table(title: Words, first: Words, rows: Sequence[dict], *, kind: Kind = Kind.TEXT) -> Table:
    return Table(
        title,
        [
            Column(first, kind),
            Column(_("Planned"), Kind.DURATION),
            Column(_("Running"), Kind.DURATION),
            Column(_("Unknown"), Kind.DURATION),
            Column(_("Made"), Kind.NUMBER),
            Column(_("Good"), Kind.NUMBER),
            Column(pgettext_lazy("Availability, as a letter", "A"), Kind.PERCENT, decimals=1),
            Column(pgettext_lazy("Performance, as a letter", "P"), Kind.PERCENT, decimals=1),
            Column(pgettext_lazy("Quality, as a letter", "Q"), Kind.PERCENT, decimals=1),
            Column(_("OEE"), Kind.PERCENT, decimals=1),
        ],
        [
            [
                part_word(row),
                row["planned_seconds"],
                row["run_seconds"],
                row["unknown_seconds"],
                row["total"],
                row["good"],
                row["availability"],
                row["performance"],
                row["quality"],
                row["oee"],
            ]
            for row in rows
        ],
    )


def micro_stop_words(count: int, share: float | None) -> str:
    """The short stops of some time, and what they make of the planned time."""
    given = {"count": writing.number(count)}
    if share is None:
        return ngettext("%(count)s short stop", "%(count)s short stops", count) % given
    return ngettext(
        "%(count)s short stop, %(share)s of the planned time: a loss of speed, not of availability.",
        "%(count)s short stops, %(share)s of the planned time: a loss of speed, not of availability.",
        count,
    ) % {**given, "share": writing.share(share, 1)}


micro_later = writing.later(micro_stop_words)


def some_of(shown: int, all_of_them: int) -> Any:
    """`25 of 1,200`, or nothing where all are shown."""
    if all_of_them <= shown:
        return ""
    return format_lazy(_("{shown} of {count}"), shown=shown, count=number_later(all_of_them))


def stops_section(
    *, start: int, end: int, now: int, device_id: int | None = None, group_id: int | None = None
) -> Section:
    """Why machines stood, the stops that lost most, and the short ones."""
    devices = machines_in(device_id=device_id, group_id=group_id)
    downtime = downtime_in(device_ids=devices, start=start, end=end, now=now)
    found = downtime_answer(downtime, limit=0)
    worst = worst_stops(downtime, limit=STOPS_SHOWN)
    micro = found["micro_stops"]
    short = micro_later(micro["count"], micro["share_of_time"])
    return Section(
        _("Stops"),
        [
            *([Figure(_("Reasons"), stop_pareto(found["pareto"]))] if found["pareto"] else []),
            Table(
                _("Reasons"),
                [
                    Column(_("Reason")),
                    Column(_("Stops"), Kind.NUMBER),
                    Column(_("Lost"), Kind.DURATION),
                    Column(_("Share"), Kind.SHARE, decimals=1),
                    Column(pgettext_lazy("shares added up", "Together"), Kind.SHARE, decimals=1),
                ],
                [
                    [reason_word(row), row["stops"], row["seconds"], row["share"], row["cumulative"]]
                    for row in found["pareto"]
                ],
                empty=_("No machine stood in its planned time."),
                printed=0 if found["pareto"] else 1,
            ),
            Table(
                _("The stops that lost most"),
                [
                    Column(_("Machine")),
                    Column(_("From"), Kind.MOMENT),
                    Column(_("Lasted"), Kind.DURATION),
                    Column(_("Lost"), Kind.DURATION),
                    Column(_("Reason")),
                    Column(_("Note")),
                ],
                [
                    [
                        stop["name"],
                        stop["start_time"],
                        stop["seconds"],
                        stop["loss_seconds"],
                        stop["label"],
                        stop["note"],
                    ]
                    for stop in worst
                ],
                note=some_of(len(worst), found["total_stops"]),
                empty=_("No machine stood."),
            ),
            Notes([short]),
        ],
    )


def lasted_of(alert: Alert) -> float | None:
    """How long the trouble lasted, s; None while it does."""
    over = over_at(alert)
    return None if over is None else (over - alert.started_at).total_seconds()


def top_alerts_table(
    *,
    start: int,
    end: int,
    device_id: int | None = None,
    group_id: int | None = None,
    severity: str | None = None,
    with_earlier: bool = False,
) -> Table:
    """`with_earlier`: also what had begun before and was not over."""
    rows = top_alerts(
        start=start,
        end=end,
        limit=TOP_ALERTS,
        device_id=device_id,
        group_id=group_id,
        severity=severity,
        with_earlier=with_earlier,
    )
    return Table(
        _("What rang most often"),
        [
            Column(_("What")),
            Column(_("Severity")),
            Column(_("Times"), Kind.NUMBER),
            Column(_("Last"), Kind.MOMENT),
            Column(_("Message")),
        ],
        [
            [row["name"], said_later(row["severity"]), row["count"], row["last_at"], row["message"]]
            for row in rows
        ],
        empty=_("No alert in this time."),
    )
