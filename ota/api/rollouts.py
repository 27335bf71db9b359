from collections.abc import Sequence

from django.utils import timezone
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from devices.fields import DeviceReference
from devices.queries import get_device_ids
from factory.accounts.permissions import TECHNICIAN, VIEWER
from factory.trpc.serializers import FreeForm, StrictBoolean, StrictInteger, StrictString, WireSerializer
from ota.api.deployments import router
from ota.models import Rollout, RolloutDevice
from ota.queries import rollouts as queries
from ota.queries.firmware import get_firmware
from ota.services import rollout_steps as steps
from ota.services import rollouts as services
from ota.waves import MOST_WAVES

DEVICES_LIMIT = 10_000
REASON_LENGTH = 300
PACE = (
    "waves", "wave_counts", "success_threshold", "failure_threshold", "max_parallel", "window", "health_seconds",
)  # fmt: skip


class Counted(WireSerializer):
    total = serializers.IntegerField()
    planned = serializers.IntegerField()
    deploying = serializers.IntegerField()
    succeeded = serializers.IntegerField()
    failed = serializers.IntegerField()
    cancelled = serializers.IntegerField()
    skipped = serializers.IntegerField()


class CountedWave(Counted):
    wave = serializers.IntegerField()


class RolloutRow(WireSerializer):
    id = serializers.IntegerField()
    name = serializers.CharField()
    firmware_version_id = serializers.IntegerField(source="firmware_id")
    version = serializers.CharField(source="firmware.version")
    device_type = serializers.CharField(source="firmware.device_type")
    group_id = serializers.IntegerField(allow_null=True)
    filter = serializers.SerializerMethodField()
    continuous = serializers.BooleanField(source="is_continuous")
    waves = serializers.SerializerMethodField()
    wave_counts = serializers.ListField(child=serializers.IntegerField(), allow_null=True)
    success_threshold = serializers.IntegerField()
    failure_threshold = serializers.IntegerField()
    max_parallel = serializers.IntegerField(allow_null=True)
    window = serializers.JSONField(allow_null=True)
    health_seconds = serializers.IntegerField()
    status = serializers.ChoiceField(Rollout.Status.choices)
    current_wave = serializers.IntegerField()
    wave_done_at = serializers.DateTimeField(allow_null=True)
    paused_because = serializers.CharField()
    progress = serializers.IntegerField(source="counts.progress")
    counts = Counted()
    counts_by_wave = serializers.SerializerMethodField()
    batch_operation_id = serializers.IntegerField(source="batch_id", allow_null=True)
    created_by = serializers.IntegerField(source="created_by_id", allow_null=True)
    created_at = serializers.DateTimeField()
    started_at = serializers.DateTimeField(allow_null=True)
    completed_at = serializers.DateTimeField(allow_null=True)

    def get_filter(self, rollout) -> str | None:
        return rollout.filter or None

    def get_waves(self, rollout) -> list[int] | None:
        return rollout.waves or None

    @extend_schema_field(CountedWave(many=True))
    def get_counts_by_wave(self, rollout) -> list[dict]:
        return [{"wave": wave, **Counted(counts).data} for wave, counts in rollout.by_wave.items()]


class PlaceRow(WireSerializer):
    device_id = serializers.IntegerField(allow_null=True)
    name = serializers.CharField(source="device_name")
    wave = serializers.IntegerField()
    status = serializers.ChoiceField(RolloutDevice.Status.choices)
    reason = serializers.CharField()
    attempt = serializers.IntegerField()
    deployment_id = serializers.IntegerField(allow_null=True)
    deployment_status = serializers.SerializerMethodField()
    progress = serializers.SerializerMethodField()
    updated_at = serializers.DateTimeField()

    def get_deployment_status(self, place) -> str | None:
        return place.deployment.status if place.deployment else None

    def get_progress(self, place) -> int | None:
        return place.deployment.progress if place.deployment else None


class PreviewWave(WireSerializer):
    wave = serializers.IntegerField()
    devices = serializers.IntegerField()


class PreviewDevice(WireSerializer):
    device_id = serializers.IntegerField()
    name = serializers.CharField()
    wave = serializers.IntegerField()
    offline = serializers.BooleanField()


class PreviewExcluded(WireSerializer):
    device_id = serializers.IntegerField()
    name = serializers.CharField()
    reason = serializers.CharField(source="why_not")


class PreviewRow(WireSerializer):
    total = serializers.IntegerField()
    eligible = serializers.IntegerField()
    offline = serializers.IntegerField()
    waves = PreviewWave(many=True)
    devices = PreviewDevice(many=True)
    excluded = PreviewExcluded(many=True)


class Asked(WireSerializer):
    firmware_version_id = StrictInteger(min_value=1)
    device_ids = serializers.ListField(child=DeviceReference(), max_length=DEVICES_LIMIT, required=False)
    group_id = StrictInteger(min_value=1, required=False)
    filter = StrictString(max_length=2000, required=False)
    waves = serializers.ListField(child=StrictInteger(), max_length=MOST_WAVES, required=False)
    wave_counts = serializers.ListField(child=StrictInteger(), max_length=MOST_WAVES, required=False)
    success_threshold = StrictInteger(min_value=0, max_value=100)
    failure_threshold = StrictInteger(min_value=0, max_value=100)
    max_parallel = StrictInteger(min_value=1, required=False, allow_null=True)
    window = FreeForm(required=False, allow_null=True)
    health_seconds = StrictInteger(min_value=0, required=False)


class NewRollout(Asked):
    name = StrictString(max_length=120)
    continuous = StrictBoolean(required=False, default=False)


class ById(WireSerializer):
    id = StrictInteger(min_value=1)


