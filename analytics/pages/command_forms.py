"""What somebody fills in to send a command: plain fields where its schema is simple, else JSON."""

import json
from typing import Any

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from analytics.schema_fields import Parameter, parameters_of
from devices.models.commands import COMMAND_NAME, NO_COMMAND_NAME
from factory.errors import DomainError

PREFIX = "p_"
WAITS = [
    ("", _("As usual")),
    ("60", _("A minute")),
    ("900", _("15 minutes")),
    ("3600", _("An hour")),
    ("86400", _("A day")),
    ("604800", _("A week")),
]


class JsonObjectField(forms.CharField):
    """A JSON object; says where it cannot be read."""

    widget = forms.Textarea(
        {"rows": 6, "spellcheck": "false", "autocapitalize": "off", "class": "code-input"}
    )

    def clean(self, value: Any) -> dict[str, Any]:
        text = super().clean(value).strip()
        if not text:
            return {}
        try:
            found = json.loads(text, parse_constant=_refuse_constant)
        except json.JSONDecodeError as error:
            raise forms.ValidationError(
                gettext("This is not JSON: %(error)s in line %(line)s, column %(column)s.")
                % {"error": error.msg, "line": error.lineno, "column": error.colno}
            ) from None
        except ValueError as error:
            raise forms.ValidationError(gettext("This is not JSON: %(error)s.") % {"error": error}) from None
        except RecursionError:
            raise forms.ValidationError(gettext("It nests too deep.")) from None
        if not isinstance(found, dict):
            raise forms.ValidationError(gettext("It has to be an object, in { and }."))
        return found


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a number")


class ParametersForm(forms.Form):
    """The parameters of a command, by its schema; None: any object."""

    def __init__(self, *args: Any, schema: dict[str, Any] | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.parameters = parameters_of(schema) if schema else None
        if self.parameters is None:
            self.fields["parameters"] = JsonObjectField(
                label=_("Parameters"),
                required=False,
                max_length=65_536,
                help_text=_('JSON, for example {"speed": 40}.'),
            )
        for parameter in self.parameters or ():
            self.fields[f"{PREFIX}{parameter.key}"] = field_for(parameter)

    def given(self) -> dict[str, Any]:
        """The parameters as the device gets them; what was left empty is left out."""
        if self.parameters is None:
            return self.cleaned_data["parameters"]
        values = {p.key: _value(p, self.cleaned_data[f"{PREFIX}{p.key}"]) for p in self.parameters}
        return {key: value for key, value in values.items() if value is not None}

    def refuse(self, refusal: DomainError) -> None:
        """Show what a service says at the field it speaks of."""
        if not refusal.fields:
            self.add_error(None, refusal.message)
        for wire, reasons in refusal.fields.items():
            path = wire.removeprefix("parameters").removeprefix(".")
            names = {wire, f"{PREFIX}{path}", "parameters" if wire.startswith("parameters") else wire}
            field = next((name for name in self.fields if name in names), None)
            said = f"{path}: " if path and field in (None, "parameters") else ""
            self.add_error(field, [f"{said}{reason}" for reason in reasons])


class CommandForm(ParametersForm):
    """A command to one device. With a `name` it is that one."""

    name = forms.RegexField(COMMAND_NAME, label=_("Command"), error_messages={"invalid": _(NO_COMMAND_NAME)})
    ttl = forms.TypedChoiceField(
        label=_("It waits for the device"),
        choices=WAITS,
        coerce=int,
        required=False,
        empty_value=None,
        help_text=_("After that it is not done any more."),
    )
    field_order = ("name",)

    def __init__(self, *args: Any, name: str = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if name:
            self.fields["name"].widget = forms.HiddenInput()
            self.initial["name"] = name
        self.order_fields(["name", *(key for key in self.fields if key not in ("name", "ttl")), "ttl"])


def field_for(parameter: Parameter) -> forms.Field:
    how: dict[str, Any] = {
        "label": parameter.label,
        "help_text": parameter.help,
        "required": parameter.required,
        "initial": parameter.default,
    }
    if parameter.kind == "boolean":
        yes_no: list[tuple[str, Any]] = [("true", _("Yes")), ("false", _("No"))]
        choices: list[tuple[str, Any]] = yes_no if parameter.required else [("", _("Leave it out")), *yes_no]
        how["initial"] = None if parameter.default is None else str(parameter.default).lower()
        return forms.ChoiceField(choices=choices, **how)
    if parameter.kind == "choice":
        choices = [(json.dumps(choice), str(choice)) for choice in parameter.choices]
        how["initial"] = None if parameter.default is None else json.dumps(parameter.default)
        return forms.ChoiceField(
            choices=choices if parameter.required else [("", _("Leave it out")), *choices], **how
        )
    if parameter.kind == "integer":
        return forms.IntegerField(**how)
    if parameter.kind == "number":
        return forms.FloatField(widget=forms.NumberInput({"step": "any"}), **how)
    return forms.CharField(max_length=1000, strip=False, **how)


def _value(parameter: Parameter, given: Any) -> Any:
    if given in ("", None):
        return None
    if parameter.kind == "boolean":
        return given == "true"
    return json.loads(given) if parameter.kind == "choice" else given
