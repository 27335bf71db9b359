"""What a filter of devices is made of once it has been read: no ORM."""

import operator
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from devices.versions import version_key

# Fields by their name in a filter, and where `Facts` have them.
FIELDS = {
    "type": "type",
    "zone": "zone",
    "status": "status",
    "tag": "tags",
    "firmware": "firmware",
    "name": "name",
    "deviceId": "external_id",
    "location": "location",
    "metadata": "metadata",
}
KEYWORDS = frozenset({"and", "or", "not", "in", "like", "contains", "has"})
NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?")
WORD = r"""[^\s()=!<>,'"]+"""
KEY = r"""[^\s()=!<>,'".]+"""  # a part of a path; what is not one is quoted

ORDERS: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


class Facts(NamedTuple):
    """What a filter may ask of a device."""

    type: str = ""
    zone: str = ""
    status: str = ""
    tags: Iterable[str] = ()
    firmware: str = ""
    name: str = ""
    external_id: str = ""
    location: str = ""
    metadata: Mapping[str, Any] = {}


def quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


@dataclass(frozen=True, slots=True)
class Value:
    """What is compared with. A bare 7 or true also means the number or the truth, in quotes only the text."""

    text: str
    is_bare: bool = False

    def __str__(self) -> str:
        return self.text if self.is_bare else quoted(self.text)

    @property
    def number(self) -> int | float | None:
        if not self.is_bare or not NUMBER.fullmatch(self.text):
            return None
        return int(self.text) if self.text.lstrip("-").isdecimal() else float(self.text)

    @property
    def truth(self) -> bool | None:
        return {"true": True, "false": False}.get(self.text.lower()) if self.is_bare else None


@dataclass(frozen=True, slots=True)
class Reference:
    """A field, or with a path a place in the metadata."""

    name: str
    path: tuple[str, ...] = ()

    def __str__(self) -> str:
        keys = (key if re.fullmatch(KEY, key) else quoted(key) for key in self.path)
        return ".".join([self.name, *keys])

    def in_(self, facts: Facts) -> Any:
        found = getattr(facts, FIELDS[self.name])
        for key in self.path:
            if not isinstance(found, Mapping):
                return None
            found = found.get(key)
        return found

    def values(self, facts: Facts) -> Iterable[Any]:
        """What there is to compare: every element of a list; nothing where it is not set."""
        found = self.in_(facts)
        if isinstance(found, list | tuple):
            return found
        return () if found is None or isinstance(found, Mapping) else (found,)


Test = Callable[[Facts], bool]


class Term:
    """Something that is true of a device, or not."""

    def test(self) -> Test:
        """What says so, made once for many devices."""
        raise NotImplementedError

    def references(self) -> Iterable[Reference]:
        raise NotImplementedError


@dataclass(frozen=True)
class Simple(Term):
    reference: Reference

    def references(self) -> Iterable[Reference]:
        return [self.reference]


@dataclass(frozen=True)
class Is(Simple):
    """It is one of these."""

    values: tuple[Value, ...]

    def __str__(self) -> str:
        return self.written()

    def written(self, *, negated: bool = False) -> str:
        if len(self.values) == 1:
            return f"{self.reference} {'!=' if negated else '='} {self.values[0]}"
        word = "not in" if negated else "in"
        return f"{self.reference} {word} ({', '.join(map(str, self.values))})"

    def test(self) -> Test:
        texts = frozenset(value.text for value in self.values)
        if self.reference.name == "tag":
            return lambda facts: not texts.isdisjoint(facts.tags)
        if not self.reference.path:
            its_text = operator.attrgetter(FIELDS[self.reference.name])
            return lambda facts: its_text(facts) in texts
        numbers = frozenset(value.number for value in self.values) - {None}
        truths = frozenset(value.truth for value in self.values) - {None}

        def is_wanted(found: Any) -> bool:
            if isinstance(found, str):
                return found in texts
            if isinstance(found, bool):  # before numbers: True is 1
                return found in truths
            return isinstance(found, int | float) and found in numbers

        values = self.reference.values
        return lambda facts: any(map(is_wanted, values(facts)))


