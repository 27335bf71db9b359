"""Two major versions side by side, and what may change between two editions of a contract."""

from datetime import date

import pytest
from django.test import RequestFactory
from rest_framework import serializers

from factory.trpc.gateway import Gateway
from factory.trpc.openapi import openapi
from factory.trpc.permissions import ANYONE
from factory.trpc.router import Deprecated, Procedure, Registry, Router
from factory.trpc.serializers import StrictInteger, StrictString, WireSerializer
from factory.trpc.typescript import typescript
from factory.trpc.versions import breaks, broken_promises, contract_of

GOING = Deprecated(since=date(2026, 1, 1), until=date(2026, 8, 1), instead="press.start")


class Asked(WireSerializer):
    name = StrictString(max_length=20)
    count = StrictInteger(required=False)


class Press(WireSerializer):
    deprecated = {"speed": GOING}

    id = serializers.IntegerField()
    speed = serializers.FloatField()
    strokes_per_minute = serializers.FloatField()


class PressOfTwo(WireSerializer):
    id = serializers.IntegerField()
    strokes_per_minute = serializers.FloatField()


def of_one(*, run_is_going=True) -> Registry:
    router = Router("press")

    @router.query("get", permission=ANYONE, output=Press)
    def get(call):
        """One press."""
        return {"id": 7, "speed": 1.0, "strokes_per_minute": 60.0}

    @router.mutation("run", permission=ANYONE, input=Asked, deprecated=GOING if run_is_going else None)
    def run(call, **asked):
        """Run it."""
        return True

    return Registry([router])


def of_two() -> Registry:
    router = Router("press")

    @router.query("get", permission=ANYONE, output=PressOfTwo)
    def get(call):
        """One press."""
        return {"id": 7, "strokes_per_minute": 60.0}

    @router.mutation("start", permission=ANYONE, input=Asked)
    def start(call, **asked):
        """Run it."""
        return True

    return Registry([router])


def ask(registry: Registry, path: str, version: int):
    request = RequestFactory().get(f"/api/v{version}/trpc/{path}")
    return Gateway(registry).view(request, path)


def test_two_versions_answer_side_by_side_and_the_older_one_says_what_goes():
    one, two = ask(of_one(), "press.get", 1), ask(of_two(), "press.get", 2)

    assert one.content == b'{"result":{"data":{"id":7,"speed":1.0,"strokesPerMinute":60.0}}}'
    assert one.headers["Deprecation"] == "@1767225600"
    assert one.headers["Sunset"] == "Sat, 01 Aug 2026 00:00:00 GMT"
    assert two.content == b'{"result":{"data":{"id":7,"strokesPerMinute":60.0}}}'
    assert "Deprecation" not in two.headers


def test_what_the_next_version_takes_away_is_announced_in_the_one_before():
    assert broken_promises({1: of_one(), 2: of_two()}) == []


def test_a_procedure_that_goes_unannounced_breaks_a_promise():
    assert broken_promises({1: of_one(run_is_going=False), 2: of_two()}) == [
        "Version 2: press.run is gone without having been deprecated until its end."
    ]


def test_the_version_before_the_newest_stays_served():
    assert broken_promises({3: of_two()}) == ["Version 2 has to stay served beside 3."]
    assert broken_promises({1: of_one()}) == []


def test_half_a_year_is_the_least_notice():
    with pytest.raises(ValueError, match="183 days"):
        Deprecated(since=date(2026, 1, 1), until=date(2026, 7, 2))


def test_deprecations_stand_in_the_documents():
    document = openapi(
        of_one(),
        title="Press",
        version="1",
        description="",
        prefix="/api/v1/trpc",
        security_schemes={},
        security_for=lambda permission: [{}],
        words={},
    )
    types = typescript(of_one(), title="Press", version="1", codes={})

    assert document["paths"]["/api/v1/trpc/press.run"]["post"]["deprecated"] is True
    assert document["components"]["schemas"]["Press"]["properties"]["speed"]["deprecated"] is True
    assert "@deprecated Since 2026-01-01, gone after 2026-08-01. Use press.start." in types
    assert "  /** @deprecated */\n  speed: number;" in types


def contract(input=None, output=None, *, deprecated=None, kind="query"):
    procedure = {
        "kind": kind,
        "role": "user",
        "input": input,
        "output": output or {},
        "deprecated": deprecated,
    }
    return {"procedures": {"press.get": procedure}, "components": {}}


def members(required=(), **shapes):
    return {"type": "object", "properties": shapes, "required": list(required)}


