from django.utils import timezone
from rest_framework import serializers

from devices.fields import DeviceReference
from devices.identity import DEVICE
from devices.queries import get_device
from devices.services import hear_from
from factory.accounts.permissions import TECHNICIAN, VIEWER
from factory.trpc.router import Router
from factory.trpc.serializers import OrNull, StrictInteger, StrictString, WireSerializer
from ota.models import Deployment, DeploymentEvent
from ota.queries import deployments as queries
from ota.queries.firmware import get_firmware
from ota.services import deployments as services
from ota.services.hearing import (
    ALL_DONE,
    MESSAGE_LENGTH,
    VERSION_LENGTH,
    UpdateWord,
    hear_update_status,
)
from ota.services.offering import offer_for
from ota.states import SAID_BY_DEVICES

router = Router("ota")


class DeploymentRow(WireSerializer):
    id = serializers.IntegerField()
    device_id = serializers.IntegerField()
    firmware_version_id = serializers.IntegerField(source="firmware_id")
    version = serializers.CharField(source="firmware.version")
    rollout_id = serializers.IntegerField(allow_null=True)
    previous_version = serializers.SerializerMethodField()
    status = serializers.ChoiceField(Deployment.Status.choices)
    progress = serializers.IntegerField()
    error_message = serializers.SerializerMethodField()
    attempts = serializers.IntegerField()
    started_at = serializers.DateTimeField(allow_null=True)
    completed_at = serializers.DateTimeField(allow_null=True)
    deadline_at = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()

    def get_previous_version(self, deployment: Deployment) -> str | None:
        return deployment.previous_version or None

    def get_error_message(self, deployment: Deployment) -> str | None:
        return deployment.error_message or None


class EventRow(WireSerializer):
    id = serializers.IntegerField()
    status = serializers.ChoiceField(Deployment.Status.choices)
    at = serializers.DateTimeField()
    by = serializers.SerializerMethodField()
    said = serializers.CharField()

    def get_by(self, event: DeploymentEvent) -> str | None:
        return event.by.email if event.by else None


class RollbackRow(WireSerializer):
    success = serializers.BooleanField()
    restored_version = serializers.CharField()
    deployment = DeploymentRow()


class OfferRow(WireSerializer):
    deployment_id = serializers.IntegerField()
    version = serializers.CharField()
    url = serializers.CharField()
    size = serializers.IntegerField()
    sha256 = serializers.CharField()
    signature = serializers.SerializerMethodField()
    manifest = serializers.SerializerMethodField()
    expires_at = serializers.DateTimeField()

    def get_signature(self, offer) -> str | None:
        return offer.signature or None

    def get_manifest(self, offer) -> str | None:
        return offer.manifest or None


class NewDeployment(WireSerializer):
    device_id = DeviceReference()
    firmware_version_id = StrictInteger(min_value=1)


class ById(WireSerializer):
    id = StrictInteger(min_value=1)


class ByDeploymentId(WireSerializer):
    deployment_id = StrictInteger(min_value=1)


class OfDevice(WireSerializer):
    device_id = DeviceReference()


class DeploymentFilter(WireSerializer):
    device_id = DeviceReference(required=False)
    rollout_id = StrictInteger(required=False, min_value=1)
    status = serializers.ChoiceField(Deployment.Status.choices, required=False)
    limit = StrictInteger(default=50, min_value=1, max_value=1000)
    offset = StrictInteger(default=0, min_value=0)


class Asking(WireSerializer):
    running_version = StrictString(required=False, allow_null=True, max_length=VERSION_LENGTH)


class Word(WireSerializer):
    id = StrictInteger(min_value=1)
    status = serializers.ChoiceField(SAID_BY_DEVICES)
    progress = StrictInteger(required=False, allow_null=True, min_value=0, max_value=ALL_DONE)
    error_message = StrictString(
        required=False, allow_null=True, allow_blank=True, max_length=MESSAGE_LENGTH, trim_whitespace=False
    )
    running_version = StrictString(required=False, allow_null=True, max_length=VERSION_LENGTH)


