"""DRF serializers that speak the wire: camelCase outside, snake_case inside, strict about JSON types."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, partial
from operator import attrgetter, itemgetter
from types import FunctionType, MethodType
from typing import Any, ClassVar, Protocol, Self, runtime_checkable

from django.core.exceptions import ObjectDoesNotExist
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.fields import Field, SkipField, empty
from rest_framework.relations import PKOnlyObject

from factory.trpc.fields import (
    FreeForm,
    MillisField,
    MomentField,
    StrictBoolean,
    StrictDateTime,
    StrictFloat,
    StrictInteger,
    StrictString,
    TimeZoneField,
)
from factory.trpc.superjson import UNDEFINED

__all__ = [
    "FreeForm",
    "InputParser",
    "MillisField",
    "MomentField",
    "OrNull",
    "Ready",
    "StrictBoolean",
    "StrictDateTime",
    "StrictFloat",
    "StrictInteger",
    "StrictString",
    "TimeZoneField",
    "WireSerializer",
    "wire_name",
]

Reader = Callable[[Any], dict[str, Any]]
Writer = Callable[[Any], Any]


@runtime_checkable
class InputParser(Protocol):
    """An input declaration of one's own. `raw` is UNDEFINED when the client sent nothing.

    What it takes may be told as JSON Schema by a member called `shape`.
    """

    def parse(self, raw: Any) -> dict[str, Any]: ...


@dataclass(frozen=True, slots=True)
class OrNull:
    """An output that is sometimes null."""

    declared: Any


@dataclass(frozen=True, slots=True)
class Ready:
    """An output that the handler returns as it goes out: the serializer or field only says what it looks like."""

    declared: Any


def wire_name(name: str) -> str:
    """`last_seen` -> `lastSeen`. A trailing underscore only dodges a Python keyword: `from_` -> `from`."""
    head, *rest = name.rstrip("_").split("_")
    return head + "".join(word[:1].upper() + word[1:] for word in rest)


# Fields whose value of this very type needs no conversion on its way out.
PLAIN_VALUES: tuple[tuple[type[Field], type | None], ...] = (
    (serializers.CharField, str),
    (serializers.ChoiceField, str),
    (serializers.IntegerField, int),
    (serializers.FloatField, float),
    (serializers.BooleanField, bool),
    (serializers.DateTimeField, datetime),  # the wire decides how it looks
)
METHODS = (MethodType, FunctionType, partial)


class _Plan:
    """How to turn one object into a row, worked out once for a set of fields."""

    def __init__(self, fields: Mapping[str, Field]) -> None:
        self.blank: dict[str, Any] = {}
        # name on the wire, type that passes as it is, conversion for everything else
        self.columns: list[tuple[str, type | None, Callable[[Any], Any]]] = []
        self.others: list[tuple[str, Field]] = []
        sources: list[str] = []
        for name, field in fields.items():
            if field.write_only:
                continue
            self.blank[wire_name(name)] = None
            if field.source == "*" or type(field).get_attribute is not Field.get_attribute:
                self.others.append((wire_name(name), field))
            else:
                sources.append(".".join(field.source_attrs))
                self.columns.append((wire_name(name), _passing_type(field), field.to_representation))
        self.fields = {wire_name(name): field for name, field in fields.items()}
        self.from_attributes = _fetcher(attrgetter, sources)
        self.from_keys = None if any("." in source for source in sources) else _fetcher(itemgetter, sources)

    def row(self, instance: Any) -> dict[str, Any]:
        fetch = self.from_keys if isinstance(instance, Mapping) else self.from_attributes
        try:
            values = fetch(instance) if fetch else None
        except (AttributeError, KeyError, ObjectDoesNotExist):
            values = None  # something optional is missing: ask field by field
        if values is None:
            return self.careful_row(instance)
        row = self.blank.copy()
        for (name, passing, convert), value in zip(self.columns, values, strict=True):
            if type(value) is passing:
                row[name] = value
            elif value is not None:
                if isinstance(value, METHODS):
                    value = value()
                row[name] = convert(value) if value is not None else None
        for name, field in self.others:
            _put(row, name, field, instance)
        return row

    def careful_row(self, instance: Any) -> dict[str, Any]:
        row = self.blank.copy()
        for name in self.blank:
            _put(row, name, self.fields[name], instance)
        return row


def _put(row: dict[str, Any], name: str, field: Field, instance: Any) -> None:
    try:
        value = field.get_attribute(instance)
    except SkipField:
        del row[name]
        return
    missing = value.pk is None if isinstance(value, PKOnlyObject) else value is None
    row[name] = None if missing else field.to_representation(value)


def _passing_type(field: Field) -> type | None:
    if getattr(field, "format", None) is not None:  # a date that wants to look different
        return None
    for kind, passing in PLAIN_VALUES:
        if isinstance(field, kind) and type(field).to_representation is kind.to_representation:
            return passing
    return None


def _fetcher(getter: Callable[..., Callable[[Any], Any]], sources: list[str]) -> Callable[[Any], tuple]:
    if len(sources) == 1:
        only = getter(sources[0])
        return lambda instance: (only(instance),)
    return getter(*sources) if sources else lambda instance: ()


class WireSerializer(serializers.Serializer):
    """Declared snake_case fields are camelCase on the wire, both ways and in errors. Nothing else is."""

    _prototype: ClassVar["WireSerializer | None"] = None
    # Fields on their way out, by name, each with its `Deprecated`.
    deprecated: ClassVar[Mapping[str, Any]] = {}

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        if not isinstance(data, Mapping):
            raise ValidationError({"non_field_errors": ["Expected an object."]})
        known = self._names_by_wire
        return super().to_internal_value({known[key]: data[key] for key in data if key in known})

    def run_validation(self, data: Any = empty) -> Any:
        if data is None and not self.allow_null:
            raise ValidationError({"non_field_errors": ["Expected an object."]})
        try:
            return super().run_validation(data)
        except ValidationError as refusal:
            if not isinstance(refusal.detail, dict):
                raise
            names = self._wire_by_name
            raise ValidationError({names.get(key, key): why for key, why in refusal.detail.items()}) from None

    def to_representation(self, instance: Any) -> dict[str, Any]:
        return self._plan.row(instance)

    @classmethod
    def row(cls, instance: Any) -> dict[str, Any]:
        """`instance` as a JSON-like object, without building a serializer each time."""
        return cls.prototype().to_representation(instance)

    @classmethod
    def rows(cls, instances: Iterable[Any]) -> list[dict[str, Any]]:
        represent = cls.prototype().to_representation
        return [represent(instance) for instance in instances]

    @classmethod
    def prototype(cls) -> Self:
        """The one instance a class keeps: using it leaves no trace in it, so threads share it."""
        kept = cls.__dict__.get("_prototype")
        if kept is None:
            kept = cls()
            cls._prototype = kept
        return kept

    @cached_property
    def _plan(self) -> _Plan:
        return _Plan(self.fields)

    @cached_property
    def _wire_by_name(self) -> dict[str, str]:
        return {str(name): wire_name(str(name)) for name in self.fields}

    @cached_property
    def _names_by_wire(self) -> dict[str, str]:
        return {wire: name for name, wire in self._wire_by_name.items()}


def deprecations_in(declared: Any) -> Iterator[Any]:
    """The deprecated fields of an input or output, those of serializers inside it included."""
    while isinstance(declared, OrNull | Ready):
        declared = declared.declared
    if isinstance(declared, type) and issubclass(declared, WireSerializer):
        declared = declared.prototype()
    while hasattr(declared, "child"):  # lists
        declared = declared.child
    if isinstance(declared, WireSerializer):
        yield from declared.deprecated.values()
        for field in declared.fields.values():
            yield from deprecations_in(field)


def reader_for(declared: Any) -> Reader | None:
    """How raw input becomes keyword arguments; None when a procedure takes none."""
    if declared is None:
        return None
    if isinstance(declared, type) and issubclass(declared, WireSerializer):
        return lambda raw: declared.prototype().run_validation({} if raw is UNDEFINED else raw)
    if isinstance(declared, Field):
        return lambda raw: _read_value(declared, raw)
    if isinstance(declared, InputParser):
        return declared.parse
    raise TypeError(
        f"{declared!r} is no input: a WireSerializer class, a field, or something with parse(raw)."
    )


def _read_value(field: Field, raw: Any) -> dict[str, Any]:
    try:
        return {"value": field.run_validation(empty if raw is UNDEFINED else raw)}
    except SkipField:  # absent, and allowed to be: the handler's own default counts
        return {}


def writer_for(declared: Any, *, many: bool) -> Writer | None:
    """How what a handler returned becomes JSON-like; None when it already is."""
    if isinstance(declared, OrNull):
        declared = declared.declared
    if declared is None or isinstance(declared, Ready | Field):
        return None
    if not (isinstance(declared, type) and issubclass(declared, WireSerializer)):
        raise TypeError(f"{declared!r} is no output: a WireSerializer class, a field, OrNull, Ready or None.")
    represent = declared.rows if many else declared.row
    return lambda value: None if value is None else represent(value)
