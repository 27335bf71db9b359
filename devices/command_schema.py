"""What a command's parameters have to look like, by JSON Schema 2020-12. Pure: nothing is ever fetched.

A schema can be written so that checking against it takes hours. The work is counted, and refused beyond a limit.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from contextvars import ContextVar
from typing import Any

from django.utils.translation import gettext, gettext_noop
from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError, UnknownType, ValidationError, best_match
from jsonschema.validators import create
from referencing import Registry, Resource
from referencing.exceptions import Unresolvable
from referencing.jsonschema import DRAFT202012

from devices.pattern_work import ways

DIALECT = "https://json-schema.org/draft/2020-12/schema"
REFERENCES = ("$ref", "$dynamicRef")
NOWHERE: Registry = Registry()  # what a `$ref` may lead to outside of its own schema: nothing
WORDS = 300  # of a reason
ENDLESS = gettext_noop("is checked by a schema that refers to itself without end")
TOILSOME = gettext_noop("takes too long to check against its schema")
WORK = 100_000  # of one check: keywords that were looked at; a second or so
REFERENCE = 20  # keywords' work is it to follow one
WAYS_A_STEP = 100  # of a pattern are as much work as one keyword
SHORT = 32  # a pattern that cannot be searched for in so short a text is of no use

_left: ContextVar[int] = ContextVar("work left of this check")


class Misfit(Exception):
    """The parameters, or the schema itself, are not as they should be: `path` says where."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(reason)
        self.path, self.reason = path, reason


class _Toil(Exception):
    """More work than a check may be."""


def _counted(keyword: str, look: Callable[..., Iterable[ValidationError] | None]) -> Callable[..., Any]:
    """A keyword of JSON Schema that pays for its work first."""

    def counted(validator: Any, value: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
        _spend(_work(keyword, value, instance, schema))
        for error in look(validator, value, instance, schema) or ():
            _spend(len(error.message) // WAYS_A_STEP)  # which holds the whole value
            yield error

    return counted


def _spend(work: int) -> None:
    left = _left.get() - work
    if left < 0:
        raise _Toil
    _left.set(left)


def _work(keyword: str, value: Any, instance: Any, schema: dict[str, Any]) -> int:
    work = 1 + (len(value) // 10 if isinstance(value, list | dict) else 0)
    if keyword in REFERENCES:
        work += REFERENCE
    elif keyword == "uniqueItems" and isinstance(instance, list):
        work += len(instance) ** 2 // 20
    elif keyword == "pattern" and isinstance(instance, str):
        work += ways(value, len(instance)) // WAYS_A_STEP
    elif keyword in ("patternProperties", "additionalProperties") and isinstance(instance, dict):
        for pattern in schema.get("patternProperties", ()):
            work += sum(1 + ways(pattern, len(name)) // WAYS_A_STEP for name in instance)
    return work


def _dearest_last(schema: dict[str, Any]) -> list[tuple[str, Any]]:
    """`unevaluated…` looks again, uncounted, at what the other keywords have paid for by then."""
    return sorted(schema.items(), key=lambda item: item[0].startswith("unevaluated"))


CountingValidator = create(
    meta_schema=Draft202012Validator.META_SCHEMA,
    validators={name: _counted(name, look) for name, look in Draft202012Validator.VALIDATORS.items()},
    type_checker=Draft202012Validator.TYPE_CHECKER,
    id_of=Draft202012Validator.ID_OF,
    applicable_validators=_dearest_last,
)


def check_schema(schema: Any) -> None:
    """Refuse a schema that could not be used later."""
    if not isinstance(schema, dict):
        raise Misfit("", gettext("must be an object"))
    if schema.get("$schema", DIALECT) not in (DIALECT, f"{DIALECT}#"):
        raise Misfit(".$schema", gettext("must be %(most)s, or left out") % {"most": DIALECT})
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        raise Misfit(_path(error), _words(error)) from None
    except RecursionError:
        raise Misfit("", gettext("nests too deep")) from None
    except OverflowError:
        raise Misfit("", gettext("has a pattern with too large a number")) from None
    resolver = NOWHERE.resolver_with_root(Resource.from_contents(schema, default_specification=DRAFT202012))
    for reference in _references(schema):
        if not reference.startswith("#"):
            raise Misfit(
                "",
                gettext("may refer to its own parts only, and %(part)s is elsewhere")
                % {"part": reference[:80]},
            )
        try:
            resolver.lookup(reference)
        except Unresolvable:
            raise Misfit("", gettext("has no part %(part)s") % {"part": reference[:80]}) from None
    for pattern in _patterns(schema):
        if ways(pattern, SHORT) > WORK * WAYS_A_STEP:
            raise Misfit(
                "",
                gettext("has a pattern that takes too long: %(pattern)s; avoid repeats inside repeats")
                % {"pattern": repr(pattern[:80])},
            )
    try:
        check({}, schema)
    except Misfit as misfit:
        if misfit.reason in (gettext(ENDLESS), gettext(TOILSOME)):
            raise


def check(parameters: Any, schema: dict[str, Any]) -> None:
    """Refuse parameters that do not fit, with the path of what fits least."""
    _left.set(WORK)
    try:
        validator = CountingValidator(schema, registry=NOWHERE)
        error = best_match(validator.iter_errors(parameters))
    except _Toil:
        raise Misfit("", gettext(TOILSOME)) from None
    except RecursionError:
        raise Misfit("", gettext(ENDLESS)) from None
    except (
        Unresolvable,
        UnknownType,
        re.error,
        OverflowError,
    ) as error:  # it was not checked when it was written
        raise Misfit("", gettext("cannot be checked: %(error)s") % {"error": f"{error!s:.100}"}) from None
    if error is not None:
        raise Misfit(_path(error), _words(error))


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            if key in REFERENCES and isinstance(inner, str):
                yield inner
            else:
                yield from _references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _references(inner)


def _patterns(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            if key == "pattern" and isinstance(inner, str) and _is_pattern(inner):
                yield inner
            elif key == "patternProperties" and isinstance(inner, dict):
                yield from inner
            yield from _patterns(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _patterns(inner)


def _is_pattern(text: str) -> bool:
    """It may be a value that is called so, in an example or a choice."""
    try:
        re.compile(text)
    except (re.error, RecursionError, OverflowError):
        return False
    return True


def _path(error: ValidationError | SchemaError) -> str:
    """`.speed` or `.steps[2].speed`; empty where it is the whole."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in error.absolute_path)


def _words(error: ValidationError | SchemaError) -> str:
    text = error.message
    return text if len(text) <= WORDS else text[: WORDS - 1] + "…"
