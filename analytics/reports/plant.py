"""The report on the plant or a group: energy, OEE, stops, reliability, alerts."""

from collections.abc import Callable
from datetime import datetime

from analytics.plant_clock import plant_zone
from analytics.queries.consumers import largest_consumers
from analytics.queries.energy_view import EnergyView, energy_view
from analytics.queries.meters import scope_of
from analytics.queries.reliability import reliability_rows
from analytics.queries.states import ms
from analytics.reports.document import Column, Document, Kind, Section, Table
from analytics.reports.parts import energy_section, oee_section, stops_section, top_alerts_table
from analytics.reports.words import range_words
from grouping.queries import get_group

CONSUMERS_SHOWN = 25
DEVICES_SHOWN = 25

Tell = Callable[[int], None]


def plant_report(*, start: int, end: int, at: datetime, tell: Tell, group_id: int | None = None) -> Document:
    """Of [start, end), ms; `tell` hears how many percent are done."""
    now = ms(at)
    group = get_group(group_id) if group_id is not None else None
    scope = scope_of(group_id=group_id)
    view = energy_view(scope, start=start, end=end, now=now)
    tell(25)
    document = Document(
        title=f"Analytics: {group.name}" if group else "Analytics: the plant",
        subtitle=range_words(start, end),
        zone=plant_zone(),
        made_at=at,
        facts=[
            ("Devices", f"{len(scope.device_ids):,}"),
            ("Energy meters", f"{len(view.meters):,}"),
            ("Coverage of energy", f"{view.total.coverage:.1%}"),
        ],
        sections=[energy_section(view), _consumers(view)],
    )
    tell(40)
    oee = oee_section(start=start, end=end, now=now, group_id=group_id)
    tell(60)
    if oee is not None:
        document.sections += [oee, stops_section(start=start, end=end, now=now, group_id=group_id)]
    tell(75)
    document.sections.append(_reliability(start, end, now, group_id))
    document.sections.append(
        Section("Alerts", [top_alerts_table(start=start, end=end, group_id=group_id, with_earlier=True)])
    )
    return document


def _consumers(view: EnergyView) -> Section:
    largest, known = largest_consumers(view.scope, start=view.start, end=view.end, limit=CONSUMERS_SHOWN)
    return Section(
        "The largest consumers",
        [
            Table(
                "",
                [
                    Column("Device"),
                    Column("Measured in"),
                    Column("Told by"),
                    Column("Energy", Kind.NUMBER, "kWh", 1),
                    Column("Share", Kind.SHARE, decimals=1),
                ],
                [[one.name, one.within, one.metric, one.kwh, one.share] for one in largest],
                note=f"{len(largest)} of {known:,}" if known > len(largest) else "",
                empty="No energy is known in this time.",
            )
        ],
    )


def _reliability(start: int, end: int, now: int, group_id: int | None) -> Section:
    rows = [
        row for row in reliability_rows(start=start, end=end, now=now, group_id=group_id) if row["failures"]
    ]
    return Section(
        "Reliability",
        [
            Table(
                "",
                [
                    Column("Device"),
                    Column("Failures", Kind.NUMBER),
                    Column("Between failures (MTBF)", Kind.DURATION),
                    Column("To repair (MTTR)", Kind.DURATION),
                    Column("By"),
                ],
                [
                    [row["name"], row["failures"], row["mtbf_seconds"], row["mttr_seconds"], row["basis"]]
                    for row in rows[:DEVICES_SHOWN]
                ],
                note="Machines by stops that are failures or have no reason yet, others by critical alerts.",
                empty="Nothing failed in this time.",
            )
        ],
    )
