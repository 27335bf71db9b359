from ota.models.deployments import Deployment, DeploymentEvent, DeploymentQuerySet, UpdateRule
from ota.models.downloads import DownloadSlot
from ota.models.firmware import Firmware, FirmwareQuerySet, UploadedToday
from ota.models.rollouts import Rollout, RolloutDevice

__all__ = [
    "Deployment",
    "DeploymentEvent",
    "DeploymentQuerySet",
    "DownloadSlot",
    "Firmware",
    "FirmwareQuerySet",
    "Rollout",
    "RolloutDevice",
    "UpdateRule",
    "UploadedToday",
]