@dataclass(frozen=True)
class Compares(Simple):
    """It comes before or after: firmware by version, metadata by number."""

    order: str
    value: Value

    def __str__(self) -> str:
        return f"{self.reference} {self.order} {self.value}"

    def test(self) -> Test:
        place_of: Callable[[Any], Any] = number_in if self.reference.path else version_key
        bound = self.value.number if self.reference.path else version_key(self.value.text)
        compare, values = ORDERS[self.order], self.reference.values

        def fits(found: Any) -> bool:
            place = place_of(found)
            return place is not None and compare(place, bound)

        return lambda facts: any(map(fits, values(facts)))


def number_in(found: Any) -> int | float | None:
    return found if isinstance(found, int | float) and not isinstance(found, bool) else None


@dataclass(frozen=True)
class Resembles(Simple):
    """Its text is like a pattern, or contains something."""

    how: str  # like | contains
    value: Value

    def __str__(self) -> str:
        return self.written()

    def written(self, *, negated: bool = False) -> str:
        return f"{self.reference} {'not ' if negated else ''}{self.how} {self.value}"

    def test(self) -> Test:
        part, whole, values = self.value.text, pattern_of(self.value.text).fullmatch, self.reference.values
        if self.how == "contains":
            return lambda facts: any(isinstance(found, str) and part in found for found in values(facts))
        return lambda facts: any(isinstance(found, str) and whole(found) for found in values(facts))


def pattern_of(text: str) -> re.Pattern[str]:
    """`*` stands for any text, `?` for one character. Made so that no pattern makes the search go back and forth."""
    first, *others = (re.escape(part).replace(r"\?", ".") for part in text.split("*"))
    if not others:
        return re.compile(first, re.DOTALL)
    *middle, last = others
    return re.compile(first + "".join(f"(?>.*?{part})" for part in middle if part) + f".*{last}", re.DOTALL)


@dataclass(frozen=True)
class Has(Simple):
    """It is set: a text that is not empty, any tag, metadata other than null."""

    def __str__(self) -> str:
        return f"has {self.reference}"

    def test(self) -> Test:
        its_value = self.reference.in_
        if self.reference.path:
            return lambda facts: its_value(facts) is not None
        return lambda facts: bool(its_value(facts))


@dataclass(frozen=True)
class Not(Term):
    inner: Term

    def __str__(self) -> str:
        if isinstance(self.inner, Is | Resembles):
            return self.inner.written(negated=True)
        return f"not ({self.inner})" if isinstance(self.inner, Several) else f"not {self.inner}"

    def test(self) -> Test:
        inner = self.inner.test()
        return lambda facts: not inner(facts)

    def references(self) -> Iterable[Reference]:
        return self.inner.references()


@dataclass(frozen=True)
class Several(Term):
    parts: tuple[Term, ...]
    word: str = field(init=False, repr=False, compare=False)

    def __str__(self) -> str:
        return f" {self.word} ".join(map(self._part, self.parts))

    def _part(self, part: Term) -> str:
        """`and` binds closer than `or`; all else between these two needs parentheses."""
        is_plain = not isinstance(part, Several) or (part.word, self.word) == ("and", "or")
        return str(part) if is_plain else f"({part})"

    def references(self) -> Iterable[Reference]:
        return [reference for part in self.parts for reference in part.references()]


@dataclass(frozen=True)
class Both(Several):
    word = "and"

    def test(self) -> Test:
        tests = [part.test() for part in self.parts]

        def all_say_so(facts: Facts) -> bool:
            for test in tests:  # noqa: SIM110 -- all() with a generator takes twice as long
                if not test(facts):
                    return False
            return True

        return all_say_so


@dataclass(frozen=True)
class Either(Several):
    word = "or"

    def test(self) -> Test:
        tests = [part.test() for part in self.parts]

        def one_says_so(facts: Facts) -> bool:
            for test in tests:  # noqa: SIM110 -- as above
                if test(facts):
                    return True
            return False

        return one_says_so
