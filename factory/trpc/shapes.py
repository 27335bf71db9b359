"""What procedures take and answer as JSON Schema, told from their serializers.

drf-spectacular maps DRF's fields; here stands what is ours: names on the wire, strict JSON types, and the ways
of declaring an output. OpenAPI, TypeScript and the changelog of the contract are all made of these shapes.
"""

from collections import defaultdict
from collections.abc import Iterable
from copy import deepcopy
from types import SimpleNamespace
from typing import Any

from drf_spectacular.drainage import get_override, has_override
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import ComponentRegistry, ResolvedComponent, append_meta, force_instance
from rest_framework import serializers
from rest_framework.fields import Field

from factory.trpc.fields import (
    MILLIS,
    SAFE_INTEGER,
    FreeForm,
    MillisField,
    MomentField,
    StrictInteger,
    TimeZoneField,
)
from factory.trpc.router import Procedure
from factory.trpc.serializers import OrNull, Ready, WireSerializer, wire_name

Shape = dict[str, Any]

NULL: Shape = {"type": "null"}
MOMENT: Shape = {"type": "integer", "format": MILLIS, "minimum": -SAFE_INTEGER, "maximum": SAFE_INTEGER}
OWN: tuple[tuple[type[Field], Shape], ...] = (  # the first that fits
    (MomentField, {"anyOf": [MOMENT, {"type": "string", "format": "date-time"}]}),
    (MillisField, MOMENT),
    (TimeZoneField, {"type": "string", "description": "A time zone such as Europe/Berlin."}),
    (serializers.TimeField, {"type": "string", "pattern": r"^([01]\d|2[0-3]):[0-5]\d$"}),
)


