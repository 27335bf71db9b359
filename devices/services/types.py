import re
from collections.abc import Sequence
from typing import Any

from django.db import transaction
from django.utils.translation import gettext

from devices.models import Device, TypeDefaults
from devices.services.configuration import why_no_configuration
from devices.shapes import TAGS_LIMIT, why_misshapen
from factory.errors import InvalidInput

CHANGEABLE = ("metrics", "tags", "metadata", "configuration")
WIRE_NAMES = {"configuration": "config"}
METRIC_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}\Z")
METRICS_LIMIT = 64


def why_no_metrics(metrics: Any) -> str:
    """Why these cannot be the metrics of a type; empty where they can."""
    if not isinstance(metrics, list) or len(metrics) > METRICS_LIMIT:
        return gettext("must be a list of at most %(most)s metric names") % {"most": METRICS_LIMIT}
    for name in metrics:
        if not isinstance(name, str) or not METRIC_NAME.match(name):
            return gettext(
                "%(name)s is no metric name: lower-case letters, digits and _ only, at most 63"
            ) % {"name": repr(name)}
    return "" if len(set(metrics)) == len(metrics) else gettext("names a metric twice")


def why_no_defaults(**values: Any) -> dict[str, str]:
    """{field on the wire: reason} for defaults that no device could start with."""
    problems = why_misshapen(tags=values.get("tags", []), metadata=values.get("metadata", {}))
    if reason := why_no_metrics(values.get("metrics", [])):
        problems["metrics"] = reason
    if reason := why_no_configuration(values.get("configuration", {})):
        problems["config"] = reason
    return problems


@transaction.atomic
def set_type_defaults(*, type: str, **changes: Any) -> TypeDefaults:
    """Say what new devices of a type start with; what is left out stays as it is. Devices that exist stay, too."""
    if type not in Device.Type.values:
        raise InvalidInput.at(
            "type", gettext("must be one of %(names)s") % {"names": ", ".join(Device.Type.values)}
        )
    values = {name: changes[name] for name in CHANGEABLE if name in changes}
    if problems := why_no_defaults(**values):
        first = next(iter(problems))
        fields = {field: [reason] for field, reason in problems.items()}
        raise InvalidInput(f"{first}: {problems[first]}", fields=fields)
    defaults, _ = TypeDefaults.objects.update_or_create(type=type, defaults=values)
    return defaults


def apply_defaults(*, devices: Sequence[Device]) -> dict[str, dict[str, Any]]:
    """Complete devices that are not stored yet by what their types start with.

    Tags are added while there is room, metadata fills in keys that were not given. Returns the configuration
    that each type begins with, as `begin_configurations` takes it.
    """
    by_type = {found.type: found for found in TypeDefaults.objects.filter(type__in={d.type for d in devices})}
    for device in devices:
        defaults = by_type.get(device.type)
        if defaults is None or why_misshapen(tags=device.tags, metadata=device.metadata):
            continue  # whoever looks at its shape next tells why
        device.tags = list(dict.fromkeys([*device.tags, *defaults.tags]))[: max(TAGS_LIMIT, len(device.tags))]
        device.metadata = {**defaults.metadata, **device.metadata}
    return {type_: found.configuration for type_, found in by_type.items()}
