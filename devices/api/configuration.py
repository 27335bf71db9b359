from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from devices import queries, services
from devices.fields import DeviceReference
from devices.identity import DEVICE, DevicePrincipal, is_device
from devices.models import Configuration, ConfigurationVersion
from devices.twin import difference
from factory.accounts.permissions import OPERATOR, VIEWER
from factory.errors import Forbidden, InvalidInput
from factory.trpc.router import Router
from factory.trpc.serializers import FreeForm, StrictBoolean, StrictInteger, WireSerializer

router = Router("devices")
NEWEST_VERSION = 2**31 - 1


class GapRow(WireSerializer):
    path = serializers.CharField()
    desired = serializers.JSONField()
    reported = serializers.JSONField(allow_null=True)


class ConfigurationRow(WireSerializer):
    desired = FreeForm()
    reported = FreeForm(allow_null=True)
    in_sync = serializers.BooleanField()
    version = serializers.IntegerField()
    reported_version = serializers.IntegerField(allow_null=True)
    reported_at = serializers.DateTimeField(allow_null=True)
    desired_at = serializers.DateTimeField(allow_null=True)
    difference = serializers.SerializerMethodField()

    @extend_schema_field(GapRow(many=True))
    def get_difference(self, twin: Configuration) -> list[dict[str, Any]]:
        return GapRow.rows(difference(twin.desired, twin.reported))


class VersionRow(WireSerializer):
    version = serializers.IntegerField()
    desired = FreeForm()
    by = serializers.SerializerMethodField()
    at = serializers.DateTimeField()

    def get_by(self, version: ConfigurationVersion) -> str | None:
        return version.by.email if version.by else None


class ById(WireSerializer):
    id = DeviceReference(required=False)


class Wish(WireSerializer):
    id = DeviceReference()
    desired = FreeForm()
    version = StrictInteger(required=False, min_value=0, max_value=NEWEST_VERSION)
    merge = StrictBoolean(default=False)


class Report(WireSerializer):
    reported = FreeForm()
    version = StrictInteger(min_value=0, max_value=NEWEST_VERSION)


class HistoryOf(WireSerializer):
    id = DeviceReference()
    limit = StrictInteger(default=20, min_value=1, max_value=100)


@router.query("getConfig", permission=VIEWER | DEVICE, input=ById, output=ConfigurationRow)
def get_config(call, *, id: int | str | None = None):
    """What is desired of a device and what it reports; a device asks for its own, and may leave out the id."""
    device_id = _whose(call.principal, id)
    if is_device(call):
        services.hear_from(device_ids=[device_id], at=timezone.now())
    return queries.configuration_of(device_id=device_id)


def _whose(caller: Any, wanted: int | str | None) -> int:
    if isinstance(caller, DevicePrincipal):
        if wanted not in (None, caller.device_id, caller.external_id):
            raise Forbidden("A device may only ask for its own configuration.")
        return caller.device_id
    if wanted is None:
        raise InvalidInput.at("id", "say which device")
    return queries.get_device(wanted).pk


@router.mutation("setConfig", permission=OPERATOR, input=Wish, output=ConfigurationRow)
def set_config(call, *, id: int | str, desired: dict, merge: bool, version: int | None = None):
    """Desire a configuration as a whole, or with `merge` by a JSON merge patch; a stale `version` is a CONFLICT."""
    return services.set_desired(
        device=queries.get_device(id),
        desired=desired,
        merge=merge,
        expected_version=version,
        by=call.principal,
        at=timezone.now(),
    )


@router.mutation("reportConfig", permission=DEVICE, input=Report, output=ConfigurationRow)
def report_config(call, *, reported: dict, version: int):
    """A device says how it is set up, having applied this version of what is desired; 0 for none yet."""
    return services.report_configuration(
        device_id=call.principal.device_id, reported=reported, version=version, at=timezone.now()
    )


@router.query("configHistory", permission=VIEWER, input=HistoryOf, output=VersionRow, many=True)
def config_history(call, *, id: int | str, limit: int):
    """What was desired of a device, version by version, and by whom; the newest first."""
    return queries.configuration_versions(device_id=queries.get_device(id).pk)[:limit]
