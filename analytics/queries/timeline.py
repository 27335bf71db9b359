"""What machines did piece by piece, with their shifts: for a timeline."""

from collections.abc import Sequence

from django.utils.translation import gettext

from analytics.oee.timeline import Row
from analytics.queries.machines import load_machines, names_of
from analytics.queries.states import pieces_between, states_of
from factory.errors import InvalidInput
from telemetry.days import check_range
from telemetry.sql import snapshot

LONGEST_MS = 32 * 86_400_000


def timeline_of(*, device_ids: Sequence[int], start: int, end: int, now: int) -> list[Row]:
    """What machines did in [start, end), ms, in order of their names."""
    check_range(start, end)
    if end - start > LONGEST_MS:
        raise InvalidInput.at("endTime", gettext("must be at most 32 days after startTime"))
    until = min(end, now)
    if start >= until:
        return []
    with snapshot():
        machines = load_machines(device_ids)
        states = states_of(machines, start=start, end=until, now=now)
    names = names_of(machines)
    rows = []
    for device_id, machine in machines.items():
        found = pieces_between(machine, states[device_id], start, until)
        pieces = [piece for _, part in found for piece in part]
        shifts = machine.shifts_in(start, end) if machine.calendars else []
        rows.append(Row(device_id, names.get(device_id, ""), pieces, shifts))
    return sorted(rows, key=lambda row: (row.name.casefold(), row.device_id))
