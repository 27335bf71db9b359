from collections.abc import Iterable

from factory.errors import NotFound
from ota.models import Deployment, DeploymentEvent, DeploymentQuerySet


class DeploymentUnknown(NotFound):
    """There is no such deployment."""


def get_deployment(id: int) -> Deployment:
    deployment = deployments_matching().filter(pk=id).first()
    if deployment is None:
        raise DeploymentUnknown(f"There is no deployment {id}.")
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
