"""Every procedure of the plant takes whatever comes: it refuses, or does it, and never breaks."""

import json

import pytest
from django.test import RequestFactory
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from factory.accounts.models import User
from factory.accounts.queries import alive_session
from factory.accounts.services import open_session
from factory.trpc.call import Identity
from factory.trpc.gateway import Gateway
from factory.trpc.serializers import WireSerializer, wire_name
from factory.urls import registry
from tests.builders import make_user

pytestmark = pytest.mark.django_db
CALM = settings(
    deadline=None,
    max_examples=10,  # for each of them, on every run
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
ODD = st.sampled_from(
    [
        *(None, True, 0, -1, 1, 2**31, 2**53, 2**63 - 1, 2**63, 2**64, -(2**70), 1e308, -0.0, 0.5),
        *(
            "",
            "0",
            "1",
            "x",
            "é\U0001f600",
            "\x00",
            "\u202e",
            "%",
            "'; --",
            "2026-01-02T03:04:05Z",
            "0000-00-00",
        ),
        *(
            "9999-12-31T23:59:59.999Z",
            "0001-01-01T00:00:00+23:59",
            "temperature",
            "Europe/Berlin",
            "../../etc",
        ),
        *([], {}, [[]], [None], {"": None}, {"__proto__": 1}),
    ]
)
VALUES = st.recursive(
    ODD | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
NOT_HERE = {
    "auth.logout",  # ends the session that all of these come with
    "auth.changePassword",
    "auth.revokeSession",
}


def inputs_of(declared) -> st.SearchStrategy:
    """Anything at all, or an object that has some of the members it should have."""
    if not (isinstance(declared, type) and issubclass(declared, WireSerializer)):
        return VALUES
    names = [wire_name(name) for name in declared.prototype().fields]
    return VALUES | st.dictionaries(st.sampled_from(names), VALUES, max_size=len(names)) if names else VALUES


@pytest.fixture
def admin_gateway():
    user = make_user(role=User.Role.ADMIN)
    session = alive_session(token=open_session(user=user, at=timezone.now()), at=timezone.now())
    return Gateway(registry, identify=[lambda request: Identity(principal=user, credential=session)])


PROCEDURES = [each for each in registry if each.kind != "subscription" and each.path not in NOT_HERE]


@pytest.mark.parametrize("procedure", PROCEDURES, ids=lambda procedure: procedure.path)
def test_no_input_breaks_a_procedure(admin_gateway, procedure):
    @CALM
    @given(inputs_of(procedure.input))
    def ask(value):
        request = RequestFactory().post(
            f"/api/trpc/{procedure.path}", json.dumps(value), content_type="application/json"
        )
        answer = admin_gateway.view(request, procedure.path)
        assert answer.status_code < 500, (answer.status_code, getattr(answer, "content", b""))

    ask()