@router.mutation("deploy", permission=TECHNICIAN, input=NewDeployment, output=DeploymentRow)
def deploy(call, *, device_id: int | str, firmware_version_id: int):
    """Have a device put on a version: it is told at once if it is there, else on its return."""
    device, firmware = get_device(device_id), get_firmware(firmware_version_id)
    return services.deploy(device=device, firmware=firmware, at=timezone.now(), by=call.principal)


@router.query("list", permission=VIEWER, input=DeploymentFilter, output=DeploymentRow, many=True)
def list_deployments(call, *, limit: int, offset: int, device_id: int | str | None = None, **wanted):
    """Deployments of all devices or of one, newest first; `X-Total-Count` says how many there are in all."""
    device = None if device_id is None else get_device(device_id).pk
    found = queries.deployments_matching(device_id=device, **wanted)
    call.set_header("X-Total-Count", str(found.count()))
    return found[offset : offset + limit]


@router.query("getById", permission=VIEWER, input=ById, output=DeploymentRow)
def get_by_id(call, *, id: int):
    """One deployment, as it stands now."""
    return queries.get_deployment(id)


@router.query("getDeploymentStatus", permission=VIEWER, input=ById, output=DeploymentRow)
def get_deployment_status(call, *, id: int):
    """One deployment, as it stands now; another name of `getById`."""
    return queries.get_deployment(id)


@router.query("getLatestForDevice", permission=VIEWER, input=OfDevice, output=OrNull(DeploymentRow))
def get_latest_for_device(call, *, device_id: int | str):
    """The newest deployment of a device; null where there was none."""
    return queries.latest_of(device_id=get_device(device_id).pk)


@router.query("events", permission=VIEWER, input=ById, output=EventRow, many=True)
def events(call, *, id: int):
    """Each step of a deployment: what, when, by whom and why, the first first."""
    return queries.events_of(deployment_id=queries.get_deployment(id).pk)


@router.mutation("cancel", permission=TECHNICIAN, input=ById, output=DeploymentRow)
def cancel(call, *, id: int):
    """Stop an update that has not begun to install; later than that it cannot be stopped safely."""
    deployment = queries.get_deployment(id)
    return services.cancel_deployment(deployment=deployment, at=timezone.now(), by=call.principal)


@router.mutation("retry", permission=TECHNICIAN, input=ById, output=DeploymentRow)
def retry(call, *, id: int):
    """Try once more what failed, was rolled back or cancelled, as the next attempt of the same deployment."""
    deployment = queries.get_deployment(id)
    return services.retry_deployment(deployment=deployment, at=timezone.now(), by=call.principal)


@router.mutation("rollback", permission=TECHNICIAN, input=ByDeploymentId, output=RollbackRow)
def rollback(call, *, deployment_id: int):
    """Have the device put on again what it ran before, by a deployment of that version."""
    deployment = queries.get_deployment(deployment_id)
    new = services.roll_back(deployment=deployment, at=timezone.now(), by=call.principal)
    return {"success": True, "restored_version": new.firmware.version, "deployment": new}


@router.query("check", permission=DEVICE, input=Asking, output=OrNull(OfferRow))
def check(call, *, running_version: str | None = None):
    """What the asking device is to put on, with a link for half an hour; null where there is nothing."""
    device_id, now = call.principal.device_id, timezone.now()
    hear_from(device_ids=[device_id], at=now)
    return offer_for(device_id=device_id, running_version=running_version, at=now)


@router.mutation("updateStatus", permission=DEVICE, input=Word, output=DeploymentRow)
def update_status(call, *, id: int, status: str, error_message: str | None = None, **said):
    """A device says how far its update is; the version that it runs outweighs what it says of it."""
    device_id, now = call.principal.device_id, timezone.now()
    hear_from(device_ids=[device_id], at=now)
    word = UpdateWord(device_id, id, status, error_message=error_message or "", **said)
    return hear_update_status(word=word, at=now)
