from typing import Any

from rest_framework import serializers

from devices import queries, services
from devices.models import Device, SilenceRule, TypeDefaults
from devices.patience import Patience, patience_by_type
from factory.accounts.permissions import TECHNICIAN, VIEWER
from factory.errors import InvalidInput
from factory.trpc.router import Router
from factory.trpc.serializers import FreeForm, StrictString, WireSerializer

router = Router("devices")


class TypeRow(WireSerializer):
    type = serializers.ChoiceField(Device.Type.choices)
    metrics = serializers.ListField(child=serializers.CharField())
    tags = serializers.ListField(child=serializers.CharField())
    metadata = FreeForm()
    config = FreeForm()
    silent_seconds = serializers.IntegerField()
    tolerance_seconds = serializers.IntegerField()
    severity = serializers.ChoiceField(SilenceRule.Severity.choices)


class DefaultsChanges(WireSerializer):
    """What is left out stays as it is."""

    type = serializers.ChoiceField(Device.Type.choices)
    metrics = serializers.ListField(
        child=StrictString(max_length=63), max_length=services.METRICS_LIMIT, required=False
    )
    tags = serializers.ListField(
        child=StrictString(max_length=services.TAG_LENGTH), max_length=services.TAGS_LIMIT, required=False
    )
    metadata = FreeForm(required=False)
    config = FreeForm(source="configuration", required=False)


def _row(defaults: TypeDefaults, patience: Patience) -> dict[str, Any]:
    return {
        "type": defaults.type,
        "metrics": defaults.metrics,
        "tags": defaults.tags,
        "metadata": defaults.metadata,
        "config": defaults.configuration,
        "silent_seconds": patience.silent_seconds,
        "tolerance_seconds": patience.tolerance_seconds,
        "severity": patience.severity,
    }


@router.query("types", permission=VIEWER, output=TypeRow, many=True)
def types(call):
    """What new devices of each type start with, and how long they may be silent."""
    patience = patience_by_type()
    return [_row(each, patience[type_]) for type_, each in queries.type_defaults().items()]


@router.mutation("setTypeDefaults", permission=TECHNICIAN, input=DefaultsChanges, output=TypeRow)
def set_type_defaults(call, *, type: str, **changes):
    """Set what new devices of a type start with; devices that exist stay as they are."""
    if not changes:
        raise InvalidInput("Nothing to change: name at least one property.")
    defaults = services.set_type_defaults(type=type, **changes)
    return _row(defaults, patience_by_type()[type])
