from ota.admin.deployments import DeploymentAdmin, UpdateRuleAdmin
from ota.admin.firmware import FirmwareAdmin
from ota.admin.rollouts import RolloutAdmin, RolloutDeviceAdmin

__all__ = [
    "DeploymentAdmin",
    "FirmwareAdmin",
    "RolloutAdmin",
    "RolloutDeviceAdmin",
    "UpdateRuleAdmin",
]
