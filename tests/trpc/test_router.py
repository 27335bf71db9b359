"""What a procedure must say about itself before anything starts."""

from datetime import date

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import RequestFactory
from django.urls import URLResolver
from django.urls.resolvers import RegexPattern
from rest_framework import serializers

from factory.trpc.errors import TRPCError
from factory.trpc.gateway import Gateway
from factory.trpc.permissions import ANYONE
from factory.trpc.router import UNDEFINED, Deprecated, Registry, Router
from factory.trpc.serializers import StrictInteger, WireSerializer
from tests.trpc.asking import GATEWAY, Answer, get, post


def documented(call, **kwargs):
    """Do nothing."""
    return kwargs


def test_a_registry_knows_its_procedures_by_path():
    router = Router("alerts")
    router.query("list", permission=ANYONE, output=None)(documented)
    router.mutation("create", permission=ANYONE, input=StrictInteger())(documented)
    registry = Registry([router])

    assert [procedure.path for procedure in registry] == ["alerts.list", "alerts.create"]
    assert len(registry) == 2
    found = registry.find("alerts.list")
    assert (found.kind, found.permission, found.handler, found.doc) == (
        "query",
        ANYONE,
        documented,
        "Do nothing.",
    )
    assert registry.find("alerts") is None


def test_two_procedures_of_one_path_are_refused():
    one, other = Router("a"), Router("a")
    one.query("b", permission=ANYONE)(documented)
    other.mutation("b", permission=ANYONE)(documented)
    with pytest.raises(ValueError, match=r"a\.b"):
        Registry([one, other])


def test_permission_has_no_default():
    with pytest.raises(TypeError, match="permission"):
        Router("a").query("b")
    with pytest.raises(TypeError, match="permission"):
        Router("a").query("b", permission=lambda identity: True)(documented)


def test_a_procedure_needs_a_docstring():
    with pytest.raises(TypeError, match="docstring"):
        Router("a").query("b", permission=ANYONE)(lambda call: None)


def test_a_procedure_is_a_plain_function():
    async def later(call):
        """Never."""

    with pytest.raises(TypeError, match="threads"):
        Router("a").query("b", permission=ANYONE)(later)


@pytest.mark.parametrize("options", [{"input": 5}, {"input": dict}, {"output": 5}, {"output": dict}])
def test_input_and_output_must_be_something_the_router_understands(options):
    with pytest.raises(TypeError, match=r"is no|neither"):
        Router("a").query("b", permission=ANYONE, **options)(documented)


@pytest.mark.parametrize("name", ["", "a b", "a/b", "a,b", "__proto__", "a..b", "é"])
def test_a_path_is_made_of_plain_names(name):
    with pytest.raises(ValueError, match="no path"):
        Router("a").query(name, permission=ANYONE)


def test_clients_get_half_a_year_of_notice():
    with pytest.raises(ValueError, match="183 days"):
        Deprecated(date(2026, 1, 1), date(2026, 7, 1))
    Deprecated(date(2026, 1, 1), date(2026, 7, 3))


# Kinds of input and output


class Optional(WireSerializer):
    max_rows = StrictInteger(required=False)


class Row(WireSerializer):
    row_id = serializers.IntegerField()


class Hot:
    """The shape of the telemetry door."""

    def parse(self, raw):
        if raw is not UNDEFINED and not isinstance(raw, dict):
            raise TRPCError("BAD_REQUEST", "Expected an object.")
        return {"given": None if raw is UNDEFINED else raw["n"]}


def gateway_with(result=None, **options):
    router = Router("")

    @router.mutation("it", permission=ANYONE, **options)
    def it(call, **given):
        """Return what was given, or the result."""
        return given if result is None else result

    return Gateway(Registry([router]))


