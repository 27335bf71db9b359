"""A plausible value of any shape, for the documents; the same each time."""

from collections.abc import Mapping
from typing import Any

from factory.trpc.fields import MILLIS

NOON = "2026-06-01T12:00:00.000Z"
NOON_MS = 1_780_315_200_000
BY_FORMAT = {"date-time": NOON, "date": "2026-06-01", "email": "somebody@example.com", "binary": ""}


class Examples:
    """`components` are what shapes refer to; `words` what stands for text, by the name of its member."""

    def __init__(self, components: Mapping[str, Any], words: Mapping[str, str]) -> None:
        self.components = components
        self.words = words

    def of(self, shape: Mapping[str, Any], name: str = "") -> Any:
        """`name` is the member that the value would be of."""
        if "$ref" in shape:
            return self.of(self.components[shape["$ref"].rpartition("/")[2]], name)
        for alternatives in ("anyOf", "oneOf"):
            if alternatives in shape:
                return self.of(shape[alternatives][0], name)
        if shape.get("default") is not None:
            return shape["default"]
        if "enum" in shape:
            return shape["enum"][0]
        kind = shape.get("type")
        match kind[0] if isinstance(kind, list) else kind:
            case "object":
                return self._object(shape)
            case "array":
                return [self.of(shape["items"], name.removesuffix("s"))]
            case "string":
                return self._text(shape, name)
            case "integer":
                return _whole(shape, name)
            case "number":
                return _within(shape, 21.5)
            case "boolean":
                return True
        return None if shape else {}

    def _object(self, shape: Mapping[str, Any]) -> dict[str, Any]:
        if "properties" not in shape:
            inner = shape.get("additionalProperties")
            return {"key": self.of(inner)} if inner else {}
        wanted = shape.get("required", ())
        return {name: self.of(inner, name) for name, inner in shape["properties"].items() if name in wanted}

    def _text(self, shape: Mapping[str, Any], name: str) -> str:
        if "format" in shape:
            return BY_FORMAT.get(shape["format"], "")
        pattern = shape.get("pattern", "")
        if ":[0-5]" in pattern:
            return "14:00" if name == "end" else "06:00"
        return self.words.get(name, "text")[: shape.get("maxLength")]


def _whole(shape: Mapping[str, Any], name: str) -> int:
    if shape.get("format") == MILLIS or name in ("timestamp", "startTime", "endTime"):
        return NOON_MS + (86_400_000 if name == "endTime" else 0)
    return int(_within(shape, 7))


def _within(shape: Mapping[str, Any], value: float) -> float:
    return max(shape.get("minimum", value), min(value, shape.get("maximum", value)))