INTEGER, TEXT, MAYBE = {"type": "integer"}, {"type": "string"}, {"type": ["integer", "null"]}
GONE: dict = {"procedures": {}, "components": {}}


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        (contract(), GONE, ["press.get is gone without having been deprecated until its end."]),
        (contract(deprecated={"since": "2026-01-01", "until": "2026-08-01"}), GONE, []),
        (
            contract(deprecated={"since": "2026-05-01", "until": "2027-02-01"}),
            GONE,
            ["press.get is gone without having been deprecated until its end."],
        ),
        (contract(), contract(kind="mutation"), ["press.get was a query and is a mutation."]),
        (contract(), contract(members(a=INTEGER)), []),
        (
            contract(),
            contract(members(["a"], a=INTEGER)),
            ["press.get: takes an input that has to be given."],
        ),
        (contract(members(a=INTEGER)), contract(members(a=INTEGER, b=TEXT)), []),
        (
            contract(members(a=INTEGER)),
            contract(members(["b"], a=INTEGER, b=TEXT)),
            ["press.get: input.b has to be given now."],
        ),
        (
            contract(members(a=INTEGER)),
            contract(members()),
            ["press.get: input.a is gone without having been deprecated."],
        ),
        (contract(members(a={**INTEGER, "deprecated": True})), contract(members()), []),
        (
            contract(members(a=MAYBE)),
            contract(members(a=INTEGER)),
            ["press.get: input.a takes fewer kinds of values."],
        ),
        (
            contract(members(a={**TEXT, "enum": ["x", "y"]})),
            contract(members(a={**TEXT, "enum": ["x"]})),
            ["press.get: input.a takes fewer words."],
        ),
        (
            contract(members(a={**INTEGER, "maximum": 10})),
            contract(members(a={**INTEGER, "maximum": 9})),
            ["press.get: input.a: maximum is stricter."],
        ),
        (contract(output=members(["a"], a=INTEGER)), contract(output=members(["a"], a=INTEGER, b=TEXT)), []),
        (
            contract(output=members(["a"], a=INTEGER)),
            contract(output=members()),
            ["press.get: output.a is gone without having been deprecated."],
        ),
        (
            contract(output=members(["a"], a=INTEGER)),
            contract(output=members(["a"], a=MAYBE)),
            ["press.get: output.a may be something that it never was."],
        ),
        (
            contract(output=members(["a"], a=INTEGER)),
            contract(output=members(a=INTEGER)),
            ["press.get: output.a may be missing."],
        ),
        (
            contract(output={"type": "array", "items": members(["a"], a=TEXT)}),
            contract(output={"type": "array", "items": members()}),
            ["press.get: output[].a is gone without having been deprecated."],
        ),
    ],
)
def test_what_breaks_a_client_and_what_does_not(before, after, told):
    assert breaks(before, after, today=date(2026, 11, 28)) == told


def test_every_shape_of_a_contract_is_told():
    told = contract_of(of_one())

    assert told["procedures"]["press.get"] == {
        "kind": "query",
        "role": "anyone",
        "input": None,
        "output": {"$ref": "#/components/schemas/Press"},
        "deprecated": None,
    }
    assert told["procedures"]["press.run"]["deprecated"] == {"since": "2026-01-01", "until": "2026-08-01"}


class Following(WireSerializer):
    last_event_id = StrictString(required=False)


def told_of(procedure: Procedure) -> tuple[dict, str]:
    document = openapi(
        [procedure],
        title="Press",
        version="1",
        description="",
        prefix="/api/trpc",
        security_schemes={},
        security_for=lambda permission: [{}],
        words={},
    )
    return document["paths"]["/api/trpc/press.onStroke"], typescript(
        [procedure], title="P", version="1", codes={}
    )


def subscription(input=None) -> Procedure:
    return Procedure("press.onStroke", "subscription", print, ANYONE, input, PressOfTwo, doc="Each stroke.")  # type: ignore[arg-type]


def test_a_subscription_is_a_stream_of_events_in_the_documents():
    operations, types = told_of(subscription())

    assert operations["get"]["responses"]["200"]["content"] == {
        "text/event-stream": {
            "schema": {"type": "string"},
            "x-event": {"$ref": "#/components/schemas/PressOfTwo"},
        }
    }
    assert (
        "TRPCSubscriptionProcedure<{ input: void; output: AsyncIterable<PressOfTwo, void, unknown>; meta: object }>"
        in types
    )


def test_events_that_can_be_taken_up_again_carry_their_ids():
    _, types = told_of(subscription(Following))

    assert "AsyncIterable<{ id: string; data: PressOfTwo }, void, unknown>" in types
