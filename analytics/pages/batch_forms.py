"""What is done to many devices, and with what: one small form per operation."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.conf import settings
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from analytics.pages.command_forms import WAITS, CommandForm, JsonObjectField, ParametersForm
from analytics.queries.device_tabs import all_commands
from analytics.words import said
from devices.models import CommandType, Device
from factory.accounts.models import User
from factory.errors import DomainError
from grouping.operations import Operation, operations

COMMAND = "command"
ANOTHER = "command:-"
HELP = {
    "restart": _("Each device is told to restart, and counts as done when it says so."),
    "update_status": _("What people say about them: under maintenance, online again."),
    "update_config": _("Each device is wished a configuration, and counts as done when it reports it."),
    "firmware_update": _("A new firmware, as a rollout."),
}


@dataclass(frozen=True, slots=True)
class Choice:
    """Something that can be chosen to be done; `name` stands in the form."""

    name: str
    operation: Operation
    title: str
    help: str
    command: CommandType | None = None


def choices_for(person: User) -> list[Choice]:
    """All that this person may have done, the declared commands by their names."""
    found: list[Choice] = []
    for operation in operations():
        if not person.has_rank_of(operation.role):
            continue
        if operation.name != COMMAND:
            found.append(
                Choice(operation.name, operation, said(operation.label), str(HELP.get(operation.name, "")))
            )
            continue
        for command in all_commands():
            if command.name != "restart":
                title = command.label or command.name
                found.append(
                    Choice(f"command:{command.name}", operation, title, command.description, command)
                )
        if not settings.COMMANDS_DECLARED_ONLY:
            found.append(
                Choice(
                    ANOTHER,
                    operation,
                    gettext("Another command"),
                    gettext("By its name, with parameters as JSON."),
                )
            )
    return found


class Wait(forms.Form):
    ttl = forms.TypedChoiceField(
        label=_("It waits for devices that are away"),
        choices=WAITS,
        coerce=int,
        required=False,
        empty_value=None,
        help_text=_("After that it counts as failed for them."),
    )

    def given(self) -> dict[str, Any]:
        ttl = self.cleaned_data["ttl"]
        return {"ttlSeconds": ttl} if ttl else {}


class StatusForm(forms.Form):
    status = forms.ChoiceField(
        label=_("Status"), choices=lambda: [(value, said(str(name))) for value, name in Device.Status.choices]
    )

    def given(self) -> dict[str, Any]:
        return {"status": self.cleaned_data["status"]}


class ConfigureForm(Wait):
    desired = JsonObjectField(
        label=_("Values"), max_length=65_536, help_text=_('JSON, for example {"pump": {"speed": 40}}.')
    )
    how = forms.ChoiceField(
        label=_("What becomes of the other values"),
        choices=[
            ("merge", _("They stay; null takes one away")),
            ("replace", _("They go: this is all that is wanted")),
        ],
    )
    field_order = ("desired", "how", "ttl")

    def given(self) -> dict[str, Any]:
        given = self.cleaned_data
        return {"desired": given["desired"], "merge": given["how"] == "merge", **super().given()}


class BatchCommandForm(CommandForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["ttl"].label = Wait.base_fields["ttl"].label
        self.fields["ttl"].help_text = Wait.base_fields["ttl"].help_text

    def given(self) -> dict[str, Any]:
        ttl = self.cleaned_data["ttl"]
        wait = {"ttlSeconds": ttl} if ttl else {}
        return {"name": self.cleaned_data["name"], "parameters": super().given(), **wait}


def form_for(choice: Choice, data: Any = None) -> forms.Form:
    """The form of what was chosen; where nobody here knows its parameters, they are written as JSON."""
    if choice.name == "restart":
        return Wait(data)
    if choice.name == "update_status":
        return StatusForm(data)
    if choice.name == "update_config":
        return ConfigureForm(data)
    if choice.command is not None:
        return BatchCommandForm(data, name=choice.command.name, schema=choice.command.schema)
    return BatchCommandForm(data) if choice.name == ANOTHER else ParametersForm(data)


def refuse(form: forms.Form, refusal: DomainError) -> None:
    """Show what a service says at the field it speaks of; the rest stands above."""
    if not refusal.fields:
        form.add_error(None, refusal.message)
    for wire, reasons in refusal.fields.items():
        path = wire.removeprefix("parameters.").removeprefix("parameters.")
        names: Sequence[str] = (f"p_{path}", path, "parameters" if wire.startswith("parameters") else path)
        field = next((name for name in names if name in form.fields), None)
        form.add_error(field, list(reasons) if field else [f"{path}: {reason}" for reason in reasons])
