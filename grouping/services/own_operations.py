"""The operations that need no other room: commands, a status, a configuration."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.utils.translation import gettext, gettext_noop

from devices.models import Configuration, Device
from devices.models.commands import TTL_SECONDS, USUAL_TTL_SECONDS
from devices.services import Order, check_command, send_commands
from devices.services.configuration import set_desired_many, why_no_configuration
from devices.services.statuses import set_status_many
from factory.accounts.models import User
from factory.errors import InvalidInput
from grouping.models import BatchItem, BatchOperation
from grouping.operations import Failed, Operation, Outcome, Succeeded, Waiting, register_operation
from grouping.services.outcomes import UPDATE_CONFIG, outcome_of_command, wish_in

Parameters = dict[str, Any]
RESTART = "restart"
TOO_LARGE = gettext_noop("the configuration would become too large")


def _ttl(parameters: Parameters) -> Parameters:
    """{} or {ttlSeconds}."""
    seconds = parameters.get("ttlSeconds")
    if seconds is None:
        return {}
    low, high = TTL_SECONDS
    if isinstance(seconds, bool) or not isinstance(seconds, int) or not low <= seconds <= high:
        raise InvalidInput.at(
            "parameters.ttlSeconds", gettext("must be from %(low)s to %(high)s") % {"low": low, "high": high}
        )
    return {"ttlSeconds": seconds}


# Commands: kept as they were asked for, and read by these


def _restart_in(parameters: Parameters) -> Parameters:
    given = {name: value for name, value in parameters.items() if name != "ttlSeconds"}
    return {"name": RESTART, "parameters": given, **_ttl(parameters)}


def _command_in(parameters: Parameters) -> Parameters:
    given = parameters.get("parameters")
    return {
        "name": parameters.get("name"),
        "parameters": {} if given is None else given,
        **_ttl(parameters),
    }


def _sending(name: str, label: str, command_in: Callable[[Parameters], Parameters]) -> Operation:
    """An operation that sends each device a command."""

    def check(parameters: Parameters) -> Parameters:
        refusals = _refusals(command_in(parameters), [type_.value for type_ in Device.Type])
        if len(refusals) < len(Device.Type):
            return parameters
        # What no device of whatever type could be sent is refused, whoever is in the batch.
        first = next(iter(refusals.values()))
        fields = {f"parameters.{name}": reasons for name, reasons in first.fields.items()}
        raise InvalidInput(f"parameters.{first.message}", fields=fields)

    def exclude(devices: Sequence[Device], parameters: Parameters) -> Mapping[int, str]:
        refusals = _refusals(command_in(parameters), sorted({device.type for device in devices}))
        return {device.pk: refusals[device.type].message for device in devices if device.type in refusals}

    def carry_out(items: Sequence[BatchItem], batch: BatchOperation, at: datetime) -> dict[int, Outcome]:
        asked = command_in(batch.parameters)
        commands = send_commands(
            orders=[
                Order(
                    device_id=_device_of(item),
                    name=asked["name"],
                    parameters=asked["parameters"],
                    ttl_seconds=asked.get("ttlSeconds"),
                    # The database holds that nobody is sent it twice in one attempt.
                    request_key=f"batch:{batch.pk}:{item.pk}:{item.attempt}",
                )
                for item in items
            ],
            at=at,
            by=batch.created_by,
        )
        return {
            item.pk: outcome_of_command(command.status, command.result) or Waiting(command_id=command.pk)
            for item, command in zip(items, commands, strict=True)
        }

    return Operation(
        name=name,
        label=label,
        role=User.Role.OPERATOR,
        check=check,
        exclude=exclude,
        carry_out=carry_out,
    )


def _refusals(asked: Parameters, types: Sequence[str]) -> dict[str, InvalidInput]:
    """{device type: why its devices cannot be sent this}."""
    found = {}
    for type_ in types:
        try:
            check_command(name=asked["name"], parameters=asked["parameters"], device_type=type_)
        except InvalidInput as refusal:
            found[type_] = refusal
    return found


def _device_of(item: BatchItem) -> int:
    assert item.device_id is not None, "a worker leaves those out whose device is gone"
    return item.device_id


# A status


def _check_status(parameters: Parameters) -> Parameters:
    status = parameters.get("status")
    if status not in Device.Status.values:
        raise InvalidInput.at(
            "parameters.status",
            gettext("must be one of %(names)s") % {"names": ", ".join(Device.Status.values)},
        )
    return {"status": status}


def _set_status(items: Sequence[BatchItem], batch: BatchOperation, at: datetime) -> dict[int, Outcome]:
    set_status_many(device_ids=[_device_of(item) for item in items], status=batch.parameters["status"], at=at)
    return {item.pk: Succeeded() for item in items}


# A configuration


def _check_configuration(parameters: Parameters) -> Parameters:
    """`{desired, merge?, ttlSeconds?}`, or the values themselves."""
    if not isinstance(parameters.get("merge", True), bool) and "desired" in parameters:
        raise InvalidInput.at("parameters.merge", gettext("must be true or false"))
    desired, merge = wish_in(parameters)
    reason = why_no_configuration(desired) or (
        "" if desired or not merge else gettext("must name at least one value")
    )
    if reason:
        raise InvalidInput.at("parameters.desired", reason)
    _ttl(parameters if "desired" in parameters else {})
    return parameters


def _wish(items: Sequence[BatchItem], batch: BatchOperation, at: datetime) -> dict[int, Outcome]:
    desired, merge = wish_in(batch.parameters)
    seconds = batch.parameters.get("ttlSeconds") if "desired" in batch.parameters else None
    deadline = at + timedelta(seconds=seconds or USUAL_TTL_SECONDS)
    ids = [_device_of(item) for item in items]
    versions = set_desired_many(device_ids=ids, desired=desired, merge=merge, at=at, by=batch.created_by)
    follow = Configuration.objects.filter(pk__in=versions, in_sync=True)
    reported_already = set(follow.values_list("pk", flat=True))

    def outcome(device_id: int) -> Outcome:
        if device_id not in versions:
            return Failed(TOO_LARGE)
        return Succeeded() if device_id in reported_already else Waiting(deadline_at=deadline)

    return {item.pk: outcome(_device_of(item)) for item in items}


OWN = [
    _sending(RESTART, "Restart", _restart_in),
    _sending("command", "Send a command", _command_in),
    Operation(
        name="update_status",
        label="Set the status",
        role=User.Role.OPERATOR,
        check=_check_status,
        carry_out=_set_status,
        moves_presence=True,
    ),
    Operation(
        name=UPDATE_CONFIG,
        label="Configure",
        role=User.Role.OPERATOR,
        check=_check_configuration,
        carry_out=_wish,
    ),
]


def register_own_operations() -> None:
    for operation in OWN:
        register_operation(operation)
