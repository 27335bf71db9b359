"""Sections that several reports have: energy, OEE, stops, alerts."""

from collections.abc import Sequence

from alerts.models import Alert
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
from analytics.energy.course import price_of
from analytics.plant_clock import plant_zone
from analytics.queries.downtime import downtime_answer, downtime_in, worst_stops
from analytics.queries.energy_view import EnergyView
from analytics.queries.machines import machines_in
from analytics.queries.meters import energy_price
from analytics.queries.oee_answers import oee_breakdown, oee_metrics
from analytics.queries.trends import top_alerts
from analytics.reports.document import Column, Figure, Kind, Notes, Section, Table, Tile, Tiles, flag_notes

STOPS_SHOWN = 25
MACHINES_SHOWN = 60
TOP_ALERTS = 15
MOST_DAYS_MS = 62 * 86_400_000


def energy_tiles(view: EnergyView) -> Tiles:
    total = view.total
    price = energy_price()
    kwh = total.amount.kwh
    meters = len(view.meters)
    noun = "meter" if meters == 1 else "meters"
    change = None if view.change is None else f"{view.change:+.1%} against the time before"
    tiles = [
        Tile("Energy", kwh, unit="kWh", decimals=1, note=change or "nothing to compare with"),
        Tile("Peak of a quarter of an hour", total.peak_kw, unit="kW", decimals=1, note=_when(total.peak_at)),
        Tile(
            "Base load", view.course.base_load_kw(), unit="kW", decimals=1, note="exceeded 95 % of the time"
        ),
        Tile("Coverage", total.coverage, Kind.SHARE, decimals=1, note=f"{meters:,} {noun}"),
    ]
    if price.per_kwh is not None and kwh is not None:
        note = f"at {price.per_kwh:g} {price.currency} per kWh"
        cost = price_of(kwh, price.per_kwh)
        tiles.insert(1, Tile("Cost", cost, unit=price.currency, decimals=2, note=note))
    return Tiles(tiles)


def _when(at: int | None) -> str:
    if at is None:
        return ""
    local = moment(at).astimezone(plant_zone())
    return f"{local.day} {local:%b, %H:%M}"


