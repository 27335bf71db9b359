"""The contract as documents: open to everybody, valid, and about all that there is."""

import os
import subprocess
import sys
from functools import cache

import jsonschema_rs
import orjson
import pytest
from django.core.management import call_command
from django.test import Client
from openapi_spec_validator import validate

from devices import mqtt as devices_topics
from factory.asgi import channels
from factory.asyncapi import CHANNELS, HEARD, SAID, TOPICS, asyncapi_document
from factory.papers import openapi_document
from factory.urls import registry
from ota import mqtt as ota_topics
from telemetry import mqtt as telemetry_topics
from tests.plant import ROOT


@cache
def document() -> dict:
    return openapi_document(registry)


def operations() -> dict[str, dict]:
    return {
        operation["operationId"]: operation
        for methods in document()["paths"].values()
        for operation in methods.values()
    }


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/api/schema", "application/json"),
        ("/api/asyncapi", "application/json"),
        ("/api/trpc-types.d.ts", "text/plain; charset=utf-8"),
        ("/api/docs", "text/html; charset=utf-8"),
    ],
)
def test_strangers_read_every_paper(path, kind):
    response = Client().get(path)

    assert (response.status_code, response.headers["Content-Type"]) == (200, kind)
    assert Client().post(path).status_code == 405


def test_who_has_a_paper_already_is_not_sent_it_again():
    first = Client().get("/api/schema")

    again = Client().get("/api/schema", headers={"if-none-match": first.headers["ETag"]})

    assert (again.status_code, again.content) == (304, b"")


def test_the_openapi_document_is_valid():
    validate(document())

    assert document()["openapi"] == "3.1.0"


def test_every_procedure_is_an_operation_with_its_method_and_role():
    told = {
        (operation["operationId"], method, operation["x-role"])
        for methods in document()["paths"].values()
        for method, operation in methods.items()
    }

    assert told == {
        (each.path, "post" if each.kind == "mutation" else "get", each.permission.name) for each in registry
    }


def test_what_is_deprecated_is_marked_so_and_says_it_in_its_headers():
    marked = {path for path, operation in operations().items() if operation.get("deprecated")}

    assert marked == {each.path for each in registry if each.deprecated}
    assert {"Deprecation", "Sunset"} <= set(operations()["alerts.update"]["responses"]["200"]["headers"])


def test_a_role_is_asked_for_where_a_procedure_asks_for_one():
    security = {path: operation["security"] for path, operation in operations().items()}

    assert security["system.health"] == [{}]
    assert security["devices.list"] == [{"session": []}, {"person": []}, {"apiToken": []}]
    assert security["auth.sessions"] == [{"session": []}, {"person": []}]
    assert security["ota.check"] == [{"device": []}]
    assert security["readings.create"] == [*security["devices.list"], {"device": []}]


def test_every_example_is_what_its_schema_asks_for():
    bad = []
    for path, operation in operations().items():
        contents = [
            *operation.get("requestBody", {}).get("content", {}).values(),
            *(each["content"]["application/json"] for each in operation.get("parameters", ())),
            *operation["responses"]["200"]["content"].values(),
        ]
        for content in contents:
            if "example" in content:
                schema = {**content["schema"], "components": document()["components"]}
                if not jsonschema_rs.Draft202012Validator(schema).is_valid(content["example"]):
                    bad.append((path, content["example"]))

    assert bad == []


def test_every_operation_has_an_example_of_its_answer():
    without = [
        path
        for path, operation in operations().items()
        if "example" not in next(iter(operation["responses"]["200"]["content"].values()))
    ]

    assert without == sorted(
        each.path for each in registry if each.downloads or each.kind not in ("query", "mutation")
    )


def test_every_procedure_declares_what_it_answers():
    assert [each.path for each in registry if each.output is None and not each.downloads] == []


def test_the_command_prints_the_types_that_are_served(capsys):
    call_command("trpc_types")

    assert capsys.readouterr().out.encode() == Client().get("/api/trpc-types.d.ts").content


def test_asyncapi_tells_of_every_channel_and_message_of_ours_and_of_no_other():
    by_name = {
        channel.name: {channel.stream.message, *(channel.stream.batched or ())[:1]}
        for _, channel in channels._channels
    }

    assert {name: set(types) for name, types in CHANNELS.items()} == by_name
    assert set(HEARD) == {"subscribe", "unsubscribe", "ping", *channels.handlers}
    assert set(SAID) >= {message for messages in by_name.values() for message in messages}


def test_asyncapi_tells_of_every_topic_that_is_taken_in():
    taken = {topic.name for topic in (*telemetry_topics.topics, *devices_topics.topics, *ota_topics.topics)}

    assert {name for name, (from_devices, *_) in TOPICS.items() if from_devices} == taken


def test_every_reference_in_asyncapi_leads_somewhere():
    told = asyncapi_document()

    def references(value):
        if isinstance(value, dict):
            if "$ref" in value:
                yield value["$ref"]
            for inner in value.values():
                yield from references(inner)
        elif isinstance(value, list):
            for inner in value:
                yield from references(inner)

    for reference in set(references(told)):
        place = told
        for step in reference.removeprefix("#/").split("/"):
            place = place[step]
    assert orjson.loads(Client().get("/api/asyncapi").content) == told


FIRST_ASKED_AT_ONCE = """
import threading
import django
django.setup()
from django.test import Client, override_settings

answers = []
paths = ["/api/schema", "/api/trpc-types.d.ts"] * 4
begin = threading.Barrier(len(paths))

def ask(path):
    begin.wait()
    answers.append(Client(raise_request_exception=False).get(path).status_code)

with override_settings(ALLOWED_HOSTS=["*"], RATE_ADDRESS=None):
    threads = [threading.Thread(target=ask, args=[path]) for path in paths]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
print(answers)
"""


def test_documents_that_many_ask_for_at_once_are_written_once():
    """In a process of its own, where nobody has asked before."""
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings"}
    done = subprocess.run(
        [sys.executable, "-c", FIRST_ASKED_AT_ONCE], env=environment, capture_output=True, text=True, cwd=ROOT
    )

    assert done.stdout.strip() == str([200] * 8), done.stderr