class Pausing(ById):
    reason = StrictString(max_length=REASON_LENGTH, required=False)


class RolloutFilter(WireSerializer):
    status = serializers.ChoiceField(Rollout.Status.choices, required=False)
    firmware_version_id = StrictInteger(min_value=1, required=False)
    limit = StrictInteger(default=100, min_value=1, max_value=1000)
    offset = StrictInteger(default=0, min_value=0)


class PlaceFilter(ById):
    wave = StrictInteger(min_value=0, required=False)
    status = serializers.ChoiceField(RolloutDevice.Status.choices, required=False)
    limit = StrictInteger(default=100, min_value=1, max_value=1000)
    offset = StrictInteger(default=0, min_value=0)


def counted(rollouts: Sequence[Rollout]) -> Sequence[Rollout]:
    waves = queries.counts_by_wave([rollout.pk for rollout in rollouts])
    for rollout in rollouts:
        rollout.by_wave = waves[rollout.pk]  # type: ignore[attr-defined]  # for this answer only
        rollout.counts = queries.in_all(waves[rollout.pk])  # type: ignore[attr-defined]  # as above
    return rollouts


def told(rollout: Rollout) -> Rollout:
    return counted([rollout])[0]


def read(asked: dict) -> dict:
    """The parts of a plan as the services want them."""
    pace = services.Pace(**{name: asked.pop(name) for name in PACE if name in asked})
    references = asked.pop("device_ids", None)
    target = services.Target(
        device_ids=None if references is None else get_device_ids(references),
        group_id=asked.pop("group_id", None),
        filter=asked.pop("filter", None),
    )
    return {
        "firmware": get_firmware(asked.pop("firmware_version_id")),
        "target": target,
        "pace": pace,
        "at": timezone.now(),
    }


@router.query("previewRollout", permission=TECHNICIAN, input=Asked, output=PreviewRow)
def preview_rollout(call, **asked):
    """Whom a rollout would reach in which wave, whom not and why, and how many are offline. Nothing is done."""
    preview = services.preview_rollout(**read(asked))
    return {
        "total": len(preview.members) + len(preview.excluded),
        "eligible": len(preview.members),
        "offline": preview.offline,
        "waves": [{"wave": wave, "devices": size} for wave, size in enumerate(preview.sizes, start=1)],
        "devices": [
            {"device_id": member.device_id, "name": member.name, "wave": wave, "offline": member.is_offline}
            for member, wave in preview.members
        ],
        "excluded": preview.excluded,
    }


@router.mutation("createRollout", permission=TECHNICIAN, input=NewRollout, output=RolloutRow)
def create_rollout(call, *, name: str, continuous: bool, **asked):
    """Plan a rollout of one version in waves. Nothing happens before it is started."""
    plan = read(asked)
    return told(services.create_rollout(name=name, is_continuous=continuous, by=call.principal, **plan))


@router.mutation("startRollout", permission=TECHNICIAN, input=ById, output=RolloutRow)
def start_rollout(call, *, id: int):
    """Begin with the first wave; who is in it is settled now."""
    return told(services.start_rollout(rollout=queries.get_rollout(id), at=timezone.now()))


@router.mutation("pauseRollout", permission=TECHNICIAN, input=Pausing, output=RolloutRow)
def pause_rollout(call, *, id: int, reason: str = ""):
    """Begin no more updates; those under way go on."""
    words = reason or f"Paused by {call.principal.name or call.principal.email}."
    return told(steps.pause_rollout(rollout=queries.get_rollout(id), reason=words, at=timezone.now()))


@router.mutation("resumeRollout", permission=TECHNICIAN, input=ById, output=RolloutRow)
def resume_rollout(call, *, id: int):
    """Go on where it stood; what has failed until now is not counted against it any more."""
    return told(steps.resume_rollout(rollout=queries.get_rollout(id), at=timezone.now()))


@router.mutation("cancelRollout", permission=TECHNICIAN, input=ById, output=RolloutRow)
def cancel_rollout(call, *, id: int):
    """Update no more devices, and take back what is not being installed yet."""
    return told(steps.cancel_rollout(rollout=queries.get_rollout(id), at=timezone.now()))


@router.mutation("retryRollout", permission=TECHNICIAN, input=ById, output=RolloutRow)
def retry_rollout(call, *, id: int):
    """Do it once more for the devices that failed, and for no others."""
    return told(steps.retry_rollout(rollout=queries.get_rollout(id), at=timezone.now()))


@router.query("rollouts", permission=VIEWER, input=RolloutFilter, output=RolloutRow, many=True)
def rollouts(
    call, *, limit: int, offset: int, status: str | None = None, firmware_version_id: int | None = None
):
    """Rollouts, the newest first; `X-Total-Count` counts them all."""
    found = queries.rollouts_matching(status=status, firmware_id=firmware_version_id)
    call.set_header("X-Total-Count", str(found.count()))
    return counted(list(found[offset : offset + limit]))


@router.query("getRollout", permission=VIEWER, input=ById, output=RolloutRow)
def get_rollout(call, *, id: int):
    """How a rollout stands, wave by wave; wave 0 are the devices that were left out."""
    return told(queries.get_rollout(id))


@router.query("rolloutDevices", permission=VIEWER, input=PlaceFilter, output=PlaceRow, many=True)
def rollout_devices(call, *, id: int, limit: int, offset: int, **wanted):
    """The devices of a rollout in the order of their turns, page by page; `X-Total-Count` counts them all."""
    found = queries.places_of(queries.get_rollout(id).pk, **wanted)
    call.set_header("X-Total-Count", str(found.count()))
    return found[offset : offset + limit]
