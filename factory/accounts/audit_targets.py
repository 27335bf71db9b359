"""Which object a request was about, by the names that procedures and addresses of pages use."""

from collections.abc import Mapping
from typing import Any

# Routers whose `id` is one of these.
ROUTERS = {
    "devices": "devices.device",
    "commands": "devices.command",
    "groups": "grouping.group",
    "thresholds": "alerts.threshold",
    "alerts": "alerts.alert",
    "notifications": "alerts.notificationconfig",
    "firmware": "ota.firmware",
    "ota": "ota.deployment",
}
# Procedures of a router that are about something else.
PROCEDURES = {
    "ota.startRollout": "ota.rollout",
    "ota.pauseRollout": "ota.rollout",
    "ota.resumeRollout": "ota.rollout",
    "ota.cancelRollout": "ota.rollout",
    "ota.createRollout": "ota.rollout",
    "groups.createBatchOperation": "grouping.batchoperation",
    "groups.cancelBatchOperation": "grouping.batchoperation",
    "groups.retryFailed": "grouping.batchoperation",
    "auth.revokeSession": "accounts.session",
    "auth.createApiToken": "accounts.apitoken",
    "auth.revokeApiToken": "accounts.apitoken",
}
# Arguments, in addresses of pages and in inputs; the narrowest first.
ARGUMENTS = {
    "threshold_id": "alerts.threshold",
    "deployment_id": "ota.deployment",
    "credential_id": "devices.credential",
    "rollout_id": "ota.rollout",
    "firmware_id": "ota.firmware",
    "firmware_version_id": "ota.firmware",
    "batch_id": "grouping.batchoperation",
    "alert_id": "alerts.alert",
    "config_id": "alerts.notificationconfig",
    "window_id": "alerts.maintenancewindow",
    "code_id": "devices.claimcode",
    "stop_id": "analytics.stopreason",
    "device_id": "devices.device",
    "group_id": "grouping.group",
}


def target_of(names: Mapping[str, Any]) -> tuple[str, str]:
    """What these arguments name."""
    for name, kind in ARGUMENTS.items():
        if names.get(name) not in (None, ""):
            return kind, str(names[name])
    return "", ""


def target_of_call(path: str, given: Mapping[str, Any], value: Any) -> tuple[str, str]:
    """What a procedure was about: what it was given, or what it has made."""
    router, _, name = path.partition(".")
    kind = PROCEDURES.get(path) or ROUTERS.get(router, "")
    if kind and given.get("id") not in (None, ""):
        return kind, str(given["id"])
    if kind and name.startswith("create"):
        made = value.get("id") if isinstance(value, Mapping) else getattr(value, "pk", None)
        if made is not None:
            return kind, str(made)
    return target_of(given)