def test_an_all_optional_object_may_be_absent():
    gateway = gateway_with(input=Optional)
    assert post("it", gateway=gateway).json["result"]["data"] == {}
    assert post("it", {"maxRows": 5, "other": 1}, gateway=gateway).json["result"]["data"] == {"max_rows": 5}


def test_a_scalar_arrives_as_value():
    gateway = gateway_with(input=StrictInteger(min_value=1))
    assert post("it", 5, gateway=gateway).json["result"]["data"] == {"value": 5}
    for body in ("0", "null", b"", '"5"'):
        assert post("it", body, gateway=gateway).status == 400


def test_a_parser_of_its_own_gets_the_raw_value():
    gateway = gateway_with(input=Hot(), result="ok")
    assert post("it", {"n": 5}, gateway=gateway).json["result"]["data"] == "ok"
    assert post("it", {"json": {"n": 5}}, gateway=gateway).json["result"]["data"] == {"json": "ok"}
    answer = post("it", [5], gateway=gateway)
    assert (answer.status, answer.json["error"]["message"]) == (400, "Expected an object.")


def test_output_is_one_row_many_rows_or_null():
    rows = [{"row_id": 1}, {"row_id": 2}]
    assert post("it", gateway=gateway_with(rows, output=Row, many=True)).json["result"]["data"] == [
        {"rowId": 1},
        {"rowId": 2},
    ]
    assert post("it", gateway=gateway_with(rows[0], output=Row)).json["result"]["data"] == {"rowId": 1}
    router = Router("")

    @router.query("none", permission=ANYONE, output=Row)
    def none(call):
        """Return nothing."""

    assert get("none", gateway=Gateway(Registry([router]))).text == '{"result":{"data":null}}'


# Forms


class Upload(WireSerializer):
    version_name = serializers.CharField()
    file = serializers.FileField()


def upload(gateway, path="it", query="", **data):
    request = RequestFactory().post("/api/trpc/it?" + query, data)
    return Answer(gateway.view(request, path))


def test_a_procedure_that_says_so_takes_a_form_with_files():
    router = Router("")

    @router.mutation("it", permission=ANYONE, input=Upload, accepts_form=True)
    def it(call, *, version_name, file):
        """Take a file."""
        return [version_name, file.name, file.size]

    gateway = Gateway(Registry([router]))
    file = SimpleUploadedFile("fw.bin", b"12345")

    assert upload(gateway, versionName="1.0", file=file).json == {"result": {"data": ["1.0", "fw.bin", 5]}}
    assert upload(gateway, versionName="1.0").json["error"]["data"]["fieldErrors"].keys() == {"file"}
    assert upload(gateway, query="batch=1", versionName="1.0").status == 415


def test_a_form_over_its_limit_is_413(settings):
    settings.TRPC_FORM_MAX = 50
    assert upload(gateway_with(accepts_form=True), a="b").status == 413


def test_only_a_mutation_takes_a_form_and_only_if_it_says_so():
    assert upload(GATEWAY, path="ping", a="b").status == 415
    with pytest.raises(TypeError):
        Router("a").query("b", permission=ANYONE, accepts_form=True)


# The mount


@pytest.mark.parametrize(
    ("address", "path"),
    [
        ("api/trpc/alerts.list", "alerts.list"),
        ("api/trpc/a,b", "a,b"),
        ("api/trpc/a\nb/", "a\nb/"),
        ("api/trpc/", ""),
        ("api/trpc", None),
    ],
)
def test_everything_under_the_prefix_is_the_gateways(address, path):
    root = URLResolver(RegexPattern(r""), [GATEWAY.urls("/api/trpc/", name="trpc")])
    match = root.resolve(address)
    assert match.kwargs.get("path") == path
    assert match.func.csrf_exempt


def test_the_neighbour_of_the_prefix_is_not():
    from django.urls import Resolver404

    with pytest.raises(Resolver404):
        URLResolver(RegexPattern(r""), [GATEWAY.urls("api/trpc")]).resolve("api/trpc-types.d.ts")
