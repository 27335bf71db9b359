"""Who may call what, for every procedure there is: a new one cannot escape this table (api contract, section 2)."""

import pytest
from django.utils import timezone

from devices.identity import known_tokens
from factory.urls import registry
from tests.builders import Trpc, make_device, make_token, make_user, sign_in

pytestmark = pytest.mark.django_db
RANKS = ["user", "operator", "technician", "admin"]

PUBLIC = {"auth.login", "auth.register", "auth.me", "auth.logout", "system.health"}
DEVICE = {"readings.create"}
LEAST_RANK = {
    "operator": {
        "alerts.assign",
        "alerts.create",
        "alerts.resolve",
        "alerts.shelve",
        "alerts.unshelve",
        "maintenance.end",
        "maintenance.plan",
        "groups.create",
        "groups.update",
        "groups.addDevices",
        "groups.removeDevices",
    },
    "technician": {
        "devices.create",
        "devices.update",
        "devices.rotateToken",
        "devices.setSilenceRule",
        "thresholds.create",
        "thresholds.update",
        "thresholds.delete",
        "thresholds.upsertForDevice",
    },
    "admin": {"devices.delete", "groups.delete", "readings.create", "readings.setMetric"},
}
VIEWERS_WRITE = {
    "alerts.updateStatus",
    "alerts.update",
    "alerts.acknowledge",
    "alerts.comment",
    "auth.changePassword",
    "auth.revokeSession",
    "notifications.registerConfig",
    "notifications.updateConfig",
    "notifications.deleteConfig",
    "notifications.rotateSecret",
    "notifications.test",
    "notifications.retryDelivery",
}


def least_rank(procedure) -> str:
    for rank, paths in LEAST_RANK.items():
        if procedure.path in paths:
            return rank
    assert procedure.kind == "query" or procedure.path in VIEWERS_WRITE, f"{procedure.path} is in no row"
    return "user"


def status_for(api: Trpc, procedure) -> int:
    """How a call with no input ends: 401 and 403 come before the input is looked at."""
    call = api.query if procedure.kind == "query" else api.mutate
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
        allowed = public or RANKS.index(role) >= RANKS.index(least_rank(procedure))
        assert (status_for(Trpc(client), procedure) == 403) is not allowed, role
