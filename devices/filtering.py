"""Filters: small questions about devices that people write, such as `zone = Hall-3 and firmware < 2.10`. No ORM.

docs/filters.md is the description for people.
"""

import re
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache, cached_property, lru_cache
from typing import Any

from django.utils.translation import gettext
from lark import Lark, Token, Transformer, UnexpectedCharacters, UnexpectedToken, v_args

from devices.filter_refusals import FilterRefused, place_of, refuse_character, refuse_token
from devices.filter_terms import (
    FIELDS,
    KEY,
    KEYWORDS,
    WORD,
    Both,
    Compares,
    Either,
    Facts,
    Has,
    Is,
    Not,
    Reference,
    Resembles,
    Term,
    Test,
    Value,
)
from devices.versions import version_key

__all__ = ["LONGEST", "Facts", "Filter", "FilterRefused", "parse_filter"]

LONGEST = 2000  # characters
DEEPEST = 32  # parentheses and nots inside each other
TERMS_LIMIT = 200  # values that something is compared with

TYPES = ("sensor", "actuator", "controller", "gateway")
STATUSES = ("online", "offline", "maintenance", "error")
WORDS_OF = {"type": TYPES, "status": STATUSES}
STRING = r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*\""""

GRAMMAR = rf"""
    ?start: either
    ?either: both (OR both)*
    ?both: term (AND term)*
    ?term: NOT term                            -> negation
         | "(" either ")"                      -> group
         | field EQUALS value                  -> is_one
         | field UNEQUAL value                 -> is_not_one
         | field ORDER value                   -> compares
         | field (LIKE | CONTAINS) value       -> resembles
         | field NOT (LIKE | CONTAINS) value   -> resembles_not
         | field IN "(" values ")"             -> is_one
         | field NOT IN "(" values ")"         -> is_not_one_of
         | HAS field                           -> has
    values: value ("," value)*
    value: WORD | STRING
    field: WORD | PATH

    %declare AND OR NOT LIKE CONTAINS IN HAS
    EQUALS: "="
    UNEQUAL: "!="
    ORDER: "<=" | ">=" | "<" | ">"
    STRING.3: /{STRING}/s
    PATH.2: /metadata(?:\.(?:{KEY}|{STRING}))+(?![^\s()=!<>,])/is
    WORD.1: /{WORD}/
    %ignore /\s+/
