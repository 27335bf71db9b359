"""Every answer that a test looks at is what the contract declares: no member more, none less, each of its type."""

import threading
from functools import cache
from typing import Any

import jsonschema_rs
from django.conf import settings

PREFIX = "/api/trpc/"
MAKING = threading.Lock()  # of the shapes, since tests ask from many threads


def assert_declared(path: str, data: Any) -> None:
    """Hold the data of an answer of our own procedures (not those of a test's own registry) against its shape."""
    if not path.startswith(PREFIX) or settings.ROOT_URLCONF != "factory.urls":
        return
    with MAKING:
        validator = _validators().get(path.removeprefix(PREFIX))
    if validator:
        error = next(validator.iter_errors(data), None)
        assert error is None, f"{path} answered otherwise than declared, at {error.instance_path}: {error}"


def assert_said(message: dict[str, Any]) -> None:
    """Hold a message of `/ws` against the AsyncAPI document."""
    validator = _messages().get(message["type"])
    assert validator, f"{message['type']} is not told of"
    error = next(validator.iter_errors(message), None)
    assert error is None, f"{message['type']} was said otherwise than told, at {error.instance_path}: {error}"


@cache
def _messages() -> dict[str, Any]:
    from factory.asyncapi import asyncapi_document

    told = asyncapi_document()["components"]["messages"]
    return {
        message["name"]: jsonschema_rs.Draft202012Validator(
            _exactly(message["payload"]), validate_formats=True
        )
        for key, message in told.items()
        if key.startswith("said.")
    }


@cache
def _validators() -> dict[str, Any]:
    from factory.trpc.shapes import Shapes
    from factory.urls import registry

    shapes = Shapes(registry)
    outputs = {procedure.path: shapes.output_of(procedure) for procedure in registry}
    components = {name: _exactly(shape) for name, shape in shapes.components().items()}
    return {
        path: jsonschema_rs.Draft202012Validator(
            {**_exactly(shape), "components": {"schemas": components}}, validate_formats=True
        )
        for path, shape in outputs.items()
    }


def _exactly(shape: Any) -> Any:
    """The shape without room for what it does not name."""
    if isinstance(shape, list):
        return [_exactly(each) for each in shape]
    if not isinstance(shape, dict):
        return shape
    exact = {name: _exactly(each) for name, each in shape.items()}
    return {**exact, "additionalProperties": False} if isinstance(shape.get("properties"), dict) else exact
