"""The forms of a machine: its profile, its products, and what it makes from now on."""

from collections.abc import Iterator, Sequence
from datetime import datetime, time
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from analytics.models import MachineProfile, Product
from analytics.models.machines import LONGEST_MICRO_STOP, USUAL_MICRO_STOP
from analytics.pages.exact_moment import ExactMoment
from analytics.pages.rows import Problem, are_valid, problems_of, refuse, rows_sent, step_asked
from analytics.queries.states import ms
from analytics.services.machines import PRODUCTS_LIMIT
from analytics.templatetags.plant import moment
from devices.models import Device
from factory.errors import DomainError
from telemetry.rules import metric_for

RunningBy = MachineProfile.RunningBy
ALWAYS, TODAY, MOMENT = "always", "today", "moment"
REJECTS, GOOD, NOTHING = "reject", "good", ""
EARLIEST = 1  # ms; 0 is since ever
RUNNING = [
    (RunningBy.METRIC, _("By a metric above a level")),
    (RunningBy.EVENTS, _("By events: it begins, it ends")),
    (RunningBy.STATUS, _("By its status")),
]
# A device that is offline is not known to run.
STATUSES = [(value, label) for value, label in Device.Status.choices if value != Device.Status.OFFLINE]
WIRE_NAMES = {
    "idealCycleSeconds": "ideal_cycle_seconds",
    "totalMetric": "total_metric",
    "goodMetric": "quality_metric",
    "rejectMetric": "quality_metric",
    "running.metric": "running_metric",
    "running.status": "running_statuses",
    "microStopSeconds": "micro_stop_seconds",
    "validFrom": "since_at",
}