"""


@dataclass(frozen=True)
class Filter:
    """A filter that was understood; as text it is what was read, written plainly."""

    term: Term

    def __str__(self) -> str:
        return str(self.term)

    @cached_property
    def matches(self) -> Test:
        """Whether a device with these facts is found."""
        return self.term.test()

    @property
    def fields(self) -> set[str]:
        """What of `Facts` it asks for."""
        return {FIELDS[reference.name] for reference in self.term.references()}


@lru_cache(maxsize=512)
def parse_filter(text: str) -> Filter:
    """Read a filter; refuses with the position of what is wrong."""
    if len(text) > LONGEST:
        raise FilterRefused(
            gettext("it is too long, at most %(most)s characters are understood") % {"most": f"{LONGEST:,}"},
            position=LONGEST + 1,
        )
    try:
        found: Any = _parser().parse(text)
    except UnexpectedToken as error:
        refuse_token(error, text)
    except UnexpectedCharacters as error:
        refuse_character(text, error.pos_in_stream or 0)
    return Filter(found.term)


@dataclass(frozen=True, slots=True)
class _Part:
    """A piece that has been read, with how deep and how much it is: both are bounded."""

    term: Term
    depth: int = 0
    count: int = 1


@v_args(inline=True)
class _Reader(Transformer):
    """Makes terms of what the grammar finds, from within."""

    def either(self, *parts: Any) -> _Part:
        return self._several(Either, parts)

    def both(self, *parts: Any) -> _Part:
        return self._several(Both, parts)

    def _several(self, kind: type[Both] | type[Either], found: tuple[Any, ...]) -> _Part:
        parts = found[::2]  # a word stands between every two
        depth, count = max(part.depth for part in parts), sum(part.count for part in parts)
        if count > TERMS_LIMIT:
            raise FilterRefused(
                gettext("at most %(most)s comparisons are understood") % {"most": TERMS_LIMIT},
                position=place_of(found[1]),
            )
        return _Part(kind(tuple(part.term for part in parts)), depth, count)

    def negation(self, word: Token, part: _Part) -> _Part:
        return _Part(Not(part.term), self._deeper(part, place_of(word)), part.count)

    def group(self, part: _Part) -> _Part:
        return _Part(part.term, self._deeper(part, 1), part.count)

    def _deeper(self, part: _Part, position: int) -> int:
        if part.depth >= DEEPEST:
            raise FilterRefused(
                gettext("at most %(most)s levels inside each other are understood") % {"most": DEEPEST},
                position=position,
            )
        return part.depth + 1

    def is_one(self, field: "_Field", word: Token, values: Any) -> _Part:
        listed = values if isinstance(values, list) else [values]
        if len(listed) > TERMS_LIMIT:
            raise FilterRefused(
                gettext("at most %(most)s values are understood") % {"most": TERMS_LIMIT},
                position=place_of(word),
            )
        for value in listed:
            _refuse_unknown_word(field, value)
        return _Part(Is(field.reference, tuple(value.value for value in listed)), count=len(listed))

    def is_not_one(self, field: "_Field", word: Token, value: Any) -> _Part:
        part = self.is_one(field, word, value)
        return _Part(Not(part.term), count=part.count)

    def is_not_one_of(self, field: "_Field", word: Token, _in: Token, values: Any) -> _Part:
        return self.is_not_one(field, word, values)

    def compares(self, field: "_Field", order: Token, value: "_Value") -> _Part:
        if field.reference.path:
            if value.value.number is None:
                raise FilterRefused(
                    gettext("metadata is put in order by number, and %(value)s is none")
                    % {"value": value.value},
                    position=value.position,
                )
        elif field.reference.name != "firmware":
            raise FilterRefused(
                gettext("%(reference)s has no order; expected one of =, !=, in, not in, like, contains")
                % {"reference": field.reference},
                position=place_of(order),
            )
        elif version_key(value.value.text) is None:
            raise FilterRefused(
                gettext("%(value)s is no version such as 2.10") % {"value": value.value},
                position=value.position,
            )
        return _Part(Compares(field.reference, str(order), value.value))

    def resembles(self, field: "_Field", how: Token, value: "_Value") -> _Part:
        return _Part(Resembles(field.reference, how.lower(), value.value))

    def resembles_not(self, field: "_Field", _not: Token, how: Token, value: "_Value") -> _Part:
        return _Part(Not(self.resembles(field, how, value).term))

    def has(self, _word: Token, field: "_Field") -> _Part:
        return _Part(Has(field.reference))

    def values(self, *values: "_Value") -> list["_Value"]:
        return list(values)

    def value(self, token: Token) -> "_Value":
        if token.type == "STRING":
            return _Value(Value(_unquoted(token)), place_of(token))
        value = Value(str(token), is_bare=True)
        if value.number is None and value.truth is None:
            value = Value(str(token))
        return _Value(value, place_of(token))

    def field(self, token: Token) -> "_Field":
        if token.type == "PATH":
            keys = re.findall(rf"\.({KEY}|{STRING})", token[len("metadata") :], re.DOTALL)
            return _Field(Reference("metadata", tuple(_unquoted(key) for key in keys)))
        by_name = {name.lower(): name for name in FIELDS}
        name = by_name.get(token.lower())
        if name == "metadata" or token.lower().startswith("metadata."):
            raise FilterRefused(
                gettext("metadata is asked for by names: metadata.line, metadata.'serial number'"),
                position=place_of(token),
            )
        if name is None:
            near = get_close_matches(token.lower(), [*by_name, "tags", "firmwareversion"], 1)
            hint = (
                {"tags": "tag", "firmwareversion": "firmware"}.get(near[0], by_name.get(near[0]))
                if near
                else ""
            )
            word = repr(str(token))
            if hint:
                word = gettext("%(word)s (do you mean %(hint)s?)") % {"word": word, "hint": hint}
            raise FilterRefused(
                gettext("there is no field %(word)s; expected one of %(names)s")
                % {"word": word, "names": _fields()},
                position=place_of(token),
            )
        return _Field(Reference(name))


@dataclass(frozen=True, slots=True)
class _Field:
    reference: Reference


@dataclass(frozen=True, slots=True)
class _Value:
    value: Value
    position: int


def _fields() -> str:
    return ", ".join("metadata.…" if name == "metadata" else name for name in FIELDS)


def _unquoted(text: str) -> str:
    if text[0] not in "'\"":
        return str(text)
    return re.sub(r"\\(.)", r"\1", text[1:-1], flags=re.DOTALL)


def _refuse_unknown_word(field: _Field, value: _Value) -> None:
    known = WORDS_OF.get(field.reference.name)
    if known and value.value.text not in known:
        raise FilterRefused(
            gettext("%(value)s is no %(reference)s; expected one of %(names)s")
            % {"value": value.value, "reference": field.reference, "names": ", ".join(known)},
            position=value.position,
        )


@cache
def _parser() -> Lark:
    """Built once; it keeps nothing of what it reads, so threads share it."""

    def keyword(token: Token) -> Token:
        return token.update(type=token.upper()) if token.lower() in KEYWORDS else token

    return Lark(
        GRAMMAR,
        parser="lalr",
        lexer="basic",
        maybe_placeholders=False,
        transformer=_Reader(),
        lexer_callbacks={"WORD": keyword},
    )