def energy_section(view: EnergyView) -> Section:
    """Tiles, bars, demand and the numbers by bucket."""
    zone = plant_zone()
    price = energy_price()
    columns = [
        Column("From", Kind.MOMENT if view.word in ("quarter", "hour") else Kind.DAY),
        Column("Energy", Kind.NUMBER, "kWh", 1),
        Column("Peak", Kind.NUMBER, "kW", 1),
        Column("Coverage", Kind.SHARE, decimals=1),
    ]
    rows: list[list] = [
        [moment(one.start), one.amount.kwh, one.peak_kw, one.coverage] for one in view.buckets
    ]
    if price.per_kwh is not None:
        columns.append(Column("Cost", Kind.NUMBER, price.currency, 2))
        for row in rows:
            row.append(price_of(row[1], price.per_kwh))
    section = Section(
        "Energy",
        [
            energy_tiles(view),
            Figure(f"Energy by {view.word}", energy_bars(view.buckets, zone, before=view.before)),
            Figure(
                "Demand",
                demand_course(
                    view.course, view.start, view.end, zone, peak_kw=view.total.peak_kw, now=view.now
                ),
            ),
            Table(f"Energy by {view.word}", columns, rows),
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
    blocks: list = [
        Tiles(
            [
                Tile("OEE", metrics["oee"], Kind.PERCENT, decimals=1),
                Tile("Availability", metrics["availability"], Kind.PERCENT, decimals=1),
                Tile("Performance", metrics["performance"], Kind.PERCENT, decimals=1),
                Tile("Quality", metrics["quality"], Kind.PERCENT, decimals=1),
                Tile(
                    "Planned time", metrics["planned_seconds"], Kind.DURATION, note="of all machines together"
                ),
                Tile("Pieces", metrics["total"], decimals=0, note=f"{metrics['good']:,.0f} good"),
            ]
        ),
        Figure("Against the target", oee_levels(metrics)),
        Figure("Where the time went", loss_steps(metrics["losses"])),
        Table(
            "Where the time went",
            [Column("Loss"), Column("Time", Kind.NUMBER, "min", 1)],
            [[row["label"], row["minutes"]] for row in metrics["losses"]],
            printed=0,
        ),
    ]
    if len(metrics["trend"]) > 1:
        blocks.insert(2, Figure("Day by day", oee_trend(metrics["trend"], zone)))
    if device_id is None:
        by_machine = oee_breakdown(by="machine", start=start, end=end, now=now, group_id=group_id)
        blocks.append(Figure("By machine", oee_by_part(by_machine[:MACHINES_SHOWN])))
        blocks.append(_oee_table("By machine", "Machine", by_machine))
    word = "day" if end - start <= MOST_DAYS_MS else "week"
    rows = oee_breakdown(by=word, start=start, end=end, now=now, device_id=device_id, group_id=group_id)
    first = "Day" if word == "day" else "Week from"
    blocks.append(_oee_table(f"By {word}", first, rows, kind=Kind.DAY))
    if metrics["flags"]:
        blocks.append(Notes(flag_notes(metrics["flags"])))
    return Section("OEE", blocks)


def _oee_table(title: str, first: str, rows: Sequence[dict], *, kind: Kind = Kind.TEXT) -> Table:
    return Table(
        title,
        [
            Column(first, kind),
            Column("Planned", Kind.DURATION),
            Column("Running", Kind.DURATION),
            Column("Unknown", Kind.DURATION),
            Column("Made", Kind.NUMBER),
            Column("Good", Kind.NUMBER),
            Column("A", Kind.PERCENT, decimals=1),
            Column("P", Kind.PERCENT, decimals=1),
            Column("Q", Kind.PERCENT, decimals=1),
            Column("OEE", Kind.PERCENT, decimals=1),
        ],
        [
            [
                row["label"],
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


def stops_section(
    *, start: int, end: int, now: int, device_id: int | None = None, group_id: int | None = None
) -> Section:
    """Why machines stood, the stops that lost most, and the short ones."""
    devices = machines_in(device_id=device_id, group_id=group_id)
    downtime = downtime_in(device_ids=devices, start=start, end=end, now=now)
    found = downtime_answer(downtime, limit=0)
    worst = worst_stops(downtime, limit=STOPS_SHOWN)
    micro = found["micro_stops"]
    share = micro["share_of_time"]
    micro_words = f"{micro['count']:,} short {'stop' if micro['count'] == 1 else 'stops'}"
    if share is not None:
        micro_words += f", {share:.1%} of the planned time: a loss of speed, not of availability."
    return Section(
        "Stops",
        [
            *([Figure("Reasons", stop_pareto(found["pareto"]))] if found["pareto"] else []),
            Table(
                "Reasons",
                [
                    Column("Reason"),
                    Column("Stops", Kind.NUMBER),
                    Column("Lost", Kind.DURATION),
                    Column("Share", Kind.SHARE, decimals=1),
                    Column("Together", Kind.SHARE, decimals=1),
                ],
                [
                    [row["label"], row["stops"], row["seconds"], row["share"], row["cumulative"]]
                    for row in found["pareto"]
                ],
                empty="No machine stood in its planned time.",
                printed=0 if found["pareto"] else 1,
            ),
            Table(
                "The stops that lost most",
                [
                    Column("Machine"),
                    Column("From", Kind.MOMENT),
                    Column("Lasted", Kind.DURATION),
                    Column("Lost", Kind.DURATION),
                    Column("Reason"),
                    Column("Note"),
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
                note=f"{len(worst)} of {found['total_stops']:,}" if found["total_stops"] > len(worst) else "",
                empty="No machine stood.",
            ),
            Notes([micro_words]),
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
        "What rang most often",
        [
            Column("What"),
            Column("Severity"),
            Column("Times", Kind.NUMBER),
            Column("Last", Kind.MOMENT),
            Column("Message"),
        ],
        [[row["name"], row["severity"], row["count"], row["last_at"], row["message"]] for row in rows],
        empty="No alert in this time.",
    )