def metric_field(label: Any, **options: Any) -> forms.CharField:
    """The name of a metric: one of those that the device reports, or another one."""
    attributes = {"list": "metrics", "autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}
    return forms.CharField(label=label, max_length=63, widget=forms.TextInput(attributes), **options)


def seconds_field(label: Any, **options: Any) -> forms.FloatField:
    widget = forms.NumberInput({"step": "any", "inputmode": "decimal", "data-cycle": True})
    return forms.FloatField(label=label, widget=widget, **options)


class ProfileForm(forms.Form):
    """What a device is as a machine. What may not be together, the service says; what is not chosen does not count."""

    ideal_cycle_seconds = seconds_field(
        _("Ideal cycle"), help_text=_("For one piece, at the best speed that it can keep.")
    )
    total_metric = metric_field(_("Counter of all pieces"), help_text=_("Good ones and rejects together."))
    quality_by = forms.ChoiceField(
        label=_("Quality"),
        choices=[
            (REJECTS, _("A counter of rejects")),
            (GOOD, _("A counter of good pieces")),
            (NOTHING, _("Not counted: every piece is good")),
        ],
        required=False,
    )
    quality_metric = metric_field(_("Which counter"), required=False)
    running_by = forms.ChoiceField(label=_("How that is told"), choices=RUNNING)
    running_metric = metric_field(_("Which metric"), required=False)
    running_above = forms.FloatField(
        label=_("Above"),
        required=False,
        widget=forms.NumberInput({"step": "any"}),
        help_text=_("At this level or below it stands."),
    )
    running_statuses = forms.MultipleChoiceField(
        label=_("While its status is one of"),
        choices=STATUSES,
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    micro_stop_seconds = forms.IntegerField(
        label=_("Micro-stops are shorter than"),
        min_value=0,
        max_value=LONGEST_MICRO_STOP,
        initial=USUAL_MICRO_STOP,
        help_text=_("They count as lost speed, not as downtime."),
    )
    since = forms.ChoiceField(
        label=_("It holds"),
        choices=[
            (TODAY, _("From today on")),
            (MOMENT, _("From a moment on")),
            (ALWAYS, _("Always, for the past too")),
        ],
        help_text=_("From today or a moment on: what was before stays as it was."),
    )
    since_at = ExactMoment(label=_("From which moment on"), required=False)

    def __init__(self, *args: Any, is_new: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.is_new = is_new
        if is_new:
            del self.fields["since"], self.fields["since_at"]
        self.level_unit = metric_for(str(self["running_metric"].value() or "")).unit

    def clean(self) -> dict[str, Any]:
        given = super().clean() or self.cleaned_data
        if (
            given.get("quality_by")
            and not given.get("quality_metric")
            and not self.has_error("quality_metric")
        ):
            self.add_error("quality_metric", gettext("Name it, or choose that nothing is counted."))
        if given.get("since") == MOMENT and not self.has_error("since_at"):
            at = given.get("since_at")
            if at is None:
                self.add_error("since_at", gettext("Say from which moment on."))
            elif ms(at) < EARLIEST:
                self.add_error("since_at", gettext("Say a moment after 1970."))
        return given

    def properties(self, *, at: datetime) -> dict[str, Any]:
        """As `set_machine_profile` takes them."""
        given = self.cleaned_data
        by, quality = given["running_by"], given["quality_by"]
        return {
            "ideal_cycle_seconds": given["ideal_cycle_seconds"],
            "total_metric": given["total_metric"],
            "good_metric": given["quality_metric"] if quality == GOOD else "",
            "reject_metric": given["quality_metric"] if quality == REJECTS else "",
            "running_by": RunningBy(by),
            "running_metric": "" if by == RunningBy.STATUS else given["running_metric"],
            "running_above": (given["running_above"] or 0.0) if by == RunningBy.METRIC else 0.0,
            "running_statuses": sorted(given["running_statuses"]) if by == RunningBy.STATUS else [],
            "micro_stop_seconds": given["micro_stop_seconds"],
            "valid_from": self._begins(at),
        }

    def _begins(self, at: datetime) -> int | None:
        since = self.cleaned_data.get("since", ALWAYS)
        if since == ALWAYS:
            return None
        if since == MOMENT:
            return ms(self.cleaned_data["since_at"])
        return _midnight(at)


def _midnight(at: datetime) -> int:
    """With which today began, on the plant's clock."""
    return ms(timezone.make_aware(datetime.combine(timezone.localdate(at), time())))


def initial_of(profile: MachineProfile | None, *, at: datetime) -> dict[str, Any]:
    """What the form shows at first. A change proposes not to touch what is past."""
    if profile is None:
        return {"quality_by": REJECTS, "running_by": RunningBy.METRIC, "running_above": 0}
    return {
        "ideal_cycle_seconds": f"{profile.ideal_cycle_seconds:.15g}",
        "total_metric": profile.total_metric,
        "quality_by": GOOD if profile.good_metric else REJECTS if profile.reject_metric else NOTHING,
        "quality_metric": profile.good_metric or profile.reject_metric,
        "running_by": profile.running_by,
        "running_metric": profile.running_metric,
        "running_above": f"{profile.running_above:.15g}",
        "running_statuses": profile.running_statuses,
        "micro_stop_seconds": profile.micro_stop_seconds,
        "since": TODAY if profile.valid_from <= _midnight(at) else MOMENT,
        "since_at": moment(profile.valid_from) if profile.valid_from else None,
    }


# Products

ProductRow = tuple[str, str]  # name and ideal cycle, as they stand in the form


class ProductForm(forms.Form):
    name = forms.CharField(
        label=_("Product"), max_length=120, widget=forms.TextInput({"autocomplete": "off"})
    )
    ideal_cycle_seconds = seconds_field(_("Ideal cycle"))


class ProductsForm:
    """The products of a machine, a row each. Made of what was sent, or of rows to be shown."""

    def __init__(
        self, data: QueryDict | None = None, *, rows: Sequence[ProductRow] = (), focus: str = ""
    ) -> None:
        self.rows = (
            [_shown_product(place, row) for place, row in enumerate(rows)]
            if data is None
            else [_sent_product(data, place) for place in range(len(products_in(data)))]
        )
        self.other: list[Problem] = []
        self.focus = focus
        for row in self.rows:
            for name, field in row.fields.items():
                if row.add_prefix(name) == focus:
                    field.widget.attrs["autofocus"] = True

    def _parts(self) -> Iterator[tuple[str, forms.BaseForm]]:
        for place, row in enumerate(self.rows, start=1):
            yield str(row["name"].value() or "").strip() or gettext("Row %(number)d") % {"number": place}, row

    def is_valid(self) -> bool:
        return are_valid(self.rows)

    @property
    def problems(self) -> list[Problem]:
        told = problems_of(part for part in self._parts() if part[1].is_bound)
        return [*self.other, *told]

    @property
    def _filled(self) -> list[ProductForm]:
        """A row that nobody filled in is none."""
        return [row for row in self.rows if row.cleaned_data]

    def products(self) -> list[tuple[str, float]]:
        given = [row.cleaned_data for row in self._filled]
        return [(one["name"], one["ideal_cycle_seconds"]) for one in given]

    def refuse(self, refusal: DomainError) -> None:
        for wire, reasons in refusal.fields.items():
            match wire.split("."):
                case ["products", place, name]:
                    refuse(self._filled[int(place)], WIRE_NAMES.get(name, name), reasons)
                case _:
                    self.other += [
                        Problem("", gettext("Products: %(reason)s") % {"reason": reason})
                        for reason in reasons
                    ]
        if not refusal.fields:
            self.other.append(Problem("", refusal.message))


def _shown_product(place: int, row: ProductRow) -> ProductForm:
    name, seconds = row
    return ProductForm(prefix=f"product-{place}", initial={"name": name, "ideal_cycle_seconds": seconds})


def _sent_product(data: QueryDict, place: int) -> ProductForm:
    return ProductForm(data, prefix=f"product-{place}", empty_permitted=True, use_required_attribute=False)


def products_in(data: QueryDict) -> list[ProductRow]:
    """The rows that were sent; one too many is refused by the service."""
    return [
        (data.get(f"product-{place}-name", ""), data.get(f"product-{place}-ideal_cycle_seconds", ""))
        for place in range(rows_sent(data, "products", most=PRODUCTS_LIMIT + 1))
    ]


def rows_of_products(products: Sequence[Product]) -> list[ProductRow]:
    return [(product.name, f"{product.ideal_cycle_seconds:.15g}") for product in products]


def with_product_step(rows: Sequence[ProductRow], do: str) -> tuple[list[ProductRow], str] | None:
    """The rows after a button was pressed, and what the keyboard is left on; None where it adds or takes none away."""
    step, numbers = step_asked(do)
    match step, numbers:
        case "add-product", []:
            return [*rows, ("", "")], f"product-{len(rows)}-name"
        case "remove-product", [place] if place < len(rows):
            return [*rows[:place], *rows[place + 1 :]], "add-product"
    return None


class StartForm(forms.Form):
    """What it makes, and since when."""

    product = forms.ChoiceField(label=_("It makes"), required=False)
    start = ExactMoment(label=_("Since"), required=False, help_text=_("Empty: from now on."))

    def __init__(self, *args: Any, products: Sequence[Product], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["product"].choices = [  # type: ignore[attr-defined]
            ("", gettext("What its profile says")),
            *((product.name, product.name) for product in products),
        ]

    def asked(self, *, at: datetime) -> dict[str, Any]:
        """As `start_product` takes it."""
        given = self.cleaned_data
        return {"product": given["product"] or None, "start": ms(given["start"] or at)}
