"""The form of a shift calendar: a zone, shifts with their breaks, holidays, and from when on it is so."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.http import QueryDict
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from analytics.models import Calendar
from analytics.oee.shifts import CalendarRule, ClockSpan, ShiftRule, why_no_calendar
from analytics.pages.maintenance import DAYS
from analytics.pages.rows import Problem, are_valid, problems_of, refuse
from analytics.pages.shift_rows import Row, rows_in
from analytics.queries.shift_pages import is_since_ever
from factory.errors import DomainError

ALWAYS, FROM_A_DAY = "always", "day"
EARLIEST, LATEST = date(1970, 1, 1), date(2999, 12, 31)
REGIONS = frozenset(
    [
        "Africa",
        "America",
        "Antarctica",
        "Arctic",
        "Asia",
        "Atlantic",
        "Australia",
        "Europe",
        "Indian",
        "Pacific",
    ]
)


class Clock(forms.TimeField):
    """A time of the day, to the minute."""

    def __init__(self, **options: Any) -> None:
        widget = forms.TimeInput({"type": "time"}, "%H:%M")
        super().__init__(widget=widget, input_formats=["%H:%M"], **options)


class BreakForm(forms.Form):
    """One row: what is wrong with it is told of both its times."""

    start = Clock(label="", error_messages={"required": _("Say from when.")})
    end = Clock(label="", error_messages={"required": _("Say until when.")})

    def span(self) -> ClockSpan:
        return self.cleaned_data["start"], self.cleaned_data["end"]


class ShiftForm(forms.Form):
    name = forms.CharField(label=_("Name"), max_length=60, widget=forms.TextInput({"autocomplete": "off"}))
    start = Clock(label=_("Begins"))
    end = Clock(label=_("Ends"))
    days = forms.TypedMultipleChoiceField(
        label=_("Begins on"), choices=DAYS, coerce=int, required=False, widget=forms.CheckboxSelectMultiple
    )


class HeadForm(forms.Form):
    """What holds for all shifts of a calendar."""

    time_zone = forms.ChoiceField(label=_("Time zone"), help_text=_("Times below are on its clock."))
    holidays = forms.CharField(
        label=_("Holidays"),
        required=False,
        max_length=20_000,
        widget=forms.Textarea({"rows": 4, "placeholder": "2026-12-25", "spellcheck": "false"}),
        help_text=_("One date a line. No shift begins on these days."),
    )
    valid = forms.ChoiceField(
        label=_("It holds"),
        choices=[
            (FROM_A_DAY, _("From a day on")),
            (ALWAYS, _("Always, for the past too")),
        ],
        help_text=_("From a day on: shifts before it stay as they were."),
    )
    valid_from = forms.DateField(
        label=_("From which day on"),
        required=False,
        widget=forms.DateInput({"type": "date"}, "%Y-%m-%d"),
        validators=[MinValueValidator(EARLIEST), MaxValueValidator(LATEST)],
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        present = str(self["time_zone"].value() or "")
        self.fields["time_zone"].choices = zone_choices(present)  # type: ignore[attr-defined]

    def clean_holidays(self) -> list[date]:
        found = []
        for number, line in enumerate(self.cleaned_data["holidays"].splitlines(), start=1):
            if not line.strip():
                continue
            try:
                found.append(date.fromisoformat(line.strip()))
            except ValueError:
                raise forms.ValidationError(
                    gettext("Line %(number)d: “%(text)s” is no date such as 2026-12-25.")
                    % {"number": number, "text": line.strip()[:40]}
                ) from None
        return sorted(set(found))

    def clean(self) -> dict[str, Any]:
        given = super().clean() or self.cleaned_data
        if (
            given.get("valid") == FROM_A_DAY
            and not given.get("valid_from")
            and not self.has_error("valid_from")
        ):
            self.add_error("valid_from", gettext("Say from which day on."))
        return given

    @property
    def begins(self) -> date | None:
        """As `set_shifts` takes it."""
        return self.cleaned_data["valid_from"] if self.cleaned_data["valid"] == FROM_A_DAY else None


@cache
def _zones() -> tuple[tuple[str, tuple[tuple[str, str], ...]], ...]:
    by_region: dict[str, list[tuple[str, str]]] = {}
    for name in sorted(available_timezones()):
        region, _, place = name.partition("/")
        if region in REGIONS and place:
            by_region.setdefault(region, []).append((name, place.replace("_", " ")))
    return tuple((region, tuple(places)) for region, places in by_region.items())


def zone_choices(present: str) -> list[tuple[str, Any]]:
    """The plant's zone, what is chosen already, and then the world's by its regions."""
    usual = [settings.PLANT_TIME_ZONE, *([present] if present in available_timezones() else []), "UTC"]
    return [*((name, name) for name in dict.fromkeys(usual)), *_zones()]


def _break_form(data: QueryDict | None, prefix: str, span: tuple[str, str]) -> BreakForm:
    if data is None:
        return BreakForm(prefix=prefix, initial={"start": span[0], "end": span[1]})
    return BreakForm(data, prefix=prefix, empty_permitted=True, use_required_attribute=False)


@dataclass
class ShiftPart:
    """One shift of the form with its breaks."""

    form: ShiftForm
    breaks: list[BreakForm] = field(default_factory=list)

    @property
    def filled(self) -> list[BreakForm]:
        """A break that nobody filled in is none."""
        return [each for each in self.breaks if each.cleaned_data]

    def rule(self) -> ShiftRule:
        given = self.form.cleaned_data
        breaks = tuple(each.span() for each in self.filled)
        return ShiftRule(given["name"], frozenset(given["days"]), given["start"], given["end"], breaks)


class ShiftsForm:
    """All of it. Made of what was sent, or of rows and a head to be shown."""

    def __init__(
        self,
        data: QueryDict | None = None,
        *,
        rows: Sequence[Row] = (),
        head: dict[str, Any] | None = None,
        focus: str = "",
    ) -> None:
        rows = rows if data is None else rows_in(data)
        self.head = HeadForm(data, initial=head)
        self.shifts = [self._part(data, place, row) for place, row in enumerate(rows)]
        for form in [part.form for part in self.shifts] + [
            one for part in self.shifts for one in part.breaks
        ]:
            for name, one in form.fields.items():
                if form.add_prefix(name) == focus:
                    one.widget.attrs["autofocus"] = True
        self.focus = focus

    @staticmethod
    def _part(data: QueryDict | None, place: int, row: Row) -> ShiftPart:
        shown = {"name": row.name, "days": list(row.days), "start": row.start, "end": row.end}
        breaks = [
            _break_form(data, f"shift-{place}-break-{number}", span) for number, span in enumerate(row.breaks)
        ]
        return ShiftPart(ShiftForm(data, prefix=f"shift-{place}", initial=shown), breaks)

    def _parts(self) -> Iterator[tuple[str, forms.BaseForm]]:
        yield "", self.head
        for place, part in enumerate(self.shifts):
            called = str(part.form["name"].value() or "").strip() or gettext("Shift %(number)d") % {
                "number": place + 1
            }
            yield called, part.form
            for number, one in enumerate(part.breaks, start=1):
                yield gettext("%(shift)s, break %(number)d") % {"shift": called, "number": number}, one

    def is_valid(self) -> bool:
        """Whether all of it can be meant; what cannot is told where it stands."""
        if not are_valid(part for _, part in self._parts()):
            return False
        self._report({name: [reason] for name, reason in why_no_calendar(self.rules()).items()})
        return not self.problems

    @property
    def problems(self) -> list[Problem]:
        return list(problems_of(self._parts())) if self.head.is_bound else []

    def rules(self) -> list[ShiftRule]:
        return [part.rule() for part in self.shifts]

    def calendar(self) -> CalendarRule:
        given = self.head.cleaned_data
        return CalendarRule(given["time_zone"], tuple(self.rules()), frozenset(given["holidays"]))

    def refuse(self, refusal: DomainError) -> None:
        """Show what the service refuses at the row that it speaks of."""
        self._report(refusal.fields or {"": [refusal.message]})

    def _report(self, reasons: dict[str, list[str]]) -> None:
        for wire, why in reasons.items():
            form, name = self._place(wire.split("."))
            refuse(form, name, why)

    def _place(self, way: list[str]) -> tuple[forms.BaseForm, str | None]:
        """The part and the field that a name on the wire means: `shifts.1.breaks.0` is the start of that break."""
        match way:
            case ["shifts", place, "breaks", number]:
                return self.shifts[int(place)].filled[int(number)], "start"
            case ["shifts", place, name] if name in ShiftForm.base_fields:
                return self.shifts[int(place)].form, name
            case ["shifts", place, *_]:
                return self.shifts[int(place)].form, None
            case [name] if name in HeadForm.base_fields:
                return self.head, name
        return self.head, None


def head_of(calendar: Calendar | None, *, today: date, is_chosen: bool = False) -> dict[str, Any]:
    """What stands in the head at first. A change proposes not to touch what is past, unless somebody chose a version:
    that one is replaced then."""
    if calendar is None:
        return {"time_zone": settings.PLANT_TIME_ZONE, "valid": ALWAYS, "valid_from": today}
    begins = today if is_since_ever(calendar) else max(calendar.valid_from, today)
    if is_chosen:
        begins = calendar.valid_from
    return {
        "time_zone": calendar.time_zone,
        "holidays": "\n".join(calendar.holidays),
        "valid": FROM_A_DAY,
        "valid_from": begins,
    }


def head_in(data: QueryDict) -> dict[str, Any]:
    """What was sent of it, to be shown again."""
    return {name: data.get(name, "") for name in HeadForm.base_fields}
