from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any

from django.db.models import Q
from django.utils.translation import gettext

from factory.errors import NotFound
from factory.live.story import microseconds, moment, whole_number
from factory.tracked import Tracked
from factory.trpc.superjson import iso
from ota.models import Deployment, DeploymentEvent, DeploymentQuerySet

LOOKED_AT = 20_000  # the newest deployments; what moves is among them


class DeploymentUnknown(NotFound):
    """There is no such deployment."""


def get_deployment(id: int) -> Deployment:
    deployment = deployments_matching().filter(pk=id).first()
    if deployment is None:
        raise DeploymentUnknown(gettext("There is no deployment %(id)s.") % {"id": id})
    return deployment


def deployments_matching(
    *, device_id: int | None = None, rollout_id: int | None = None, status: str | None = None
) -> DeploymentQuerySet:
    """Deployments, the newest first, with their devices and versions."""
    found = Deployment.objects.select_related("device", "firmware")
    wanted = {"device_id": device_id, "rollout_id": rollout_id, "status": status}
    return found.filter(**{name: value for name, value in wanted.items() if value is not None}).order_by(
        "-pk"
    )


def latest_of(*, device_id: int) -> Deployment | None:
    """The newest deployment of a device."""
    return deployments_matching(device_id=device_id).first()


def events_of(*, deployment_id: int) -> list[DeploymentEvent]:
    """Each step of a deployment, the first first."""
    return list(
        DeploymentEvent.objects.filter(deployment_id=deployment_id).select_related("by").order_by("pk")
    )


def count_deployments(device_ids: Iterable[int]) -> int:
    """How many go with these devices."""
    return Deployment.objects.filter(device_id__in=list(device_ids)).count()


def news_of(deployment: Deployment, *, at: datetime) -> dict[str, Any]:
    """A deployment as those hear of it who watch."""
    return {
        "deploymentId": deployment.pk,
        "deviceId": deployment.device_id,
        "rolloutId": deployment.rollout_id,
        "firmwareVersionId": deployment.firmware_id,
        "version": deployment.firmware.version,
        "status": str(deployment.status),
        "progress": deployment.progress,
        "errorMessage": deployment.error_message or None,
        "attempts": deployment.attempts,
        "timestamp": iso(at),
    }


def deployments_after(id: str, device_ids: Collection[int] | None) -> list[Tracked]:
    """How those deployments stand now that moved after the one with that id did; of the newest some thousands."""
    number, _, pk = id.partition(".")
    at, after = moment(whole_number(number)), whole_number(pk)
    newest = Deployment.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    moved = deployments_matching().filter(pk__gt=newest - LOOKED_AT)
    moved = moved.filter(Q(updated_at__gt=at) | Q(updated_at=at, pk__gt=after))
    if device_ids is not None:
        moved = moved.filter(device_id__in=device_ids)
    return [
        Tracked(event_id(microseconds(each.updated_at), each.pk), news_of(each, at=each.updated_at))
        for each in moved.order_by("updated_at", "pk")[:1000]
    ]


def event_id(number: int, deployment_id: int) -> str:
    """By which a subscription is taken up: when a deployment moved, and which it was."""
    return f"{number}.{deployment_id}"
