"""A plausible value of any shape, for the documents; the same each time."""

from collections.abc import Mapping
from typing import Any

from factory.trpc.fields import MILLIS

NOON = "2026-06-01T12:00:00.000Z"
NOON_MS = 1_780_315_200_000
WORDS: dict[str, str] = {
    "agent": "Firefox",
    "address": "192.0.2.7",
    "basis": "stops",
    "checksum": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "claimCode": "H3LM-7QPX-2VWD",
    "currency": "EUR",
    "description": "Presses of hall 1",
    "deviceId": "press-7",
    "email": "mira@example.com",
    "fileUrl": "https://files.example.com/press-1.4.2.bin",
    "filename": "device-press-7.pdf",
    "filter": 'zone = "hall-1" and status = "online"',
    "hint": "H3LM",
    "key": "temperature",
    "label": "Temperature",
    "location": "Hall 1, line 2",
    "message": "temperature is 93.5, above 90",
    "metric": "temperature",
    "name": "Press 7",
    "note": "Bearing greased",
    "password": "seven wooden ladders",
    "pdfUrl": "/reports/7/pdf?link=...",
    "reason": "Waiting for a part",
    "recipient": "mira@example.com",
    "role": "technician",
    "state": "running",
    "timeZone": "Europe/Berlin",
    "title": "Press 7",
    "token": "...",
    "totalMetric": "pieces",
    "unit": "°C",
    "version": "1.4.2",
    "zone": "hall-1",
}
BY_FORMAT = {"date-time": NOON, "date": "2026-06-01", "email": "mira@example.com", "binary": ""}


def example_of(shape: Mapping[str, Any], components: Mapping[str, Any], name: str = "") -> Any:
    """`name` is the member that the value would be of."""
    if "$ref" in shape:
        return example_of(components[shape["$ref"].rpartition("/")[2]], components, name)
    for alternatives in ("anyOf", "oneOf"):
        if alternatives in shape:
            return example_of({**shape[alternatives][0]}, components, name)
    if shape.get("default") is not None:
        return shape["default"]
    if "enum" in shape:
        return shape["enum"][0]
    kind = shape.get("type")
    if isinstance(kind, list):
        kind = kind[0]
    match kind:
        case "object":
            return _object(shape, components)
        case "array":
            return [example_of(shape["items"], components, name.removesuffix("s"))]
        case "string":
            return _text(shape, name)
        case "integer":
            return _whole(shape, name)
        case "number":
            return _within(shape, 21.5)
        case "boolean":
            return True
    return {} if not shape else None


def _object(shape: Mapping[str, Any], components: Mapping[str, Any]) -> dict[str, Any]:
    if "properties" not in shape:
        inner = shape.get("additionalProperties")
        return {"temperature": example_of(inner, components)} if inner else {}
    wanted = shape.get("required", ())
    return {
        member: example_of(inner, components, member)
        for member, inner in shape["properties"].items()
        if member in wanted
    }


def _text(shape: Mapping[str, Any], name: str) -> str:
    if "format" in shape:
        return BY_FORMAT.get(shape["format"], "")
    pattern = shape.get("pattern", "")
    if ":[0-5]" in pattern:
        return "14:00" if name == "end" else "06:00"
    return WORDS.get(name, "setup" if pattern and name != "deviceId" else "text")[: shape.get("maxLength")]


def _whole(shape: Mapping[str, Any], name: str) -> int:
    if shape.get("format") == MILLIS or name in ("timestamp", "startTime", "endTime"):
        return NOON_MS + (86_400_000 if name == "endTime" else 0)
    return int(_within(shape, 7))


def _within(shape: Mapping[str, Any], value: float) -> float:
    return max(shape.get("minimum", value), min(value, shape.get("maximum", value)))
