"""What is told of a filter that cannot be understood: where, and what would have fitted there. No ORM."""

from typing import Any, NoReturn

from django.utils.translation import gettext, gettext_noop
from lark import Token, UnexpectedToken

from devices.filter_terms import KEYWORDS
from factory.errors import InvalidInput

# What a person is told that would have fitted.
CALLED = {
    "WORD": gettext_noop("a word"),
    "STRING": gettext_noop("a text in quotes"),
    "PATH": "metadata.…",
    "EQUALS": "=",
    "UNEQUAL": "!=",
    "ORDER": "< <= > >=",
    "LPAR": "(",
    "RPAR": ")",
    "COMMA": ",",
    "$END": gettext_noop("the end"),
}


class FilterRefused(InvalidInput):
    """A filter that cannot be understood. It says where (characters count from 1) and what would be."""

    def __init__(self, reason: str, *, position: int) -> None:
        self.position = position
        self.reason = gettext("at position %(position)s: %(reason)s") % {
            "position": position,
            "reason": reason,
        }
        super().__init__(f"filter: {self.reason}", fields={"filter": [self.reason]})


def place_of(token: Token) -> int:
    """Where it begins, counted from 1."""
    return (token.start_pos or 0) + 1


def refuse_token(error: UnexpectedToken, text: str) -> NoReturn:
    expected = _in_words(error.accepts or error.expected)
    if error.token.type == "$END":
        missing = gettext("it ends too early") if text.strip() else gettext("there is nothing to read")
        raise FilterRefused(
            gettext("%(told)s; expected one of %(expected)s") % {"told": missing, "expected": expected},
            position=len(text) + 1,
        ) from None
    told = gettext("%(what)s does not fit here") % {"what": repr(str(error.token))}
    if error.token.lower() in KEYWORDS and {"WORD", "STRING"} & set(error.accepts or ()):
        told = gettext("%(told)s (in quotes it would be a text)") % {"told": told}
    raise FilterRefused(
        gettext("%(told)s; expected one of %(expected)s") % {"told": told, "expected": expected},
        position=place_of(error.token),
    ) from None


def refuse_character(text: str, place: int) -> NoReturn:
    character = text[place]
    told = (
        gettext("the quote is never closed")
        if character in "'\""
        else gettext("%(what)s does not fit here") % {"what": repr(character)}
    )
    raise FilterRefused(told, position=place + 1) from None


def _in_words(terminals: Any) -> str:
    order = [*CALLED, *(word.upper() for word in sorted(KEYWORDS))]
    known = sorted(set(terminals), key=lambda name: order.index(name) if name in order else len(order))
    return ", ".join(gettext(CALLED[name]) if name in CALLED else name.lower() for name in known)
