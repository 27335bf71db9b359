"""What the types call a Date is one to a superjson client, and what they call a number or text is none."""

from datetime import UTC, datetime, timedelta
from io import StringIO

import orjson
import pytest
from django.core.management import call_command
from django.test import Client

from factory.trpc import superjson
from factory.trpc.shapes import Shapes
from factory.trpc.versions import expanded
from factory.urls import registry
from tests.builders import make_user, sign_in

QUERIES = [
    each.path
    for each in registry
    if each.kind == "query" and not each.downloads and each.permission.name != "device"
]


def moments(shape, value, place=()):
    """Where in a value times stand that are told as such."""
    if value is None:
        return
    for each in (*shape.get("anyOf", ()), *shape.get("oneOf", ())):
        yield from moments(each, value, place)
    if shape.get("format") == "date-time":
        yield ".".join(map(str, place))
    elif isinstance(value, list) and "items" in shape:
        for number, inner in enumerate(value):
            yield from moments(shape["items"], inner, (*place, number))
    elif isinstance(value, dict):
        for name, inner in value.items():
            if name in shape.get("properties", {}):
                yield from moments(shape["properties"][name], inner, (*place, name))


def asked(given: dict) -> str:
    """Whatever a query may want besides, and the week until now, as a superjson client sends it."""
    now = datetime.now(UTC)
    times = {"startTime": superjson.iso(now - timedelta(days=7)), "endTime": superjson.iso(now)}
    values = {name: ["Date"] for name in times}
    also = {"by": "machine", "type": "zone", "metric": "power", "filter": 'type = "sensor"'}
    return orjson.dumps({"json": {**times, **also, **given}, "meta": {"values": values}}).decode()


def dates_in(data: dict) -> set[str]:
    values = data.get("meta", {}).get("values", {})
    return {place for place, kind in values.items() if kind == ["Date"]}


@pytest.mark.django_db(transaction=True)
def test_every_time_of_a_furnished_plant(settings):
    settings.RATE_USER = None  # it asks for everything at once
    call_command("seed_demo", devices=6, history_days=0, stdout=StringIO())
    client, shapes, found = Client(), Shapes(registry), 0
    sign_in(client, make_user(role="admin"))
    outputs = {each.path: shapes.output_of(each) for each in registry}
    for path in QUERIES:
        for given in ({}, {"id": 1}, {"deviceId": 1}, {"deviceIds": [1]}, {"groupId": 1}, {"id": "press-1"}):
            response = client.get(f"/api/trpc/{path}", {"input": asked(given)})
            if response.status_code == 200:
                data = orjson.loads(response.content)["result"]["data"]
                told = set(moments(expanded(outputs[path], shapes.components()), data["json"]))
                assert dates_in(data) == told, path
                found += len(told)

    assert found > 50
