from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext

from devices.models import Device, SilenceRule
from devices.patience import Patience, patience_of, rules, usual_patience
from devices.services.silence import wait_from_last_heard
from factory.errors import InvalidInput
from factory.trpc.serializers import wire_name

CHANGEABLE = {"silent_seconds", "tolerance_seconds", "severity"}


def set_silence_rule(*, type: str, **changes: Any) -> Patience:
    """Say how long devices of a type may be silent, and what becomes of it; what is left out stays as it is.

    Devices that are waited for are waited for by the new rule, from when they were last heard.
    """
    if type not in Device.Type.values:
        raise InvalidInput.at(
            "type", gettext("must be one of %(names)s") % {"names": ", ".join(Device.Type.values)}
        )
    before, patience = _write(type, {name: changes[name] for name in changes.keys() & CHANGEABLE})
    if patience.silent_seconds != before.silent_seconds:
        wait_from_last_heard(type=type, seconds=patience.silent_seconds)
    return patience


@transaction.atomic
def _write(type: str, changes: dict[str, Any]) -> tuple[Patience, Patience]:
    """(what was in force, what is now)."""
    present = SilenceRule.objects.select_for_update().filter(type=type).first()
    before = patience_of(present) if present else usual_patience()
    values = {name: getattr(before, name) for name in CHANGEABLE} | changes
    rule = SilenceRule(type=type, **values)
    _refuse_invalid(rule)
    SilenceRule.objects.update_or_create(type=type, defaults=values)
    transaction.on_commit(rules.forget)
    return before, patience_of(rule)


def _refuse_invalid(rule: SilenceRule) -> None:
    try:
        rule.full_clean(validate_unique=False, validate_constraints=False)
    except ValidationError as refusal:
        fields = {wire_name(name): told for name, told in refusal.message_dict.items()}
        first = next(iter(fields))
        raise InvalidInput(f"{first}: {fields[first][0]}", fields=fields) from None


def forget_silence_rule(*, type: str) -> None:
    """From now on devices of this type may be silent as long as any other."""
    SilenceRule.objects.filter(type=type).delete()
    transaction.on_commit(rules.forget)
    wait_from_last_heard(type=type, seconds=usual_patience().silent_seconds)
