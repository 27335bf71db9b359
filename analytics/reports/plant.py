"""The report on the plant or a group: energy, OEE, stops, reliability, alerts."""

from collections.abc import Callable
from datetime import datetime

from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from analytics.figure_words import basis_word
from analytics.plant_clock import plant_zone
from analytics.queries.consumers import largest_consumers
from analytics.queries.energy_view import EnergyView, energy_view
from analytics.queries.meters import scope_of
from analytics.queries.reliability import reliability_rows
from analytics.queries.states import ms
from analytics.reports.document import Column, Document, Kind, Section, Table
from analytics.reports.parts import energy_section, oee_section, some_of, stops_section, top_alerts_table
from analytics.reports.words import range_later
from analytics.writing import number_later, share_later
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
        title=format_lazy(_("Analytics: {name}"), name=group.name) if group else _("Analytics: the plant"),
        subtitle=range_later(start, end),
        zone=plant_zone(),
        made_at=at,
        facts=[
            (_("Devices"), number_later(len(scope.device_ids))),
            (_("Energy meters"), number_later(len(view.meters))),
            (_("Coverage of energy"), share_later(view.total.coverage, 1)),
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
        Section(_("Alerts"), [top_alerts_table(start=start, end=end, group_id=group_id, with_earlier=True)])
    )
    return document


def _consumers(view: EnergyView) -> Section:
    largest, known = largest_consumers(view.scope, start=view.start, end=view.end, limit=CONSUMERS_SHOWN)
    return Section(
        _("The largest consumers"),
        [
            Table(
                "",
                [
                    Column(_("Device")),
                    Column(_("Measured in")),
                    Column(_("Told by")),
                    Column(_("Energy"), Kind.NUMBER, "kWh", 1),
                    Column(_("Share"), Kind.SHARE, decimals=1),
                ],
                [[one.name, one.within, one.metric, one.kwh, one.share] for one in largest],
                note=some_of(len(largest), known),
                empty=_("No energy is known in this time."),
            )
        ],
    )


def _reliability(start: int, end: int, now: int, group_id: int | None) -> Section:
    rows = [
        row for row in reliability_rows(start=start, end=end, now=now, group_id=group_id) if row["failures"]
    ]
    return Section(
        _("Reliability"),
        [
            Table(
                "",
                [
                    Column(_("Device")),
                    Column(_("Failures"), Kind.NUMBER),
                    Column(_("Between failures (MTBF)"), Kind.DURATION),
                    Column(_("To repair (MTTR)"), Kind.DURATION),
                    Column(pgettext_lazy("what failures are counted by", "By")),
                ],
                [
                    [
                        row["name"],
                        row["failures"],
                        row["mtbf_seconds"],
                        row["mttr_seconds"],
                        basis_word(row),
                    ]
                    for row in rows[:DEVICES_SHOWN]
                ],
                note=_(
                    "Machines by stops that are failures or have no reason yet, others by critical alerts."
                ),
                empty=_("Nothing failed in this time."),
            )
        ],
    )