class Shapes(AutoSchema):
    """Outputs become named components, inputs stand where they are used."""

    method = "POST"
    path = ""

    def __init__(self, procedures: Iterable[Procedure]) -> None:
        super().__init__()
        self.registry = ComponentRegistry()
        self._names: dict[type, str] = {}
        self._name(procedures)

    def input_of(self, procedure: Procedure) -> Shape | None:
        """None where a procedure never looks at its input."""
        declared = procedure.input
        if declared is None:
            return None
        if isinstance(declared, type) and issubclass(declared, WireSerializer):
            return self._map_serializer(declared, "request")
        if isinstance(declared, Field):
            return self._field(declared, "request")
        return dict(getattr(declared, "shape", {}))

    def output_of(self, procedure: Procedure) -> Shape:
        """`{}`, which is anything, where nothing is declared."""
        serializer, is_nullable = output_declared(procedure.output)
        if serializer is None:
            return {}
        if isinstance(serializer, Field):
            shape = self._field(serializer, "response")
        else:
            shape = self.resolve_serializer(serializer, "response").ref
        if procedure.many:
            shape = {"type": "array", "items": shape}
        return {"anyOf": [shape, NULL]} if is_nullable else shape

    def components(self) -> dict[str, Shape]:
        """The shapes that others refer to, by name."""
        return self.registry.build({}).get("schemas", {})

    # What drf-spectacular calls

    def resolve_serializer(self, serializer: Any, direction: Any, bypass_extensions: bool = False) -> Any:
        serializer = force_instance(serializer)
        if direction == "request":
            return SimpleNamespace(ref=self._map_serializer(serializer, direction))
        component = ResolvedComponent(
            name=self._name_of(type(serializer)), type=ResolvedComponent.SCHEMA, object=type(serializer)
        )
        if component not in self.registry:
            self.registry.register(component)  # before its members, which may be of its own kind
            component.schema = self._map_serializer(serializer, direction)
        return self.registry[component]

    def _map_serializer(self, serializer: Any, direction: Any, bypass_extensions: bool = False) -> Shape:
        serializer = force_instance(serializer)
        properties: dict[str, Shape] = {}
        required = []
        for name, field in serializer.fields.items():
            if field.write_only if direction == "response" else field.read_only:
                continue
            properties[wire_name(name)] = shape = self._field(field, direction)
            if name in getattr(serializer, "deprecated", {}):
                shape["deprecated"] = True
            if field.required or (direction == "response" and field.read_only):
                required.append(wire_name(name))
        shape = {"type": "object", "properties": properties}
        if required:
            shape["required"] = sorted(required)
        return shape

    def _map_serializer_field(self, field: Any, direction: Any, bypass_extensions: bool = False) -> Shape:
        meta = self._get_serializer_field_meta(field, direction)
        if has_override(field, "field"):
            return super()._map_serializer_field(field, direction, bypass_extensions)
        if isinstance(field, FreeForm):
            return {} if field.anything else append_meta({"type": "object", "additionalProperties": {}}, meta)
        if isinstance(field, serializers.JSONField):  # anything: null is, too
            return {}
        if isinstance(field, serializers.TimeField) and direction == "response":
            return append_meta({"type": "string"}, meta)
        for kind, shape in OWN:
            if isinstance(field, kind):
                return append_meta(deepcopy(shape), meta)
        shape = super()._map_serializer_field(field, direction, bypass_extensions)
        if isinstance(field, StrictInteger):
            shape.setdefault("minimum", -SAFE_INTEGER)
            shape.setdefault("maximum", SAFE_INTEGER)
        if isinstance(field, serializers.IntegerField | serializers.FloatField):
            shape.pop("format", None)
        if isinstance(field, serializers.ChoiceField):  # its labels are for people, and translated
            shape.pop("description", None)
            shape.pop("x-spec-enum-id", None)
        return shape

    def _get_serializer_field_meta(self, field: Any, direction: Any) -> Shape:
        meta = super()._get_serializer_field_meta(field, direction)
        kept = ("nullable", "default", "minLength")
        return {name: meta[name] for name in kept if name in meta}

    def _field(self, field: Field, direction: str) -> Shape:
        shape = self._map_serializer_field(field, direction)
        if direction == "request":
            self._insert_field_validators(field, shape)
        return shape

    # Names of components

    def _name(self, procedures: Iterable[Procedure]) -> None:
        """A class is called as in Python, and where rooms share a name, with its room before it."""
        by_name: dict[str, set[type]] = defaultdict(set)
        for procedure in procedures:
            serializer, _ = output_declared(procedure.output)
            if serializer is not None:
                for kind in _serializers_in(serializer):
                    by_name[kind.__name__].add(kind)
        for name, kinds in by_name.items():
            for kind in kinds:
                self._names[kind] = name if len(kinds) == 1 else _with_room(kind)
        taken = sorted(self._names.values())
        if len(set(taken)) < len(taken):
            raise ValueError(f"Two serializers would have one name: {taken}.")

    def _name_of(self, kind: type) -> str:
        return self._names.get(kind, kind.__name__)


def output_declared(output: Any) -> tuple[Any, bool]:
    """The serializer or field of an output, and whether null may stand in its place."""
    is_nullable = False
    while isinstance(output, OrNull | Ready):
        is_nullable |= isinstance(output, OrNull)
        output = output.declared
    return output, is_nullable


def _with_room(kind: type) -> str:
    words = [word for word in kind.__module__.split(".") if word != "api"]
    return "".join(dict.fromkeys(word.capitalize() for word in words)) + kind.__name__


def _serializers_in(declared: Any) -> Iterable[type]:
    """A serializer and all that stand inside it."""
    instance = force_instance(declared)
    while hasattr(instance, "child"):  # lists
        instance = instance.child
    if isinstance(instance, serializers.Serializer):
        yield type(instance)
        for field in instance.fields.values():
            yield from _serializers_in(field)
    elif isinstance(instance, serializers.SerializerMethodField):
        yield from _serializers_told(getattr(instance.parent, instance.method_name or "", None))
    else:
        yield from _serializers_told(instance)


def _serializers_told(annotated: Any) -> Iterable[type]:
    told = get_override(annotated, "field")
    if isinstance(told, Field) or (isinstance(told, type) and issubclass(told, Field)):
        yield from _serializers_in(told)
