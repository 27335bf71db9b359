"""Stop codes as their page shows them: with how often each was used."""

from collections import Counter
from dataclasses import dataclass

from django.db.models import Count
from django.utils.translation import gettext

from analytics.models import StateInterval, StopCode, StopReason
from analytics.queries.stop_codes import stop_codes
from factory.errors import NotFound


class CodeUnknown(NotFound):
    """There is no such stop code."""


@dataclass(frozen=True)
class CodeRow:
    """A code, and for how many stops people gave it as the reason."""

    code: StopCode
    uses: int


def code_rows() -> list[CodeRow]:
    """All codes: those that are offered first, in order of their labels."""
    uses: Counter[str] = Counter()
    for rows in (StopReason.objects, StateInterval.objects.filter(is_added=True).exclude(code=None)):
        uses.update(dict(rows.order_by().values_list("code").annotate(Count("pk"))))
    found = [CodeRow(code, uses[code.pk]) for code in stop_codes()]
    return sorted(found, key=lambda row: not row.code.active)


def get_code(code: str) -> StopCode:
    found = StopCode.objects.filter(pk=code).first()
    if found is None:
        raise CodeUnknown(gettext("There is no stop code %(code)s.") % {"code": code})
    return found
