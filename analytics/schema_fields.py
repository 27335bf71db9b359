"""Which fields a form needs for parameters that a JSON Schema describes. Pure: no forms and no ORM."""

from dataclasses import dataclass
from typing import Any

MOST = 20
KINDS = ("string", "number", "integer", "boolean")
# What a schema may say of an object, or of one value, that a plain field can hold people to.
OF_OBJECTS = {"$schema", "type", "properties", "required", "additionalProperties", "title", "description"}
OF_VALUES = {
    "type", "enum", "title", "description", "default", "examples", "format", "pattern",
    "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minLength", "maxLength",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Parameter:
    """One value that somebody fills in."""

    key: str
    kind: str  # string, number, integer, boolean or choice
    label: str
    help: str
    required: bool
    default: Any = None
    choices: tuple[Any, ...] = ()
    low: float | None = None
    high: float | None = None


def parameters_of(schema: dict[str, Any]) -> list[Parameter] | None:
    """The fields for a simple schema; None where only JSON itself can say what is meant."""
    properties = schema.get("properties")
    if not schema.keys() <= OF_OBJECTS or schema.get("type", "object") != "object":
        return None
    if (
        properties is None
    ):  # nothing is declared: `{"type": "object", "additionalProperties": false}` takes nothing
        return [] if schema.get("additionalProperties") is False else None
    required = schema.get("required", [])
    if len(properties) > MOST or not set(required) <= properties.keys():
        return None
    found = [_parameter(key, value, key in required) for key, value in properties.items()]
    return None if None in found else [parameter for parameter in found if parameter is not None]


def _parameter(key: str, schema: Any, required: bool) -> Parameter | None:
    if not isinstance(schema, dict) or not schema.keys() <= OF_VALUES:
        return None
    choices = tuple(schema.get("enum", ()))
    if choices and not all(isinstance(choice, str | int | float) for choice in choices):
        return None
    kind = "choice" if choices else schema.get("type")
    if kind not in (*KINDS, "choice"):
        return None
    return Parameter(
        key=key,
        kind=str(kind),
        label=str(schema.get("title") or key.replace("_", " ").capitalize()),
        help=str(schema.get("description") or _bounds(schema)),
        required=required,
        default=schema.get("default"),
        choices=choices,
        low=schema.get("minimum"),
        high=schema.get("maximum"),
    )


def _bounds(schema: dict[str, Any]) -> str:
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is not None and high is not None:
        return f"{low:,g} to {high:,g}"
    if low is not None:
        return f"{low:,g} at least"
    return f"{high:,g} at most" if high is not None else ""
