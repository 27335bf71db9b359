"""Who may call what, for every procedure there is: a new one cannot escape this table (api contract, section 2)."""

import pytest
from django.utils import timezone

from devices.identity import known_tokens
from factory.urls import registry
from tests.builders import Trpc, make_api_token, make_device, make_token, make_user, sign_in
from tests.devices.commanding import make_command
from tests.ota.updating import make_deployment
from tests.roles.table import (
    DEVICE,
    DEVICES_ONLY,
    IN_PERSON,
    LEAST_RANK,
    PUBLIC,
    RANKS,
    SCOPES,
    VIEWERS_WRITE,
    has_rank,
)

pytestmark = pytest.mark.django_db


def least_rank(procedure) -> str | None:
    if procedure.path in DEVICES_ONLY:
        return None
    for rank, paths in LEAST_RANK.items():
        if procedure.path in paths:
            return rank
    assert procedure.kind != "mutation" or procedure.path in VIEWERS_WRITE, (
        f"Who may call {procedure.path}? Give it a line in tests/roles/table.py."
    )
    return "user"


def test_the_table_names_no_procedure_that_is_gone():
    named = PUBLIC | DEVICE | DEVICES_ONLY | VIEWERS_WRITE | set().union(*LEAST_RANK.values())

    assert named - {procedure.path for procedure in registry} == set()


def status_for(api: Trpc, procedure) -> int:
    """How a call with no input ends: 401 and 403 come before the input is looked at.

    Whoever may subscribe is told here that this is not the door that streams (tests/live/test_subscriptions.py).
    """
    call = api.mutate if procedure.kind == "mutation" else api.query
    return call(procedure.path).status_code


@pytest.mark.parametrize("who", ["stranger", "device", *RANKS])
def test_a_procedure_is_open_to_exactly_whom_the_contract_says(client, who):
    known_tokens.clear()
    bearer, refusal = "", 403
    if who == "stranger":
        refusal = 401
    elif who == "device":
        bearer = make_token(make_device(), at=timezone.now())
    wrong = {}
    session = sign_in(client, make_user(role=who)) if who in RANKS else ""
    for procedure in registry:
        if session:
            client.cookies["app_session_id"] = session
            if procedure.path == "auth.logout":
                continue  # everybody may; it would end the session that asks
        status = status_for(Trpc(client, bearer=bearer), procedure)
        if (status == refusal) is may(who, procedure):
            wrong[procedure.path] = status

    assert wrong == {}


def may(who: str, procedure) -> bool:
    if procedure.path in PUBLIC:
        return True
    return procedure.path in DEVICE if who == "device" else has_rank(who, least_rank(procedure))


def token_may(scope: str, owner: str, procedure) -> bool:
    """No more than its owner, nothing about the owner's account, and only what its scope covers."""
    if procedure.path in PUBLIC:
        return True
    assert not procedure.path.startswith("auth.") or procedure.path in IN_PERSON, (
        f"Is {procedure.path} about one's own account? Say it in tests/roles/table.py."
    )
    least = least_rank(procedure)
    if procedure.path in IN_PERSON or not has_rank(owner, least):
        return False
    highest = SCOPES[scope]
    return procedure.kind != "mutation" or (highest is not None and has_rank(highest, least))


@pytest.mark.parametrize(
    ("scope", "owner"),
    [("read", "admin"), ("operate", "admin"), ("full", "admin"), ("full", "technician"), ("operate", "user")],
)
def test_an_api_token_opens_exactly_what_its_scope_and_its_owner_may(client, scope, owner):
    token = Trpc(client, bearer=make_api_token(make_user(role=owner), scope))
    wrong = {}
    for procedure in registry:
        status = status_for(token, procedure)
        if (status == 403) is token_may(scope, owner, procedure):
            wrong[procedure.path] = status

    assert wrong == {}


def in_the_name_of(other) -> dict:
    """What a device might ask that is about another one; None: the procedure has no way to name one."""
    deployment = make_deployment(other)
    command = make_command(other)
    return {
        "readings.create": {"deviceId": other.pk, "data": {"temperature": 1.0}},
        "devices.getConfig": {"id": other.pk},
        "devices.reportConfig": None,
        "commands.pending": None,
        "commands.ack": {"id": command.pk, "status": "succeeded"},
        "ota.check": None,
        "ota.updateStatus": {"id": deployment.pk, "status": "downloading"},
    }


def test_a_device_does_nothing_in_the_name_of_another(client):
    known_tokens.clear()
    asked = in_the_name_of(make_device())
    api = Trpc(client, bearer=make_token(make_device(), at=timezone.now()))

    assert asked.keys() == DEVICE, "What could a device ask about another one? Say it in in_the_name_of."
    kinds = {procedure.path: procedure.kind for procedure in registry}
    for path, given in asked.items():
        if given is not None:
            call = api.mutate if kinds[path] == "mutation" else api.query
            assert (path, call(path, given).status_code) == (path, 403)
