"""A row of any model, for pages that show every model alike: required columns filled, what it refers to made too."""

from datetime import date, time, timedelta
from itertools import count
from typing import Any

from django.db import models

from devices.models import Device
from factory.accounts.models import User
from tests.builders import NOON, make_device

_numbers = count(1)
# Where the columns of a model depend on each other.
GIVEN: dict[str, dict[str, Any]] = {
    "accounts.Invitation": {"role": "operator"},
    "alerts.Threshold": {"group": None, "device_type": None, "max_value": 90.0},
    "alerts.Alert": {"metric": "temperature", "open_key": None},
    "alerts.MaintenanceWindow": {"ends_at": NOON + timedelta(hours=1)},
    "ota.Rollout": {"waves": [100], "group": None, "batch": None},
    "ota.Deployment": {"active_key": None},
    "analytics.Calendar": {"shifts": [], "holidays": [], "group": None},
    "analytics.MachineProfile": {"reject_metric": ""},
}
# Of these there is one for the plant, for a type, or for a device, which brings its own.
THE_ONE = {
    "analytics.EnergyPrice": None,
    "devices.SilenceRule": "type",
    "devices.TypeDefaults": "type",
    "ota.UpdateRule": "type",
}


def fill(model: type[models.Model], **given: Any) -> models.Model:
    """Make one."""
    label = model._meta.label
    if label == "devices.Device":
        return make_device()
    if label == "accounts.User":  # nobody signs in as them
        return User.objects.create(email=f"somebody{next(_numbers)}@example.com")
    if label == "devices.Configuration":
        return model._default_manager.get(device=make_device())
    if label in THE_ONE:
        return _next_of_the_few(model, THE_ONE[label])
    given = {**GIVEN.get(label, {}), **given}
    values = {
        field.name: given[field.name] if field.name in given else _value(field)
        for field in model._meta.concrete_fields
        if field.name in given or not _is_free(field)
    }
    return model._default_manager.create(**values)


def _next_of_the_few(model: type[models.Model], column: str | None) -> models.Model:
    """The next one that there can be, or the last one again."""
    rows = model._default_manager
    for value in Device.Type.values if column else [None]:
        if not rows.filter(**({column: value} if column else {})).exists():
            others = {
                f.name: _value(f) for f in model._meta.concrete_fields if f.name != column and not _is_free(f)
            }
            return rows.create(**({column: value} if column else {}), **others)
    return rows.order_by("pk").last()


def _is_free(field: Any) -> bool:
    """Columns that fill themselves. What refers to others is made all the same: a list shows it."""
    if field.is_relation:
        return field.null and field.related_model is field.model  # a parent's parent's parent
    return isinstance(field, models.AutoField) or field.has_default() or field.null or field.auto_created


def _value(field: Any) -> Any:
    number = next(_numbers)
    if field.is_relation:
        return fill(field.related_model)
    if field.choices:
        return field.choices[0][0]
    by_type: list[tuple[type, Any]] = [
        (models.JSONField, {}),
        (models.BooleanField, False),
        (models.DateTimeField, NOON),
        (models.DateField, date(2026, 6, 1 + number % 28)),
        (models.TimeField, time(6)),
        (models.FloatField, float(number)),
        (models.DecimalField, 1),
        (models.IntegerField, number),
        (models.EmailField, f"somebody{number}@example.com"),
    ]
    for type_, value in by_type:
        if isinstance(field, type_):
            return value
    text = f"x{number}"
    return text[: field.max_length] if field.max_length else text
