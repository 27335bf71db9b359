"""Who is asking, what they may do, and which page a browser's write came from."""

from datetime import date

import pytest

from factory.errors import Unauthorized
from factory.trpc.call import STRANGER, Identity
from factory.trpc.gateway import Gateway
from factory.trpc.permissions import ANYONE, Permission
from factory.trpc.router import Deprecated, Registry, Router
from factory.trpc.serializers import StrictInteger, WireSerializer
from tests.conformance.procedures import registry
from tests.trpc.asking import get, post

ADMIN = Permission("admin", lambda identity: identity.principal == "admin")
DEVICE = Permission("device", lambda identity: identity.principal == "device")
router = Router("")


class Number(WireSerializer):
    n = StrictInteger()


@router.query("read", permission=ADMIN | DEVICE, input=Number)
def read(call, *, n):
    """For admins and devices."""
    return [call.principal, call.identity.credential, n]


@router.mutation("write", permission=ANYONE)
def write(call):
    """For anyone."""
    return call.http.method


@router.query("old", permission=ANYONE, deprecated=Deprecated(date(2026, 1, 1), date(2026, 12, 1), "read"))
def old(call):
    """On its way out."""
    return 1


def gateway(identity=None, **options):
    return Gateway(Registry([router]), identify=[lambda request: identity], **options)


def test_a_stranger_is_asked_to_sign_in_and_somebody_else_is_forbidden():
    answer = get("read", {"n": 1}, gateway=gateway())
    assert (answer.status, answer.json["error"]["message"]) == (401, "Sign in first.")
    answer = get("read", {"n": 1}, gateway=gateway(Identity("viewer")))
    assert (answer.status, answer.json["error"]["message"]) == (403, "read is for: admin or device.")


def test_permission_is_checked_before_input_is_looked_at():
    for input in ('{"n":"x"}', "{bad", None):
        assert get("read", input, gateway=gateway()).status == 401
        assert get("read", input, gateway=gateway(Identity("admin"))).status == 400
    assert list(get("read", {"json": {"n": "x"}}, gateway=gateway()).json["error"]) == ["json"]


@pytest.mark.parametrize("who", ["admin", "device"])
def test_either_of_two_permissions_opens_the_door(who):
    identity = Identity(who, credential="key")
    assert get("read", {"n": 1}, gateway=gateway(identity)).json["result"]["data"] == [who, "key", 1]


def test_the_first_that_knows_the_caller_decides():
    known = [lambda r: None, lambda r: Identity("admin"), lambda r: pytest.fail("asked in vain")]
    several = Gateway(Registry([router]), identify=known)
    assert get("read", {"n": 1}, gateway=several).json["result"]["data"][0] == "admin"


def test_a_failing_identification_fails_each_call_but_not_an_unknown_path():
    def refuse(request):
        raise Unauthorized("The token was revoked.")

    answer = get(
        "read,old,nope", {"0": {"n": 1}}, batch=True, gateway=Gateway(Registry([router]), identify=[refuse])
    )

    assert [envelope["error"]["data"]["httpStatus"] for envelope in answer.json] == [401, 401, 404]
    assert answer.json[0]["error"]["message"] == "The token was revoked."


def test_headers_and_cookies_reach_the_handler():
    answer = get("whoami", authorization="Bearer t", cookie="a=1; b=2", gateway=Gateway(registry))
    assert answer.json["result"]["data"] == {"headers": {"cookie": "a=1; b=2", "auth": "Bearer t"}}
    assert get("whoami", gateway=Gateway(registry)).json["result"]["data"] == {"headers": {}}


# Writes with a cookie

COOKIE = Identity("admin", ambient=True)


@pytest.mark.parametrize("origin", ["http://testserver", "HTTP://TestServer"])
def test_a_write_with_a_cookie_from_this_site_is_welcome(origin):
    assert post("write", gateway=gateway(COOKIE), origin=origin).status == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"origin": ""},
        {"origin": "null"},
        {"origin": "http://evil.example"},
        {"origin": "https://testserver"},
        {"origin": "http://testserver:81"},
        {"origin": "http://testserver.evil.example"},
        {"origin": "http://testserver", "host": "bad host"},
    ],
)
def test_a_write_with_a_cookie_from_anywhere_else_is_forbidden(headers):
    for batch in (False, True):
        answer = post("write", "{}", batch=batch, gateway=gateway(COOKIE), **headers)
        assert answer.status == 403
        assert "Origin" in answer.text


@pytest.mark.parametrize("allowed", [["http://front.example"], lambda: {"http://front.example"}])
def test_other_sites_may_be_allowed_by_a_list_or_a_function(allowed):
    friendly = gateway(COOKIE, allowed_origins=allowed)
    assert post("write", gateway=friendly, origin="http://front.example").status == 200
    assert post("write", gateway=friendly, origin="http://other.example").status == 403


def test_reads_and_writes_with_a_token_need_no_origin():
    assert get("read", {"n": 1}, gateway=gateway(COOKIE)).status == 200
    assert post("read", {"n": 1}, gateway=gateway(COOKIE)).status == 200
    assert post("write", gateway=gateway(Identity("device"))).status == 200
    assert post("write", gateway=gateway(STRANGER)).status == 200


# On the way out


@pytest.mark.parametrize("batch", [False, True])
def test_a_deprecated_procedure_says_so_in_every_answer(batch):
    answer = get("old", batch=batch, gateway=gateway())

    assert answer.header("Deprecation") == "@1767225600"
    assert answer.header("Sunset") == "Tue, 01 Dec 2026 00:00:00 GMT"
