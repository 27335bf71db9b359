"""Who may call what, for every procedure there is: a new one cannot escape this table (api contract, section 2)."""

import pytest
from django.utils import timezone

from devices.identity import known_tokens
from factory.urls import registry
from tests.builders import Trpc, make_device, make_token, make_user, sign_in

pytestmark = pytest.mark.django_db
RANKS = ["user", "operator", "technician", "admin"]

PUBLIC = {"auth.login", "auth.register", "auth.me", "auth.logout", "system.health", "devices.claim"}
DEVICE = {"readings.create", "commands.pending", "commands.ack", "devices.getConfig", "devices.reportConfig"}
DEVICES_ONLY = {"commands.pending", "commands.ack", "devices.reportConfig"}  # a device speaks for itself
DEVICE |= {"ota.check", "ota.updateStatus"}
DEVICES_ONLY |= {"ota.check", "ota.updateStatus"}
LEAST_RANK = {
    "operator": {
        "analytics.addStop",
        "analytics.classifyStop",
        "analytics.removeStop",
        "analytics.startProduct",
        "analytics.takeBackProduct",
        "alerts.assign",
        "alerts.create",
        "alerts.resolve",
        "alerts.shelve",
        "alerts.unshelve",
        "commands.send",
        "maintenance.end",
        "maintenance.plan",
        "groups.create",
        "groups.update",
        "groups.addDevices",
        "groups.removeDevices",
        "groups.createBatchOperation",
        "groups.previewBatchOperation",
        "groups.cancelBatchOperation",
        "groups.retryFailed",
        "devices.setConfig",
    },
    "technician": {
        "analytics.deleteMachineProfile",
        "analytics.deleteShifts",
        "analytics.setEnergyMeter",
        "analytics.setLine",
        "analytics.setMachineProfile",
        "analytics.setProducts",
        "analytics.setShifts",
        "analytics.setStopCode",
        "commands.setType",
        "devices.create",
        "devices.update",
        "devices.rotateToken",
        "devices.deactivate",
        "devices.importCsv",
        "devices.reactivate",
        "devices.whatGoes",
        "devices.addToken",
        "devices.claimCodes",
        "devices.createClaimCode",
        "devices.credentials",
        "devices.revokeClaimCode",
        "devices.revokeCredential",
        "devices.setTypeDefaults",
        "devices.setSilenceRule",
        "export.deleteSchedule",
        "export.scheduleReport",
        "export.updateSchedule",
        "firmware.create",
        "firmware.update",
        "firmware.withdraw",
        "ota.cancel",
        "ota.deploy",
        "ota.retry",
        "ota.rollback",
        "ota.previewRollout",
        "ota.createRollout",
        "ota.startRollout",
        "ota.pauseRollout",
        "ota.resumeRollout",
        "ota.cancelRollout",
        "ota.retryRollout",
        "readings.forgetExchange",
        "readings.noteExchange",
        "thresholds.create",
        "thresholds.update",
        "thresholds.delete",
        "thresholds.upsertForDevice",
    },
    "admin": {
        "analytics.setEnergyPrice",
        "commands.deleteType",
        "devices.delete",
        "firmware.delete",
        "groups.delete",
        "readings.create",
        "readings.setMetric",
    },
}
VIEWERS_WRITE = {
    "alerts.updateStatus",
    "alerts.update",
    "alerts.acknowledge",
    "alerts.comment",
    "auth.beginSecondFactor",
    "auth.changePassword",
    "auth.confirmSecondFactor",
    "auth.disableSecondFactor",
    "auth.renewRecoveryCodes",
    "export.alertHistoryReport",
    "export.analyticsReport",
    "export.cancelReport",
    "export.deviceReport",
    "export.requestReport",
    "auth.revokeSession",
    "auth.setPreferences",
    "notifications.registerConfig",
    "notifications.updateConfig",
    "notifications.deleteConfig",
    "notifications.rotateSecret",
    "notifications.test",
    "notifications.retryDelivery",
}


def least_rank(procedure) -> str | None:
    if procedure.path in DEVICES_ONLY:
        return None
    for rank, paths in LEAST_RANK.items():
        if procedure.path in paths:
            return rank
    assert procedure.kind != "mutation" or procedure.path in VIEWERS_WRITE, f"{procedure.path} is in no row"
    return "user"


def has_rank(role: str, least: str | None) -> bool:
    return least is not None and RANKS.index(role) >= RANKS.index(least)


def status_for(api: Trpc, procedure) -> int:
    """How a call with no input ends: 401 and 403 come before the input is looked at.

    Whoever may subscribe is told here that this is not the door that streams (tests/live/test_subscriptions.py).
    """
    call = api.mutate if procedure.kind == "mutation" else api.query
    return call(procedure.path).status_code


@pytest.mark.parametrize("procedure", list(registry), ids=lambda procedure: procedure.path)
def test_a_procedure_is_open_to_exactly_whom_the_contract_says(client, procedure):
    known_tokens.clear()
    public = procedure.path in PUBLIC
    assert (status_for(Trpc(client), procedure) == 401) is not public

    device = Trpc(client, bearer=make_token(make_device(), at=timezone.now()))
    assert (status_for(device, procedure) == 403) is not (public or procedure.path in DEVICE)

    for role in RANKS:
        client.cookies.clear()
        sign_in(client, make_user(role=role))
        allowed = public or has_rank(role, least_rank(procedure))
        assert (status_for(Trpc(client), procedure) == 403) is not allowed, role
